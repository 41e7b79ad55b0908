"""How to pay by bank or PayPal: a reference for everybody, and no answer that tells who is known here."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from membership.app import create_app
from membership.clock import FixedClock
from membership.patronage import services
from membership.patronage.models import TransferReference
from membership.patronage.transfer_views import REFERENCES_A_DAY
from tests.conftest import NOW, SettingsMaker, make_sessions
from tests.factories.accounts import make_member, sign_in
from tests.factories.patronage import give_seat, make_plan
from tests.patronage.conftest import ON_SQLITE, Browser, table

PAGE = "/support/transfer"
REFERENCE = re.compile(r'class="ballot-number">([0-9A-Z]{4}-[0-9A-Z]{4})<')
Opener = Callable[..., Flask]


@pytest.fixture
def opened(engine: Engine, make_settings: SettingsMaker, clock: FixedClock) -> Iterator[Opener]:
    """Opens an app with a plan, with or without an account of its own."""
    made: list[Flask] = []

    def opener(**account: str) -> Flask:
        app = create_app(make_settings(DATABASE_URL=engine.url.render_as_string(hide_password=False), **account), clock=clock)
        made.append(app)
        with make_sessions(engine)() as session:
            make_plan(session)
        return app

    yield opener
    for app in made:
        app.extensions["kernel"].engine.dispose()


ACCOUNT = {"BANK_DETAILS": "Account holder: Gazette NGO; IBAN: UA21 3223; only in person", "PAYPAL_ADDRESS": "pay@gazette.example"}


def browser(app: Flask) -> Browser:
    return Browser(app.test_client(), "http://localhost")


def words(page: TestResponse) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def shown(page: TestResponse) -> str:
    """The reference on the page, empty if there is none."""
    found = REFERENCE.search(page.text)
    return found[1] if found else ""


def rows(app: Flask) -> list[tuple[Any, ...]]:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        return table(session, TransferReference, "member_id", "email", "language")


@ON_SQLITE
@pytest.mark.parametrize("typed", ["", "ann", "ann@", "a@b@c.example", "x" * 5000, "<script>@example.org"])
def test_what_is_no_address_is_asked_for_again_and_kept(opened: Opener, typed: str) -> None:
    app = opened(**ACCOUNT)

    page = browser(app).post(PAGE, {"email": typed})

    assert page.status_code == 422
    assert "Enter an e-mail address, such as name@example.org." in words(page)
    assert "<title>Error: " in page.text
    assert f'value="{html.escape(typed)}"' in page.text
    assert rows(app) == []


@ON_SQLITE
def test_without_an_account_the_page_leads_to_the_newsroom(opened: Opener) -> None:
    app = opened()

    page = browser(app).get(PAGE)
    posted = browser(app).post(PAGE, {"email": "ann@example.org"})

    assert "Write to us: we send you our account" in words(page)
    assert "mailto:desk@gazette.example" in page.text
    assert 'name="email"' not in page.text
    assert (shown(posted), rows(app)) == ("", [])


@ON_SQLITE
def test_a_browser_asks_a_few_times_a_day(opened: Opener) -> None:
    app = opened(**ACCOUNT)
    one = browser(app)
    by_one = [one.post(PAGE, {"email": "ann@example.org"}).status_code for _ in range(REFERENCES_A_DAY + 1)]

    assert by_one == [303] * REFERENCES_A_DAY + [429]
    assert browser(app).post(PAGE, {"email": "ann@example.org"}).status_code == 303


def test_a_known_address_and_a_new_one_get_the_same_answer(opened: Opener) -> None:
    app = opened(**ACCOUNT)
    with make_sessions(app.extensions["kernel"].engine)() as session:
        member = make_member(session, "known@example.org")
        services.transfer_reference_for(session, member_id=member.id, language="en", now=NOW)

    pages = {}
    for address in ("known@example.org", "fresh@example.org"):
        reader = browser(app)
        page = reader.get(reader.post(PAGE, {"email": address}).location)
        pages[address] = words(page).replace(shown(page), "").replace(address, "")

    assert pages["known@example.org"] == pages["fresh@example.org"]
    assert rows(app) == [(member.id, None, "en"), (None, "fresh@example.org", "en"), (None, "known@example.org", "en")]


@ON_SQLITE
def test_a_stranger_sees_the_account_under_a_reference_that_stays(opened: Opener) -> None:
    app = opened(**ACCOUNT)
    reader = browser(app)

    before = reader.get(PAGE)
    after = reader.get(reader.post("/uk/support/transfer", {"email": " Ann@Example.org "}).location)
    again, other = reader.get(PAGE), browser(app).get(PAGE)

    assert "UA21 3223" not in words(before)
    assert (shown(after) != "", shown(again), shown(other)) == (True, shown(after), "")
    for said in ("Gazette NGO", "UA21 3223", "only in person", "pay@gazette.example", "Ann@Example.org"):
        assert said in words(after)
    assert "Ann@Example.org" not in words(again)  # whoever comes next to a shared computer
    assert after.headers["Cache-Control"] == "private, no-store"
    assert rows(app) == [(None, "ann@example.org", "uk")]


def test_who_is_signed_in_has_one_reference_and_sees_until_when(opened: Opener) -> None:
    app = opened(**ACCOUNT)
    reader = browser(app)
    with make_sessions(app.extensions["kernel"].engine)() as session:
        member = make_member(session)
        give_seat(session, member.id)  # until 11 April
    sign_in(app, reader.client, member.id)

    first, second, posted = reader.get(PAGE), reader.get(PAGE), reader.post(PAGE, {"email": "somebody@example.org"})

    assert shown(first) == shown(second) == shown(posted) != ""
    assert rows(app) == [(member.id, None, "en")]
    assert "one month for each €3, twelve months at most" in words(first)
    assert "€10 3 11 July 2026 €20 6 11 October 2026 €50 12 11 April 2027" in words(first)


@ON_SQLITE
def test_paypal_alone_may_be_an_address_of_a_page(opened: Opener) -> None:
    reader = browser(opened(PAYPAL_ADDRESS="https://paypal.me/gazette"))

    page = reader.get(reader.post(PAGE, {"email": "ann@example.org"}).location)

    assert '<a href="https://paypal.me/gazette" rel="noreferrer">' in page.text
    assert "By bank, to" not in words(page)


@ON_SQLITE
def test_who_could_be_in_danger_is_told_first_and_the_other_ways_lead_here(opened: Opener) -> None:
    reader = browser(opened(**ACCOUNT))

    assert "banks keep every recipient for years" in words(reader.get(PAGE))
    assert f'href="{PAGE}"' in reader.get("/support/other").text
    assert 'href="/uk/support/transfer"' in reader.get("/uk/support/other").text
