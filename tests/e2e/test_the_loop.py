"""The whole loop as people walk it: article → patron → ballot → counted result → commission → article → credit."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Newsroom, Visitor, VisitorMaker

pytestmark = pytest.mark.e2e

ARTICLE = "/articles/forty-trucks-an-hour"
STORY_TO_LINK = "forty-trucks-an-hour"
SOON_SECONDS = 90  # the jobs' own minute and a bit


@pytest.fixture(params=["sqlite with JavaScript", "postgresql without JavaScript"])
def walk(request: pytest.FixtureRequest, visitor: VisitorMaker) -> tuple[Newsroom, Callable[..., Visitor], bool]:
    """A running demo and how its visitors come: the same journey on both databases, with and without JavaScript."""
    database, _, scripting = request.param.partition(" ")
    newsroom: Newsroom = request.getfixturevalue(f"{database}_newsroom")
    javascript = scripting == "with JavaScript"
    return newsroom, lambda **options: visitor(newsroom, javascript=javascript, **options), javascript


def reload_until(page: Page, text: str | re.Pattern[str]) -> None:
    """Load the page again until it shows the text: what jobs draw from state comes a moment later."""
    deadline = time.monotonic() + SOON_SECONDS
    while page.get_by_text(text).count() == 0:
        assert time.monotonic() < deadline, f"{page.url} does not show {text!r}"
        page.wait_for_timeout(200)
        page.reload()


def choose_amount(reader: Visitor, *, javascript: bool, amount: str = "€5") -> None:
    """Go from an article's foot to the payment page."""
    page = reader.open(ARTICLE)
    page.locator("#interval-month").check()
    page.locator("fieldset[data-shown-for=month]").get_by_label(amount, exact=True).check()
    reader.press(f"Support with {amount} a month" if javascript else "Continue to payment")
    assert page.url.startswith("http://127.0.0.1:"), "the payment page belongs to another site"


def pay(reader: Visitor, address: str) -> None:
    """Pay with the card that works."""
    reader.page.get_by_label("E-mail").fill(address)
    reader.page.get_by_label("4242").check()
    reader.press(re.compile("^Pay|^Subscribe"))


def sign_in(person: Visitor, address: str) -> None:
    """Sign in by the code of the mail."""
    mailbox = person.context.new_page()
    mailbox.goto(f"{person.newsroom.url}/demo/mailbox?to={address}")
    mails = mailbox.locator("article", has_text=address).filter(has_text=re.compile(r"\b\d{6}\b"))
    before = mails.first.inner_text() if mails.count() else ""
    page = person.open("/sign-in")
    page.get_by_label("Your e-mail address").or_(page.get_by_label("E-mail")).first.fill(address)
    person.press("Send me the mail")
    deadline = time.monotonic() + SOON_SECONDS
    while mails.count() == 0 or mails.first.inner_text() == before:
        assert time.monotonic() < deadline, "no mail came"
        mailbox.wait_for_timeout(200)
        mailbox.reload()
    found = re.search(r"\b(\d{6})\b", mails.first.locator(".mail-text").inner_text())
    mailbox.close()
    assert found
    page.get_by_label("Code").fill(found[1])
    person.press("Sign in")


def tick(page: Page, *slugs: str) -> None:
    """Tick exactly these topics."""
    for box in page.locator("ul.ballot input").all():
        box.set_checked(box.get_attribute("value") in slugs)


def ticked(page: Page) -> set[str | None]:
    """Return what is ticked."""
    return {box.get_attribute("value") for box in page.locator("ul.ballot input:checked").all()}


def test_a_reader_becomes_a_patron_and_votes(walk: tuple[Newsroom, Callable[..., Visitor], bool]) -> None:
    _, come, javascript = walk
    reader = come(width=360)
    page = reader.page

    choose_amount(reader, javascript=javascript, amount="€10")
    reader.press("Go back", role="link")
    expect(page.locator("fieldset[data-shown-for=month] input:checked")).to_have_value("1000")
    reader.press(re.compile("Support with|Continue to payment"))
    page.get_by_label("E-mail").fill("new.reader@readers.example")
    page.get_by_label(re.compile("0002")).check()
    reader.press(re.compile("^Pay|^Subscribe"))
    expect(page.get_by_text("did not go through").first).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("new.reader@readers.example")
    pay(reader, "new.reader@readers.example")

    expect(page.get_by_text("You are in. Choose the next stories.")).to_be_visible()
    assert "session_id" not in page.url
    expect(page.get_by_role("link", name="Back to the story you came from")).to_have_attribute(
        "href", re.compile(re.escape(ARTICLE) + "#")
    )
    tick(page, "rent", "choir", "lamp-posts", "seed-prices")
    reader.press("Send my ballot")
    expect(page.get_by_text("You ticked 4.").first).to_be_visible()
    assert ticked(page) == {"rent", "choir", "lamp-posts", "seed-prices"}
    tick(page, "rent", "choir")
    reader.press("Send my ballot")
    expect(page.get_by_text("Your ballot is in.")).to_be_visible()
    number = page.locator(".ballot-number").inner_text()
    tick(page, "rent")
    reader.press("Send my changed ballot")
    assert ticked(page) == {"rent"}
    assert page.locator(".ballot-number").inner_text() == number
    reader.press("Take my ballot back")
    expect(page.get_by_text("You have taken your ballot back.")).to_be_visible()
    tick(page, "rent")
    reader.press("Send my ballot")

    reader.open("/account")
    expect(page.get_by_text("€10").first).to_be_visible()
    expect(page.get_by_text("new.reader@readers.example").first).to_be_visible()


def test_the_webhook_alone_makes_a_patron(walk: tuple[Newsroom, Callable[..., Visitor], bool]) -> None:
    newsroom, come, javascript = walk
    reader = come()
    reader.context.route(re.compile("/support/return"), lambda route: route.abort())
    choose_amount(reader, javascript=javascript)
    reader.page.get_by_label("E-mail").fill("closed.browser@readers.example")
    reader.page.get_by_role("button", name=re.compile("^Pay|^Subscribe")).click(no_wait_after=True)
    mailbox = come().open("/demo/mailbox?to=closed.browser@readers.example")
    reload_until(mailbox, re.compile("closed.browser@readers.example"))
    reader.context.close()

    again = come()
    sign_in(again, "closed.browser@readers.example")
    again.open("/account")

    expect(again.page.get_by_text(re.compile("You are a patron")).first).to_be_visible()
    assert newsroom.url in again.page.url


def test_who_may_not_vote_is_told_why(walk: tuple[Newsroom, Callable[..., Visitor], bool]) -> None:
    newsroom, come, _ = walk
    stranger = come()
    stranger.open("/votes")
    stranger.press("Choose the next stories", role="link")

    expect(stranger.page.get_by_text("Patrons vote.")).to_be_visible()
    assert stranger.page.locator("ul.ballot").count() == 0
    assert newsroom.url in stranger.page.url


def test_an_article_is_the_same_for_everybody_and_sets_no_cookie(walk: tuple[Newsroom, Callable[..., Visitor], bool]) -> None:
    newsroom, come, _ = walk
    patron = come()
    sign_in(patron, newsroom.patron_address)

    as_patron = patron.context.request.get(newsroom.url + ARTICLE)
    as_stranger = come().context.request.get(newsroom.url + ARTICLE)

    assert as_patron.body() == as_stranger.body()
    assert "set-cookie" not in as_patron.headers | as_stranger.headers
    assert as_patron.headers["etag"] == as_stranger.headers["etag"]


def test_staff_count_blind_and_the_story_says_who_chose_it(walk: tuple[Newsroom, Callable[..., Visitor], bool]) -> None:
    newsroom, come, _ = walk
    patron, first, second = come(), come(), come()
    sign_in(patron, newsroom.patron_address)
    patron.open("/votes")
    patron.press("Choose the next stories", role="link")
    ballot_page = patron.page.url
    tick(patron.page, "rent", "mine-clearance-queue")
    patron.press("Send my ballot")
    for person, link in zip((first, second), newsroom.staff_links, strict=True):
        person.open(link)
        person.press("Sign in to the desk")
    first.open(ballot_page)
    expect(first.page.get_by_text("our staff don’t vote")).to_be_visible()

    desk_page = ballot_page.replace("/votes/", "/staff/votes/")
    first.open(desk_page)
    first.page.get_by_text("Close it early").click()
    first.press("Close this vote now")
    expect(first.page.get_by_text("There is a problem")).to_be_visible()
    first.page.get_by_label("Why does it close early?").fill("The town council moved its meeting to tomorrow.")
    first.press("Close this vote now")
    tick(patron.page, "choir")
    patron.press("Send my changed ballot")
    expect(patron.page.get_by_text("was not counted").first).to_be_visible()
    first.open(f"{desk_page}/box")
    first.press("Everything is in order")
    expect(first.page.get_by_text("A second person has to confirm it").first).to_be_visible()
    assert first.page.get_by_role("button", name="Everything is in order").count() == 0
    second.open(f"{desk_page}/box")
    second.press("Everything is in order")
    second.press("Go on to the count", role="link")
    second.press("Open the box")
    expect(second.page.get_by_role("button", name="Count again")).to_be_visible()
    patron.open(ballot_page)
    assert patron.page.locator("table").count() == 0, "a tally is shown before it is published"
    second.press("Count again")
    second.press("Publish now")

    patron.open(ballot_page)
    expect(patron.page.get_by_text("The town council moved its meeting to tomorrow.").first).to_be_visible()
    assert patron.page.locator("table").count() == 1
    first.open("/staff/stories")
    reload_until(first.page, "Open")
    first.press(re.compile("^Open"), role="link")
    chosen = first.page.locator("h1").inner_text()
    first.page.get_by_label("Search headline or address").fill(STORY_TO_LINK)
    first.press("Search")
    first.press(re.compile("^Link this one"), role="link")
    first.press("Link it and tell the voters")

    reload_until(patron.open(ARTICLE), re.compile("Chosen by readers"))
    patron.open("/account")
    reload_until(patron.page, re.compile("Co-creator"))
    patron.open("/chosen")
    expect(patron.page.get_by_text(chosen).first).to_be_visible()
