"""Gifts and free seats as people meet them: every slip kept and explained, and no answer that tells who is known here."""

import html
import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from membership.accounts.models import Member, SignInRequest
from membership.outbox import OutboxItem
from membership.patronage.giving_views import CODES_AN_HOUR
from membership.patronage.models import CheckoutAttempt, FreeSeatRequest, Gift, PaidPeriod, SeatPoolEntry
from tests.conftest import NOW, make_sessions
from tests.factories.accounts import make_member, sign_in
from tests.factories.patronage import give_seat, make_plan
from tests.patronage.conftest import ON_SQLITE, Browser, Shop
from tests.patronage.test_gifts import make_paid_gift

UNKNOWN = "0000-0000-0000-0000-0000"
CODE = re.compile(r'class="ballot-number">([0-9A-Z-]{24})<')


@pytest.fixture
def reader(app: Flask) -> Browser:
    """A browser at an app whose Stripe answers nobody, with a plan."""
    with make_sessions(app.extensions["kernel"].engine)() as session:
        make_plan(session)
    return Browser(app.test_client(), "http://localhost")


def words(page: TestResponse) -> str:
    """The page's text without markup."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def paid_gift(app: Flask) -> str:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        return make_paid_gift(session)[1]


def sent(shop: Shop) -> str:
    """Every mail so far, decoded."""
    shop.app.extensions["kernel"].queue.run("mails")
    folder = Path(shop.app.extensions["kernel"].settings.mail_url.removeprefix("maildir://"))
    return "".join(path.read_text().replace("=\n", "").replace("=3D", "=") for path in sorted(folder.glob("new/*")))


@ON_SQLITE
@pytest.mark.parametrize("path", ["/support/gift", "/support/seats"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({}, "Choose an amount, or type one of your own.", id="nothing"),
        pytest.param({"amount_once": "1"}, "Choose an amount, or type one of your own.", id="a tampered amount"),
        pytest.param({"amount_once": "-900"}, "Choose an amount, or type one of your own.", id="a negative amount"),
        pytest.param({"amount_once": "9" * 5000}, "Choose an amount, or type one of your own.", id="more than a number"),
        pytest.param({"amount_once": "other", "other_once": "2,99"}, "Enter €3 or more.", id="below the minimum"),
        pytest.param({"amount_once": "other", "other_once": "0"}, "Enter an amount of €3 or more", id="nothing typed as zero"),
        pytest.param({"amount_once": "other", "other_once": "$30"}, "We take EUR only.", id="another currency"),
        pytest.param({"amount_once": "other", "other_once": "9" * 12}, "more than a card payment can carry", id="too much"),
    ],
)
def test_a_choice_that_cannot_be_sold_says_why_and_stays(reader: Browser, path: str, fields: dict[str, str], message: str) -> None:
    page = reader.post(path, fields)

    assert page.status_code == 422
    assert message in words(page)
    assert "<title>Error: " in page.text
    assert f'name="other_once" value="{fields.get("other_once", "")}"' in page.text


@ON_SQLITE
@pytest.mark.parametrize("path", ["/support/gift", "/support/seats"])
def test_stripe_down_keeps_the_choice_and_tries_again(reader: Browser, path: str) -> None:
    page = reader.post(path, {"amount_once": "other", "other_once": "7,50"})

    assert page.status_code == 503
    assert f'action="{path}"' in page.text
    assert 'name="other_once" value="7,50"' in page.text
    assert "Nothing was taken." in words(page)


@ON_SQLITE
@pytest.mark.parametrize("path", ["/support/gift", "/support/seats"])
def test_beside_the_button_stand_months_and_the_bank_statement(reader: Browser, path: str) -> None:
    page, kept = reader.get(path), reader.get(f"{path}?amount=750")

    assert "€9 3 months €18 6 months €36 12 months" in words(page)
    assert "On your bank statement: TEST GAZETTE." in words(page)
    assert 'value="1800" data-amount="€18" checked' in page.text
    assert 'name="other_once" value="7.50"' in kept.text
    assert reader.get(f"/uk{path}").status_code == 200


@ON_SQLITE
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({}, "Enter the 20 letters and digits of the code", id="nothing"),
        pytest.param(
            {"code": "7KQ2-M9", "email": "a@example.org"}, "Enter the 20 letters and digits of the code", id="half a code"
        ),
        pytest.param({"code": UNKNOWN, "email": "nobody"}, "Enter an e-mail address, such as name@example.org.", id="no address"),
        pytest.param({"code": UNKNOWN, "email": "a@example.org"}, "We don’t know this code.", id="an unknown code"),
    ],
)
def test_a_code_that_opens_nothing_says_why_and_stays_typed(reader: Browser, fields: dict[str, str], message: str) -> None:
    page = reader.post("/gift", fields)

    assert page.status_code == 422
    assert message in words(page)
    assert f'value="{fields.get("code", "")}"' in page.text


@ON_SQLITE
def test_guessing_is_stopped(reader: Browser) -> None:
    answers = [reader.post("/gift", {"code": UNKNOWN, "email": "a@example.org"}) for _ in range(CODES_AN_HOUR + 1)]

    assert [page.status_code for page in answers] == [422] * CODES_AN_HOUR + [429]
    assert "Too many codes were tried from here." in words(answers[-1])


@ON_SQLITE
def test_the_answer_is_the_same_for_known_and_unknown_addresses(app: Flask, reader: Browser) -> None:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        make_member(session, "known@example.org")
    codes = [paid_gift(app), paid_gift(app)]

    pages = []
    for code, address in zip(codes, ["known@example.org", "new@example.org"], strict=True):
        browser = Browser(app.test_client(), "http://localhost")
        answer = browser.post("/gift", {"code": code.lower(), "email": address})
        assert (answer.status_code, answer.location) == (303, "/sign-in/code")
        pages.append(words(browser.get("/sign-in/code")).replace(address, "…"))

    assert pages[0] == pages[1]
    assert "The gift is yours, until 22 June 2026. Sign in once by mail, and you can vote." in pages[0]
    with make_sessions(app.extensions["kernel"].engine)() as session:
        assert sorted(session.scalars(select(SignInRequest.email))) == ["known@example.org", "new@example.org"]


@ON_SQLITE
def test_who_is_signed_in_types_the_code_alone(app: Flask, reader: Browser) -> None:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        member = make_member(session)
        give_seat(session, member.id)
    sign_in(app, reader.client, member.id)
    code = paid_gift(app)

    asked = reader.get("/gift")
    account = words(reader.get(reader.post("/gift", {"code": code}).location))
    again = reader.post("/gift", {"code": code})

    assert 'name="email"' not in asked.text
    assert "The gift is yours: you are a patron until 11 July 2026." in account
    assert again.status_code == 303


@ON_SQLITE
def test_a_free_seat_is_asked_for_with_an_address_and_nothing_else(app: Flask, reader: Browser) -> None:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        give_seat(session, make_member(session, "patron@example.org").id)

    wrong = reader.post("/support/free-seat", {"email": "nobody"})
    answers = [reader.post("/support/free-seat", {"email": email}) for email in ("patron@example.org", "new@example.org")]
    asked = reader.get(answers[0].location)

    assert wrong.status_code == 422
    assert 'value="nobody"' in wrong.text
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, "/support/free-seat/asked")] * 2
    assert "We have your request" in words(asked)
    assert set(re.findall(r'name="(\w+)"', reader.get("/support/free-seat").text)) - {"viewport", "description"} <= {
        "email",
        "robots",
    }


@ON_SQLITE
def test_a_sixth_request_of_one_browser_in_a_day_is_refused(reader: Browser) -> None:
    answers = [reader.post("/support/free-seat", {"email": f"a{number}@example.org"}) for number in range(6)]

    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    assert "A free seat was asked for many times from here today." in words(answers[-1])
    assert 'value="a5@example.org"' in answers[-1].text


def test_a_gift_is_bought_shown_printed_mailed_and_redeemed(shop: Shop) -> None:
    buyer, friend, stranger = shop.browser(), shop.browser(), shop.browser()
    success_url = shop.stripe.pay(buyer.post("/support/gift", {"amount_once": "1800"}).location, email="buyer@example.org")

    thanks = buyer.get(buyer.get(success_url).location)
    code = (CODE.search(thanks.text) or [""])[1]
    card = buyer.get("/support/gift/card")
    strange = [stranger.get("/support/gift/card"), stranger.get(stranger.get(success_url).location)]
    mails = sent(shop)
    answer = friend.post("/gift", {"code": code, "email": "friend@example.org"})
    used = buyer.get("/support/return")

    assert "Whoever has this code becomes a patron for 6 months:" in words(thanks)
    assert "We have sent a mail about it to buyer@example.org." in words(thanks)
    assert code in card.text
    assert [page.status_code for page in strange] == [404, 404]
    assert code not in strange[0].text + strange[1].text
    assert "To: buyer@example.org" in mails
    assert code in mails
    assert answer.status_code == 303
    assert "Your gift has been used on 22 March 2026." in words(used)
    assert code not in used.text
    assert shop.rows(Member, "typed_email") == [("friend@example.org",)]
    assert shop.rows(PaidPeriod, "source", "starts_at", "ends_at") == [("gift", NOW, NOW.replace(month=9))]
    assert buyer.get("/account").status_code == 303  # buying signs nobody in


@ON_SQLITE
def test_a_gift_that_was_paid_back_shows_no_code_any_more(shop: Shop) -> None:
    buyer = shop.browser()
    success_url = shop.stripe.pay(buyer.post("/support/gift", {"amount_once": "900"}).location)
    buyer.get(buyer.get(success_url).location)
    shop.stripe.control("refund", id=shop.stripe.client().v1.charges.list().data[0].id)
    shop.webhooks_arrive()

    page = buyer.get("/support/return")

    assert "This gift was paid back, so its code opens nothing any more." in words(page)
    assert CODE.search(page.text) is None
    assert buyer.get("/support/gift/card").status_code == 404
    assert sent(shop) == ""  # the mail was still on its way


def test_what_readers_pay_for_others_reaches_who_waits(shop: Shop) -> None:
    payer, asker = shop.browser(), shop.browser()
    asker.post("/support/free-seat", {"email": "asker@example.org"})
    success_url = shop.stripe.pay(payer.post("/support/seats", {"amount_once": "other", "other_once": "15"}).location)

    before = words(payer.get("/support/seats"))
    thanks = words(payer.get(payer.get(success_url).location))
    paid = words(payer.get("/support/seats"))
    shop.app.extensions["kernel"].queue.run("seats")
    after = words(payer.get("/support/seats"))

    assert "All that readers have paid for so far was given to somebody." in before
    assert "It goes to readers who ask for a free seat" in thanks
    assert "Readers have paid for 5 months that wait for somebody." in paid
    assert "Readers have paid for 2 months that wait for somebody." in after
    assert shop.rows(FreeSeatRequest, "email", "decision") == [("asker@example.org", "granted")]
    assert sorted(shop.rows(SeatPoolEntry, "months")) == [(-3,), (5,)]
    mails = sent(shop)
    assert "To: asker@example.org" in mails
    assert "it is yours until 22 June 2026" in mails


@ON_SQLITE
@pytest.mark.parametrize(("path", "purpose"), [("/support/gift", "gift"), ("/support/seats", "seats")])
def test_the_way_back_without_paying_leads_to_the_same_choice(shop: Shop, path: str, purpose: str) -> None:
    browser = shop.browser()
    checkout = browser.post(path, {"amount_once": "other", "other_once": "77"})
    stored = shop.stripe.client().v1.checkout.sessions.list().data[0]

    cancelled = browser.get(stored.cancel_url or "")
    open_ = browser.get(browser.get(f"/support/return?session_id={stored.id}").location)

    assert shop.rows(CheckoutAttempt, "purpose", "interval", "amount_minor", "member_id") == [(purpose, "once", 7700, None)]
    assert 'name="other_once" value="77"' in cancelled.text
    assert f'href="{path}?amount=7700"' in open_.text
    assert checkout.location in html.unescape(open_.text)
    assert shop.rows(Gift, "id") == []
    assert shop.rows(OutboxItem, "kind") == []


@ON_SQLITE
def test_a_gift_paid_from_a_bank_waits_for_the_bank_and_fails_with_it(shop: Shop) -> None:
    browser = shop.browser()
    checkout = browser.post("/support/gift", {"amount_once": "900"}).location
    back = browser.get(shop.stripe.pay_by_bank(checkout))
    waiting = browser.get(back.location)
    shop.stripe.settle(shop.rows(CheckoutAttempt, "stripe_session_id")[0][0], succeeded=False)
    shop.webhooks_arrive()

    failed = browser.get("/support/return")

    assert "As soon as the money is there, we send you the code." in words(waiting)
    assert "Your bank did not send the money" in words(failed)
    assert 'href="/support/gift?amount=900"' in failed.text
    assert shop.rows(Gift, "id") == []
