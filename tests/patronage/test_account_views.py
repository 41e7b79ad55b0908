"""A patron's own pages: what is shown before anything is taken, and what is typed is kept."""

import html
import re
from datetime import datetime, timedelta

import pytest
from werkzeug.test import TestResponse

from membership.patronage.models import CheckoutAttempt, Payment, Subscription
from membership.stripe_standin.cards import FAILS_LATER, PAYS
from tests.conftest import NOW
from tests.factories.accounts import make_member, sign_in
from tests.patronage.conftest import ON_SQLITE, Browser, Shop

MONTH = timedelta(days=31)


def words(page: TestResponse) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def fields(page: TestResponse) -> dict[str, str]:
    """The hidden fields of a page's form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))


@pytest.fixture
def patron(shop: Shop) -> Browser:
    """A browser that pays €5 a month and is signed in."""
    browser = shop.browser()
    browser.get(browser.get(shop.stripe.pay(browser.choose().location)).location)
    return browser


def follow(browser: Browser, answer: TestResponse) -> TestResponse:
    assert answer.status_code == 303, answer.status_code
    return browser.get(answer.location)


def only_subscription(shop: Shop, *columns: str) -> tuple[object, ...]:
    (row,) = shop.rows(Subscription, *columns)
    return row


@ON_SQLITE
def test_an_amount_that_cannot_be_taken_says_why_and_stays_typed(patron: Browser) -> None:
    """How amounts are read is proved on the join page; here that they are read, and what else can be wrong."""
    wrong = {
        "2,99": ({}, "Enter €3 or more. If that is too much, ask for a free seat."),
        "-7": ({}, "Enter an amount of €3 or more, such as 7 or 7.50."),
        "$7": ({}, "We take EUR only. Enter an amount of €3 or more."),
        "9" * 30: ({}, "That is more than a card payment can carry. Please write to us."),
        "5,00": ({}, "You give this amount already. Enter another one."),
        "29": ({"interval": "year", "when": "now"}, "Enter €30 or more."),
        "50": ({"interval": "year"}, "How often you pay can only be changed now."),
        "7": ({"interval": "week"}, "Choose how often."),
        "8": ({"when": "yesterday"}, "Choose from when on."),
    }

    for typed, (more, message) in wrong.items():
        page = patron.post("/account/amount", {"amount": typed, "interval": "month", "when": "next", **more})

        assert page.status_code == 422
        assert message in words(page)
        assert "There is a problem" in words(page)
        assert f'value="{typed}"' in page.text


def test_a_change_is_shown_before_it_is_made(shop: Shop, patron: Browser) -> None:
    shop.clock.instant = NOW + MONTH / 2
    chosen = patron.post("/account/amount", {"amount": "10,00", "interval": "month", "when": "now"})
    shown = follow(patron, chosen)
    before = only_subscription(shop, "amount_minor")

    done = follow(patron, patron.post("/account/amount/confirm", fields(shown)))

    assert "Today €2.50 is taken Next payment €10 on 22 April 2026" in words(shown)
    assert "Take €2.50 and change it" in words(shown)
    assert (before, only_subscription(shop, "amount_minor")) == ((500,), (1000,))
    assert "€10 a month" in words(done)


def test_what_has_changed_since_it_was_shown_is_shown_again(shop: Shop, patron: Browser) -> None:
    chosen = patron.post("/account/amount", {"amount": "10", "interval": "month", "when": "now"})
    shown = follow(patron, chosen)

    again = patron.post("/account/amount/confirm", fields(shown) | {"due": "1"})
    tampered = patron.post("/account/amount/confirm", {"interval": "month", "amount": "-5", "when": "now"})

    assert (again.status_code, tampered.location) == (409, "/account/amount")
    assert "The amounts have changed since they were shown. Nothing was taken." in words(again)
    assert "Take €5 and change it" in words(again)
    assert shop.rows(Payment, "amount_minor") == [(500,)]


def test_a_declined_card_changes_nothing_and_says_what_else_there_is(shop: Shop, patron: Browser) -> None:
    back = shop.stripe.change_card(patron.post("/account/card").location, FAILS_LATER)
    patron.get(back)
    shown = patron.get("/account/amount/confirm?interval=month&amount=1000&when=now")

    page = patron.post("/account/amount/confirm", fields(shown))
    later = patron.get("/account/amount/confirm?interval=month&amount=1000&when=next")

    assert page.status_code == 409
    assert "Your bank declined this, and nothing was changed." in words(page)
    assert "when=next" in page.text
    assert "Today nothing is taken Next payment €10 on 22 April 2026" in words(later)
    assert only_subscription(shop, "amount_minor") == (500,)


@ON_SQLITE
def test_a_pause_without_a_day_that_makes_sense_says_which_would(patron: Browser) -> None:
    wrong = {
        "": "Enter a day between 22 April 2026 and 22 March 2027",
        "31.12.2026": "Enter a day between 22 April 2026 and 22 March 2027",
        "2026-04-22": "nothing is taken before it anyway",
        "2027-03-23": "A pause can last until 22 March 2027 at most.",
    }

    for typed, message in wrong.items():
        page = patron.post("/account/pause", {"until": "other", "other_day": typed})

        assert page.status_code == 422
        assert message in words(page)
    for until in ({}, {"until": "tomorrow"}):
        assert "Choose until when." in words(patron.post("/account/pause", until))


def test_a_pause_says_what_becomes_of_the_vote_and_can_be_ended(shop: Shop, patron: Browser) -> None:
    asked = words(patron.get("/account/pause"))
    paused = words(follow(patron, patron.post("/account/pause", {"until": "2026-05-22"})))
    account = words(patron.get("/account"))
    goes_on = words(follow(patron, patron.post("/account/unpause")))

    assert "The time you have paid for counts: you stay a patron until 22 April 2026." in asked
    assert "Nothing is taken before 22 May 2026; then your support goes on by itself." in paused
    assert "The first payment after the pause: 22 May 2026." in paused
    assert "none: paused until 22 May 2026" in account
    assert "Your support goes on. Thank you." in goes_on


def come_back(shop: Shop, patron: Browser, at: datetime) -> None:
    """Let it be later, for somebody who was here meanwhile: a browser that is not used for a month is signed out."""
    shop.clock.instant = NOW + (at - NOW) / 2
    assert patron.get("/account").status_code == 200
    shop.clock.instant = at


def test_another_card_pays_what_is_overdue(shop: Shop, patron: Browser) -> None:
    come_back(shop, patron, NOW + MONTH - timedelta(hours=1))
    ((stripe_id,),) = shop.rows(Subscription, "stripe_id")
    shop.stripe.control("fail", id=stripe_id)
    shop.webhooks_arrive()

    asked = patron.get("/account/card")
    unasked = patron.get("/account/card/done")  # from another site, or a page that was open: no button of ours was pressed
    portal = patron.post("/account/card").location
    back = shop.stripe.change_card(portal, PAYS)
    done = words(follow(patron, patron.get(back)))

    assert "A payment needs your attention" in words(asked)
    assert portal.startswith(shop.stripe.url)
    assert f"form-action 'self' {shop.stripe.url}" in asked.headers["Content-Security-Policy"]
    assert unasked.location == "/account/card"
    assert "the payment that was overdue has gone through" in done
    assert only_subscription(shop, "status") == ("active",)


def test_stopping_offers_less_and_a_pause_and_says_what_came_of_it(shop: Shop, patron: Browser) -> None:
    ((net,),) = shop.rows(Payment, "net_minor")

    asked = patron.get("/account/stop")
    stopped = words(follow(patron, patron.post("/account/stop", {"reason": "too_expensive"})))

    assert 'href="/account/amount?amount=300"' in asked.text
    assert 'href="/account/pause"' in asked.text
    assert "Withdraw from the contract here and get everything back" in words(asked)
    assert f"You gave €5 over 1 month; €{net / 100:.2f} reached us. Thank you." in stopped


def test_after_the_end_start_again_leads_to_the_same_choice(shop: Shop, patron: Browser) -> None:
    patron.post("/account/stop")
    come_back(shop, patron, NOW + MONTH + timedelta(hours=1))
    shop.webhooks_arrive()

    page = patron.get("/account/stop")

    assert 'href="/support?interval=month&amp;amount=500"' in page.text


def test_withdrawing_asks_once_and_gives_everything_back(shop: Shop, patron: Browser) -> None:
    ((attempt,),) = shop.rows(CheckoutAttempt, "id")
    address = f"/account/withdraw/{attempt}"

    asked = words(patron.get(address))
    nothing_yet = shop.rows(CheckoutAttempt, "withdrawn_at")
    done = words(follow(patron, patron.post(address)))

    assert "you get back everything that was taken: €5." in asked
    assert nothing_yet == [(None,)]
    assert "We have your withdrawal of Sunday 22 March 2026, 14:00 in Kyiv." in done
    assert shop.rows(Payment, "kind", "amount_minor") == [("charge", 500), ("refund", -500)]


def test_nobody_sees_or_changes_what_is_somebody_elses(shop: Shop, patron: Browser) -> None:
    ((attempt,),) = shop.rows(CheckoutAttempt, "id")
    with shop.session() as session:
        other = make_member(session, "other@example.org")
    stranger = shop.browser()
    sign_in(shop.app, stranger.client, other.id)

    assert [
        stranger.get(f"/account/withdraw/{attempt}").status_code,
        stranger.post(f"/account/withdraw/{attempt}").status_code,
    ] == [
        404,
        404,
    ]
    assert "Nothing is running" in words(stranger.get("/account/amount"))
    assert stranger.post("/account/pause", {"until": "2026-05-22"}).status_code == 200
    assert only_subscription(shop, "status", "is_paused") == ("active", False)
