"""Somebody joins the staff, signs in, proves themselves again and loses everything: in Chromium, with its virtual authenticator."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from membership.accounts.ceremonies import PROVED_FOR
from membership.accounts.models import LoginSession
from membership.clock import SystemClock
from membership.db import make_engine, transaction
from membership.demo.environment import demo_environment
from tests.conftest import make_sessions
from tests.e2e.conftest import ROOT, Newsroom, Visitor, VisitorMaker

pytestmark = pytest.mark.e2e

ADDRESS = "nadia@harbour-ledger.example"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Devices:
    """The authenticators of one person's browser."""

    def __init__(self, person: Visitor) -> None:
        self._cdp = person.context.new_cdp_session(person.page)
        self._cdp.send("WebAuthn.enable")
        self._present = ""

    def take(self) -> None:
        """Have another device at hand, in place of the one before, which is lost."""
        if self._present:
            self._cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self._present})
        self._present = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]


def test_the_way_of_a_passkey_from_the_invitation_to_the_day_it_is_lost(sqlite_newsroom: Newsroom, visitor: VisitorMaker) -> None:
    person = visitor(sqlite_newsroom, javascript=True)
    page, devices = person.page, Devices(person)
    devices.take()

    # Invited from the server; looking uses nothing up; the passkey accepts.
    link = invite(sqlite_newsroom)
    person.open(link)
    person.open(link)
    expect(page.get_by_text("treasurer")).to_be_visible()
    page.get_by_label("What do you call it?").fill("my phone")
    show_passkey(person, "Make a passkey and begin", "Welcome. From now on you sign in with this passkey.")
    expect(page.get_by_text("my phone", exact=True)).to_be_visible()
    person.press("To the desk", role="link")
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    # Out, and in again without typing anything; by keyboard.
    person.open("/account/devices")
    person.press("Sign out")
    person.open("/staff/people")
    assert "/staff/sign-in" in page.url
    page.get_by_role("button", name="Sign in with your passkey").press("Enter")
    page.wait_for_url(sqlite_newsroom.url + "/staff/people")
    person.inspect()

    # Codes for the day on which everything is lost, and a second device.
    person.open("/staff/passkeys")
    page.get_by_role("button", name="Make 10 recovery codes").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    person.inspect()
    code = page.locator("ol code").first.inner_text()
    devices.take()
    person.open("/staff/passkeys/new")
    page.get_by_label("What do you call it?").fill("my laptop")
    show_passkey(person, "Make this passkey", "my laptop")

    # A dangerous act, a while after: what was typed is kept, and carried out after the answer.
    let_time_pass(sqlite_newsroom)
    person.open("/staff/invitations")
    page.get_by_label("E-mail address").fill("colleague@harbour-ledger.example")
    page.get_by_label("editor").check()
    page.get_by_label("counter").check()
    person.press("Send the invitation")
    expect(page.get_by_role("heading", name="Confirm with your passkey")).to_be_visible()
    show_passkey(person, "Confirm and go on", "The invitation is on its way.")
    expect(page.get_by_text("editor, counter").or_(page.get_by_text("counter, editor"))).to_be_visible()

    # The first one is removed; with both devices gone a code lets them in.
    person.open("/staff/passkeys")
    page.get_by_text("Remove: my phone").click()
    person.press("Remove “my phone”")
    expect(page.get_by_text("The passkey is removed")).to_be_visible()
    assert page.get_by_text("my phone", exact=True).count() == 0
    devices.take()
    person.open("/account/devices")
    person.press("Sign out")
    person.open("/staff/sign-in")
    person.press("I have lost my passkeys", role="link")
    page.get_by_label("Your e-mail address").fill(ADDRESS)
    page.get_by_label("One of your recovery codes").fill(code.upper())
    person.press("Go on to a new passkey")
    show_passkey(person, "Make this passkey", "9 codes are left.")


def test_without_a_passkey_or_a_script_the_page_says_what_to_do(sqlite_newsroom: Newsroom, visitor: VisitorMaker) -> None:
    plain = visitor(sqlite_newsroom, javascript=False, width=360)
    plain.open("/staff/sign-in")
    plain.press("Sign in with your passkey")
    expect(plain.page.get_by_text("This page needs JavaScript; try another browser.")).to_be_visible()

    stranger = visitor(sqlite_newsroom, javascript=True, width=360)
    Devices(stranger).take()
    stranger.open("/staff/sign-in")
    stranger.page.get_by_role("button", name="Sign in with your passkey").click()
    expect(stranger.page.get_by_role("status")).to_have_text(re.compile("^No passkey came"))


def invite(newsroom: Newsroom) -> str:
    """Print an enrolment link at the server, as whoever looks after it does."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "accounts", "invite", ADDRESS]
    command += ["--name", "Nadia", "--role", "treasurer", "--role", "admin"]
    port = urlsplit(newsroom.url).port or 0
    settings = demo_environment(newsroom.folder, port=port, standin_port=port, environ={"DATABASE_URL": newsroom.database_url})
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def show_passkey(person: Visitor, button: str, words: str) -> None:
    """Press a button that asks for a passkey; when it has come, the next page says these words."""
    person.page.get_by_role("button", name=button).click()
    expect(person.page.get_by_text(words, exact=True)).to_be_visible()
    person.inspect()


def let_time_pass(newsroom: Newsroom) -> None:
    """Make the moment at which passkeys were shown long enough ago."""
    engine = make_engine(newsroom.database_url)
    with make_sessions(engine)() as session, transaction(session):
        session.execute(update(LoginSession).values(proved_at=SystemClock().now() - PROVED_FOR - timedelta(minutes=1)))
    engine.dispose()
