"""Two who write about the same account wait for each other in turn: PostgreSQL never has to end one of them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from membership.accounts import closures, queries, services
from membership.accounts.models import MAIL_GROUPS, AccountClosure, LoginSession, Member, Passkey
from membership.accounts.services.sessions import end_sessions
from membership.db import transaction
from membership.errors import NotAllowed, NotFound
from tests.accounts.test_invitations import enrolment_link, finish
from tests.accounts.test_passkeys import LATER, begin_sign_in, confirm, finish_sign_in
from tests.accounts.test_recovery import use
from tests.conftest import NOW
from tests.factories.accounts import BROWSER, make_member, make_staff
from tests.factories.authenticator import Authenticator
from tests.factories.passkeys import PARTY, register
from tests.locking import ON_POSTGRESQL, meet, meeting

DAY = timedelta(days=1)
THE_MEMBER = "SELECT FROM member WHERE id = :id FOR UPDATE"


@pytest.fixture
def leaver(session: Session) -> Member:
    """Somebody whose account is to be shut now."""
    member = make_member(session)
    with transaction(session):
        session.add(AccountClosure(member_id=member.id, asked_at=NOW, due_at=NOW, begun_at=NOW, confirmed_at=NOW))
    return member


def shut(own: Session) -> int:
    return services.shut_accounts(own, now=NOW)


@ON_POSTGRESQL
def test_an_account_is_shut_while_its_owner_chooses_mails(engine: Engine, session: Session, leaver: Member) -> None:
    first, *others = MAIL_GROUPS

    def choose(*wanted: str) -> Any:
        return lambda own: services.choose_mails(own, member_id=leaver.id, wanted=frozenset(wanted), now=NOW)

    choose(*others)(session)

    both = meet(engine, THE_MEMBER, {"id": leaver.id}, shut, choose(first))

    assert ([one.exception() for one in both], both[0].result()) == ([None, None], 1)


@ON_POSTGRESQL
def test_an_account_is_shut_while_its_owner_accepts_an_invitation(engine: Engine, session: Session, leaver: Member) -> None:
    token = enrolment_link(session, "editor", email="reader@example.org")
    made = Authenticator().create(
        services.begin_acceptance(session, token=token, party=PARTY, browser_hash=BROWSER, now=NOW),
    )
    the_address = "SELECT pg_advisory_xact_lock(hashtextextended('reader@example.org', 0))"

    done, accepted = meet(engine, the_address, {}, shut, lambda own: finish(own, token, made))

    assert (done.result(), closures.is_closed(session, leaver.id)) == (1, True)
    assert isinstance(accepted.exception(), NotFound)


@ON_POSTGRESQL
def test_recovery_codes_are_made_anew_while_one_of_them_is_used(engine: Engine, session: Session) -> None:
    staff = make_staff(session)
    code = services.make_recovery_codes(session, member_id=staff.id, now=NOW)[0]

    made, used = meet(
        engine,
        THE_MEMBER,
        {"id": staff.id},
        lambda own: services.make_recovery_codes(own, member_id=staff.id, now=NOW),
        lambda own: use(own, code),
    )

    assert len(made.result()) == 10
    assert isinstance(used.exception(), NotAllowed)


@ON_POSTGRESQL
def test_somebody_leaves_the_staff_while_they_show_a_passkey(engine: Engine, session: Session) -> None:
    staff, device = make_staff(session), Authenticator()
    register(session, device, staff.id)
    finish_sign_in(session, device.get(begin_sign_in(session)))
    login_id = session.scalars(select(LoginSession.id).order_by(LoginSession.id.desc()).limit(1)).one()
    answer = device.get(services.begin_confirmation(session, member_id=staff.id, party=PARTY, browser_hash=BROWSER, now=LATER))

    # As services.end_employment, with a moment in the middle.
    with meeting(engine) as begin, transaction(session):
        queries.lock_member(session, staff.id)
        end_sessions(session, staff.id, NOW)
        shown = begin(lambda own: confirm(own, answer, staff.id, login_id))
        session.execute(delete(Passkey).where(Passkey.member_id == staff.id))

    assert isinstance(shown.exception(), NotAllowed)
