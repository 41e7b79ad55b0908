"""What is limited, as a reader meets it: when to try again, with everything typed kept, and never for a neighbour's doing."""

import html
import re
from collections.abc import Mapping

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from membership.db import transaction
from membership.limits import LimitedAct
from membership.patronage.checkout_pages import STARTS_AN_HOUR_OF_NETWORK
from membership.patronage.giving_views import CODES_AN_HOUR, CODES_AN_HOUR_OF_NETWORK, SEATS_A_DAY_OF_NETWORK
from membership.patronage.link_views import MAILS_AN_HOUR_OF_NETWORK
from membership.patronage.transfer_views import REFERENCES_A_DAY_OF_NETWORK
from membership.web.network import network_hash
from tests.conftest import NOW, make_sessions
from tests.factories.accounts import make_member, sign_in
from tests.factories.patronage import make_plan
from tests.patronage.conftest import ON_SQLITE, Browser

CHECKOUT = {"interval": "month", "amount_month": "500"}
GIVING = {"amount_once": "other", "other_once": "60"}
CODE = {"code": "0000-0000-0000-0000-0000", "email": "a@example.org"}
ADDRESS = {"email": "a@example.org"}
LIMITED = [
    pytest.param("/support", CHECKOUT, "checkout", STARTS_AN_HOUR_OF_NETWORK, id="support"),
    pytest.param("/support/gift", GIVING, "checkout", STARTS_AN_HOUR_OF_NETWORK, id="gift"),
    pytest.param("/support/seats", GIVING, "checkout", STARTS_AN_HOUR_OF_NETWORK, id="seats"),
    pytest.param("/gift", CODE, "gift_code", CODES_AN_HOUR_OF_NETWORK, id="gift code"),
    pytest.param("/support/free-seat", ADDRESS, "free_seat", SEATS_A_DAY_OF_NETWORK, id="free seat"),
    pytest.param("/support/transfer", ADDRESS, "transfer_reference", REFERENCES_A_DAY_OF_NETWORK, id="reference"),
    pytest.param("/cancel", ADDRESS, "cancel_mail", MAILS_AN_HOUR_OF_NETWORK, id="cancel"),
]


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """A newsroom that also takes transfers."""
    return environ | {"PAYPAL_ADDRESS": "pay@gazette.example"}


@pytest.fixture
def db(app: Flask) -> Session:
    """A session with a plan."""
    session = make_sessions(app.extensions["kernel"].engine)()
    make_plan(session)
    return session


def did(session: Session, who: bytes, act: str, many: int) -> None:
    """Make somebody have done something so many times, ten minutes ago."""
    at = NOW.replace(hour=11, minute=50)
    with transaction(session):
        session.add_all(LimitedAct(act=act, who=who, at=at) for _ in range(many))


def network_of(app: Flask) -> bytes:
    with app.test_request_context(environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        return network_hash()


def words(page: TestResponse) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def keeps(page: TestResponse, fields: Mapping[str, str]) -> bool:
    return all(f'value="{value}"' in page.text for value in fields.values())


@ON_SQLITE
@pytest.mark.parametrize(("path", "fields", "act", "most"), LIMITED)
def test_past_a_networks_limit_strangers_hear_when_to_try_again_and_keep_what_they_typed(
    app: Flask, db: Session, path: str, fields: dict[str, str], act: str, most: int
) -> None:
    did(db, network_of(app), act, most)

    refused = Browser(app.test_client(), "http://localhost").post(path, fields)

    tomorrow = act in ("free_seat", "transfer_reference")
    when = "Try again after Monday 23 March 2026, 13:50 in Kyiv." if tomorrow else "Try again after 14:50 in Kyiv."
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(24 * 3600 - 600 if tomorrow else 3000))
    assert when in words(refused)
    assert keeps(refused, fields)


@ON_SQLITE
def test_members_wait_for_what_they_did_themselves_and_never_for_their_neighbours(app: Flask, db: Session) -> None:
    did(db, network_of(app), "gift_code", CODES_AN_HOUR_OF_NETWORK)
    clients = [app.test_client(), app.test_client()]
    for client, address in zip(clients, ["a@example.org", "b@example.org"], strict=True):
        sign_in(app, client, make_member(db, address).id)
    one, other = (Browser(client, "http://localhost") for client in clients)

    answers = [one.post("/gift", CODE).status_code for _ in range(CODES_AN_HOUR + 1)]

    assert answers == [422] * CODES_AN_HOUR + [429]
    assert other.post("/gift", CODE).status_code == 422
