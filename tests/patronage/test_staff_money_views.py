"""The page about being true to Stripe, and its commands: compare, check, switch."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from membership.db import Base, make_engine, transaction
from membership.patronage.models import Payment, StripeClosure
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.patronage.conftest import Browser, Shop


@pytest.fixture
def treasurer(shop: Shop) -> Browser:
    """A treasurer's browser."""
    browser = shop.browser()
    with shop.session() as session:
        sign_in(shop.app, browser.client, make_staff(session, "treasurer").id)
    return browser


def somebody_joined_unheard(shop: Shop) -> None:
    """A checkout is paid, and no webhook arrives."""
    shop.stripe.pay(shop.browser().choose().location)


def run_jobs(shop: Shop) -> None:
    """Let the job runner do its round."""
    shop.app.extensions["kernel"].queue.run("reconcile")


def test_a_reader_and_an_editor_stay_outside(shop: Shop) -> None:
    outside = {}
    for name, make in {"reader": make_member, "editor": make_staff}.items():
        browser = shop.browser()
        with shop.session() as session:
            sign_in(shop.app, browser.client, make(session).id)
        outside[name] = (browser.get("/staff/money").status_code, browser.post("/staff/money/close-stripe").status_code)

    assert outside == {"reader": (403, 403), "editor": (403, 403)}
    assert shop.rows(StripeClosure, "id") == []


def test_before_the_first_night_the_page_says_what_will_come(treasurer: Browser) -> None:
    page = treasurer.get("/staff/money").text

    assert "Nothing has been compared yet." in page
    assert "The books have not been checked yet." in page


def test_a_comparison_is_asked_for_seen_under_way_and_then_its_differences(shop: Shop, treasurer: Browser) -> None:
    somebody_joined_unheard(shop)

    assert treasurer.post("/staff/money/compare", {"since": "recent"}).status_code == 303
    assert "A comparison is under way: 0 of 0." in treasurer.get("/staff/money").text
    assert treasurer.post("/staff/money/compare").status_code == 409
    run_jobs(shop)

    assert ">differs<" in treasurer.get("/staff/money").text
    assert shop.rows(Payment, "id") == []


def test_mended_it_says_so_and_the_next_one_is_equal(shop: Shop, treasurer: Browser) -> None:
    somebody_joined_unheard(shop)
    for expected in (">mended<", ">equal<"):
        treasurer.post("/staff/money/compare", {"apply": "yes"})
        run_jobs(shop)
        assert expected in treasurer.get("/staff/money").text

    assert shop.rows(Payment, "amount_minor") == [(500,)]


def test_the_checks_say_in_words_what_does_not_add_up(shop: Shop, treasurer: Browser) -> None:
    treasurer.post("/staff/money/check")
    assert ">everything adds up<" in treasurer.get("/staff/money").text
    with shop.session() as session, transaction(session):
        values = {"amount_minor": 500, "fee_minor": 0, "net_minor": 500, "currency": "eur", "occurred_at": NOW}
        session.add(Payment(kind="charge", source="stripe", reference="ch_lost", **values))
    shop.clock.instant += timedelta(seconds=1)

    treasurer.post("/staff/money/check")

    page = treasurer.get("/staff/money").text
    assert "A payment belongs to no support and no checkout." in page
    assert "<code>ch_lost</code>" in page


def test_the_switch_wants_a_reason_turns_the_asks_and_turns_them_back(shop: Shop, treasurer: Browser) -> None:
    refused = treasurer.post("/staff/money/close-stripe", {"reason": " "})
    assert (refused.status_code, "Write why" in refused.text) == (422, True)

    treasurer.post("/staff/money/close-stripe", {"reason": "They closed our account."})
    assert treasurer.post("/staff/money/close-stripe", {"reason": "again"}).status_code == 409
    closed = shop.browser().choose()
    treasurer.post("/staff/money/reopen-stripe")

    assert closed.status_code == 409
    assert shop.browser().choose().status_code == 303
    assert treasurer.post("/staff/money/reopen-stripe").status_code == 409
    assert shop.rows(StripeClosure, "reason", "place") == [("They closed our account.", None)]


def test_the_commands_do_the_same(shop: Shop, tmp_path: Path) -> None:
    somebody_joined_unheard(shop)
    run = shop.app.test_cli_runner().invoke
    empty = f"sqlite:///{tmp_path / 'rebuilt.db'}"
    Base.metadata.create_all(make_engine(empty))

    looked = run(args=["patronage", "reconcile"])
    mended = run(args=["patronage", "reconcile", "--apply", "--since", "2026-03-20"])
    equal = run(args=["patronage", "reconcile"])
    rebuilt = run(args=["patronage", "rebuild", "--into", empty])
    again = run(args=["patronage", "rebuild", "--into", empty])
    switched = [run(args=["patronage", *words]).exit_code for words in (["close-stripe", "--reason", "x"], ["reopen-stripe"])]

    assert "Nothing was changed. To mend it, say --apply." in looked.output
    assert "Mended." in mended.output
    assert equal.output.endswith("No difference.\n")
    assert (rebuilt.exit_code, rebuilt.output.endswith("No difference.\n")) == (0, True)
    assert (again.exit_code, "not empty" in again.output) == (1, True)
    assert run(args=["patronage", "check-money"]).output == "Everything adds up.\n"
    assert run(args=["patronage", "reconcile", "--since", "2026-01-01"]).exit_code == 1
    assert switched == [0, 0]
    with shop.session() as session:
        assert session.scalars(select(StripeClosure.place)).all() == [None]
