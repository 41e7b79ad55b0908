"""Staff with passkeys, and browsers that are signed in by one."""

from datetime import datetime

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.accounts import services, staff_queries
from membership.accounts.ceremonies import RelyingParty
from membership.accounts.models import Passkey
from tests.conftest import NOW
from tests.factories.accounts import BROWSER
from tests.factories.authenticator import Authenticator

PARTY = RelyingParty("localhost", "The Test Gazette", ("http://localhost",))


def register(session: Session, device: Authenticator, member_id: int, *, name: str = "phone", now: datetime = NOW) -> Passkey:
    """Add a passkey to a member of the staff."""
    options = begin(session, member_id, now=now)
    finish(session, device.create(options), member_id, name=name, now=now)
    return staff_queries.passkeys_of(session, member_id)[-1]


def begin(session: Session, member_id: int, *, browser_hash: bytes = BROWSER, now: datetime = NOW) -> str:
    """Return what a browser of this member is asked to make."""
    return services.begin_registration(session, member_id=member_id, party=PARTY, browser_hash=browser_hash, now=now)


def finish(
    session: Session,
    answer: str,
    member_id: int,
    *,
    session_id: int = 0,
    name: str = "phone",
    browser_hash: bytes = BROWSER,
    now: datetime = NOW,
) -> str:
    """Take the passkey that a device has made; return the token of the session that it opens."""
    return services.finish_registration(
        session,
        member_id=member_id,
        session_id=session_id,
        party=PARTY,
        answer=answer,
        name=name,
        browser_hash=browser_hash,
        now=now,
    )


def sign_in_with_passkey(client: FlaskClient, device: Authenticator) -> None:
    """Sign a test browser in as staff do it: ask for options, sign them, send the form."""
    options = client.post("/staff/sign-in/options")
    assert options.status_code == 200, options.text
    done = client.post("/staff/sign-in", data={"passkey_answer": device.get(options.text)})
    assert done.status_code == 303, done.text
