"""From a suggestion to a certificate, by keyboard alone and without JavaScript; what readers see in Ukrainian."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from membership.accounts.models import StaffRole
from membership.accounts.services import make_staff_link
from membership.db import make_engine, make_sessions
from tests.e2e.conftest import ROOT, Newsroom, Visitor, VisitorMaker
from tests.e2e.keyboard import Keyboard
from tests.e2e.test_the_loop import sign_in

pytestmark = pytest.mark.e2e

SUGGESTED = "Who clears the snow in the yards?"
OURS = ("Where the bus money went", "What the new bridge will cost")
VOTE = "The snow vote"
CYRILLIC = re.compile("[А-Яа-яІіЇїЄєҐґ]{3}")


@pytest.fixture(params=["sqlite", "postgresql"])
def newsroom(request: pytest.FixtureRequest) -> Newsroom:
    """A running demo on each database."""
    found: Newsroom = request.getfixturevalue(f"{request.param}_newsroom")
    return found


def in_ukrainian(visitor: Visitor, path: str) -> Visitor:
    """Open a page in Ukrainian and see that it is."""
    page = visitor.open(f"/uk{path}")
    expect(page.locator("html")).to_have_attribute("lang", "uk")
    assert CYRILLIC.search(page.locator("h1").first.inner_text() + page.locator("main p").first.inner_text())
    return visitor


def staff_person(newsroom: Newsroom, visitor: VisitorMaker, number: int) -> Keyboard:
    """One of the two people of the demo's desk."""
    person = visitor(newsroom, javascript=False)
    person.open(staff_link(newsroom, number))
    hands = Keyboard(person)
    hands.press("Sign in to the desk")
    return hands


def staff_link(newsroom: Newsroom, number: int) -> str:
    """Make a new link for one of the two: those that were printed work once, and another journey has used them."""
    engine = make_engine(newsroom.database_url)
    with make_sessions(engine)() as session:
        staff = session.scalars(select(StaffRole.member_id).distinct().order_by(StaffRole.member_id)).all()
        token = make_staff_link(session, member_id=staff[number], now=datetime.now(UTC))
    engine.dispose()
    return f"{newsroom.url}/demo/staff/{token}"


def prepare(editor: Keyboard) -> None:
    """Shortlist what the patron suggested, add two topics, look at the ballot, announce the vote and open it."""
    editor.visitor.open("/staff/topics")
    editor.press(re.compile(f"^Shortlist.*{SUGGESTED[:-1]}"))
    for title in OURS:
        editor.visitor.open("/staff/topics/new")
        editor.write("What should we report?", title)
        editor.press("Add this topic")
    editor.visitor.open("/staff/votes/new?preset=quick")
    editor.write("Name", VOTE)
    for title in (SUGGESTED, *OURS):
        editor.tick(editor.page.get_by_label(title))
    editor.press("Keep as a draft")
    editor.press(re.compile("ballot as readers", re.IGNORECASE), role="link")
    expect(editor.page.get_by_label(SUGGESTED)).to_be_visible()
    editor.page.go_back()
    editor.press("Announce it")
    if editor.page.get_by_role("button", name="Open it now").count():  # its time comes by itself with the minute
        editor.press("Open it now")


def test_a_suggestion_is_voted_on_counted_and_proved(newsroom: Newsroom, visitor: VisitorMaker, tmp_path: Path) -> None:
    reader = visitor(newsroom, javascript=False, width=360)
    sign_in(reader, newsroom.patron_address)
    patron = Keyboard(reader)
    first, second = (staff_person(newsroom, visitor, number) for number in (0, 1))

    reader.open("/topics/suggest")
    patron.write("What should we report?", "snow")
    patron.press("Send my suggestion")
    expect(reader.page.get_by_text("There is a problem")).to_be_visible()
    patron.write("What should we report?", SUGGESTED)
    patron.write("Why does it matter?", "The paths are ice, and nobody says whose they are.")
    patron.press(re.compile("Send my suggestion|Mine is another"))
    if "/suggest" in reader.page.url:  # similar topics were shown first
        patron.press("Mine is another: send it")
    expect(reader.page.get_by_text(SUGGESTED).first).to_be_visible()
    prepare(first)
    expect(first.page.get_by_text("open", exact=True).first).to_be_visible()
    slug = first.page.url.rpartition("/")[2]

    in_ukrainian(reader, f"/votes/{slug}")
    patron.tick(reader.page.get_by_label(SUGGESTED))
    patron.enter(reader.page.locator("form[data-ticks-most] button"))
    number = reader.page.locator(".ballot-number").inner_text()
    expect(reader.page.locator("html")).to_have_attribute("lang", "uk")
    in_ukrainian(reader, "/topics")
    close_and_count(first, second, slug)

    in_ukrainian(reader, f"/votes/{slug}")
    expect(reader.page.get_by_text(SUGGESTED).first).to_be_visible()
    in_ukrainian(reader, f"/votes/{slug}/numbers")
    patron.go_to(reader.page.locator("#number"))
    reader.page.keyboard.type(number)
    patron.enter(reader.page.locator("main form button"))
    expect(reader.page.locator(".notice-success")).to_be_visible()
    in_ukrainian(reader, f"/votes/{slug}/certificate")
    check_for_oneself(reader, slug, tmp_path)


def close_and_count(first: Keyboard, second: Keyboard, slug: str) -> None:
    """Close the vote early, check the box by two, open it, publish; each looks where the desk leads them."""
    first.visitor.open(f"/staff/votes/{slug}")
    first.unfold("Close it early")
    first.write("Why does it close early?", "Everybody here has voted.")
    first.press("Close this vote now")
    for person in (first, second):
        person.visitor.open(f"/staff/votes/{slug}/box")
        person.press("Everything is in order")
    second.visitor.open(f"/staff/votes/{slug}/count")
    second.press("Open the box")
    second.press("Count again")
    second.press("Publish now")


def check_for_oneself(reader: Visitor, slug: str, folder: Path) -> None:
    """Take the certificate and the keys home and check them there; one that was altered is refused."""
    site = reader.newsroom.url
    deadline = 60
    for _ in range(deadline):
        answer = reader.context.request.get(f"{site}/votes/{slug}/certificate.json")
        if answer.ok:
            break
        reader.page.wait_for_timeout(1_000)
    true, forged, keys = (folder / name for name in ("certificate.json", "forged.json", "keys.json"))
    true.write_bytes(answer.body())
    keys.write_bytes(reader.context.request.get(f"{site}/votes/certificate-keys.json").body())
    forged.write_text(json.dumps(json.loads(true.read_text()) | {"payload": {"counted": 2}}))
    told = [
        subprocess.run(
            [sys.executable, "-m", "membership.voting.verifying", str(file), "--keys", str(keys)], cwd=ROOT, capture_output=True
        ).returncode
        for file in (true, forged)
    ]
    assert told == [0, 1]
