"""The treasurer's page about Patreon: first what a list would change, then the change."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from membership.outbox import OutboxItem
from membership.patronage.models import PaidPeriod, PatreonImport, PatreonMember
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.factories.patronage import give_seat
from tests.patronage.conftest import ON_SQLITE, Browser, table
from tests.patronage.test_patreon_sheet import HEADER, member
from tests.patronage.test_staff_transfer_views import books, treasurer, upload, words

__all__ = ["books", "treasurer"]
PAGE = "/staff/patreon"


def send(browser: Browser, *lines: str) -> str:
    """Upload a list; return what the page says then."""
    answer = upload(browser, (HEADER + "".join(lines)).encode(), PAGE)
    return words(browser.get(answer.location) if answer.status_code == 303 else answer)


def act(browser: Browser, books: Session, name: str, **fields: str) -> str:
    """Apply the last list, or put it away; return what the page says then."""
    import_id = max(table(books, PatreonImport, "id"))[0]
    return words(browser.get(browser.post(f"{PAGE}/{import_id}/{name}", fields).location))


@ON_SQLITE
def test_a_reader_and_an_editor_stay_outside(app: Flask, books: Session) -> None:
    outside = {}
    for name, make in {"reader": make_member, "editor": make_staff}.items():
        browser = Browser(app.test_client(), "http://localhost")
        sign_in(app, browser.client, make(books).id)
        outside[name] = {browser.get(PAGE).status_code, upload(browser, b"x", PAGE).status_code}

    assert outside == {"reader": {403}, "editor": {403}}


@ON_SQLITE
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["Ann,ann@example"], "This file ends in the middle of line 2."),
        ([member(), member()], "Line 3: “100” is no number of a member, or stands there twice."),
        ([member(following="soon")], "Line 2: “soon, 2026-03-01 08:00:00” is no day."),
        ([HEADER], "From line 2 on this file says the same once more."),
    ],
)
def test_a_list_with_a_fault_says_which_and_is_not_kept(treasurer: Browser, books: Session, lines: list[str], message: str) -> None:
    said = send(treasurer, *lines)

    assert "There is a problem" in said
    assert message in said
    assert table(books, PatreonImport, "id") == []


@ON_SQLITE
def test_before_the_first_list_the_page_says_what_comes(treasurer: Browser) -> None:
    said = words(treasurer.get(PAGE))

    for sentence in (
        "Their money stays there; nothing is charged here.",
        "Upload Patreon’s list of members each month",
        "Everybody keeps seven days more than is paid",
        "Nobody is here by Patreon.",
    ):
        assert sentence in said


def test_a_list_is_looked_at_and_applied_once(treasurer: Browser, books: Session) -> None:
    give_seat(books, make_member(books, "seat@example.org").id)
    lines = [member(), member(patreon_id="101", email="seat@example.org"), member(patreon_id="102", email="none")]

    seen = send(treasurer, *lines)
    before = table(books, PatreonMember, "patreon_id")
    done = act(treasurer, books, "apply", language="uk")
    again = act(treasurer, books, "apply")

    assert "new here 2 go on or come back 0 stay as they are 0 have left 0 can’t be written to 1" in seen
    assert "ann@example.org #100, until 9 April 2026" in seen
    assert "1 of the new ones is a patron here already" in seen
    assert before == []
    assert "The list is applied." in done
    assert "What this list changes" not in done
    assert "The list is applied." in again
    assert table(books, PatreonMember, "patreon_id") == [("100",), ("101",)]
    assert len([source for (source,) in table(books, PaidPeriod, "source") if source == "patreon"]) == 2
    assert table(books, OutboxItem, "kind") == [("patreon_welcome",)] * 2


def test_the_next_list_shows_who_goes_on_and_who_has_left(treasurer: Browser, books: Session) -> None:
    send(treasurer, member(), member(patreon_id="101", email="bob@example.org"))
    act(treasurer, books, "apply")

    seen = send(treasurer, member(following="2026-05-01"), member(patreon_id="103", charge="Pending"))

    assert "new here 0 go on or come back 1 stay as they are 1 have left 1" in seen
    assert "bob@example.org #101, until 9 April 2026" in seen


def test_a_list_put_away_changes_nothing_and_cannot_be_applied(treasurer: Browser, books: Session) -> None:
    send(treasurer, member())

    away = act(treasurer, books, "discard")
    late = act(treasurer, books, "apply")

    assert "Put away. Nothing has changed." in away
    assert "This list was put away. Please upload it again." in late
    assert (table(books, PatreonMember, "patreon_id"), table(books, PatreonImport, "draft")) == ([], [(None,)])
    assert treasurer.post(f"{PAGE}/404/apply").status_code == 404


@ON_SQLITE
def test_the_page_says_when_the_last_list_is_old(app: Flask, treasurer: Browser, books: Session) -> None:
    send(treasurer, member())
    act(treasurer, books, "apply")
    fresh = words(treasurer.get(PAGE))
    app.extensions["kernel"].clock.instant = NOW + timedelta(days=36)
    sign_in(app, treasurer.client, make_staff(books, "treasurer", email="other@example.org").id)

    assert "Without a new one their time here runs out." not in fresh
    assert "The last list is of 22 March 2026." in words(treasurer.get(PAGE))
