"""The amount is raised, a payment fails and is mended, and a receipt's link ends it: as people walk it, without JavaScript."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Newsroom, VisitorMaker
from tests.e2e.test_the_loop import choose_amount, pay, reload_until

pytestmark = pytest.mark.e2e

ADDRESS = "card.trouble@readers.example"


def test_a_failed_payment_is_mended_and_a_receipts_link_ends_it(sqlite_newsroom: Newsroom, visitor: VisitorMaker) -> None:
    reader = visitor(sqlite_newsroom, javascript=False, width=360)
    page = reader.page
    choose_amount(reader, javascript=False)
    stripe = page.url.split("/c/")[0]
    pay(reader, ADDRESS)

    reader.open("/account")
    reader.press("Change the amount", role="link")
    page.get_by_label("Your amount").fill("7.50")
    page.get_by_label(re.compile("now; the rest of the time")).check()
    reader.press("See what that means")
    expect(page.get_by_text(re.compile("is taken$")).first).to_be_visible()
    reader.press(re.compile("^Take €|^Change it"))
    expect(page.get_by_text("€7.50 a month")).to_be_visible()

    as_json = {"Accept": "application/json"}
    overview = json.loads(reader.context.request.get(f"{stripe}/_control", headers=as_json).text())
    (mine,) = [each["id"] for each in overview["subscriptions"] if each["email"] == ADDRESS]
    assert reader.context.request.post(f"{stripe}/_control/fail", form={"id": mine}, headers=as_json).ok
    reload_until(reader.open("/account"), "A payment needs your attention")
    expect(page.get_by_text(re.compile("Nothing changes until .* We try the card again on"))).to_be_visible()
    reader.press("Give another card")
    page.get_by_label(re.compile("4242")).check()
    reader.press("Save this card")
    expect(page.get_by_text("the payment that was overdue has gone through")).to_be_visible()
    assert page.get_by_text("A payment needs your attention").count() == 0
    reader.press("All receipts, year by year", role="link")
    reader.press(re.compile(r"^\d+ \w+ \d{4}$"), role="link")
    expect(page.get_by_text("Receipt number")).to_be_visible()

    stranger = visitor(sqlite_newsroom, javascript=False, width=360)
    mailbox = stranger.open(f"/demo/mailbox?to={ADDRESS}")
    reload_until(mailbox, "Everything is in order again, and you need to do nothing.")
    stop = mailbox.locator("article").filter(has_text="Everything is in order again").locator("a[href*='/links/stop/']").first
    stranger.open(stop.get_attribute("href") or "")
    assert ADDRESS not in stranger.page.content()
    stranger.press("Stop my support")
    expect(stranger.page.get_by_text("Nothing more will be taken.").first).to_be_visible()
    reader.open("/account")
    expect(page.get_by_text(re.compile("You have stopped."))).to_be_visible()
