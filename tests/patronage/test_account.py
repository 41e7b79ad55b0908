"""The account page: what somebody is in one sentence, what is taken next, and one banner where something needs them."""

import html
import re
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from membership.db import transaction
from membership.patronage.models import CheckoutAttempt, Gift, PaidPeriod, StripeClosure, Subscription, TransferReference
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.factories.patronage import make_plan, period, store, subscription
from tests.patronage.conftest import ON_SQLITE, Browser

pytestmark = ON_SQLITE

PAYS_AT = "https://invoice.example/in_1"
Row = PaidPeriod | Subscription


class Reader:
    """Members with rows of their own, and what their page shows."""

    def __init__(self, app: Flask, session: Session) -> None:
        self.app, self.session, self.many = app, session, 0

    def page(self, *rows: Row, member_id: int | None = None) -> TestResponse:
        """Give a new member these rows (they are renamed, so that each is one's own) and open the page."""
        self.many += 1
        member_id = member_id or make_member(self.session, f"reader{self.many}@example.org").id
        for row in rows:
            row.member_id = member_id
            if isinstance(row, Subscription):
                row.stripe_id = f"{row.stripe_id}_{self.many}"
            elif row.subscription_id:
                row.subscription_id = f"{row.subscription_id}_{self.many}"
        store(self.session, *rows)
        browser = Browser(self.app.test_client(), "http://localhost")
        sign_in(self.app, browser.client, member_id)
        return browser.get("/account")


@pytest.fixture
def reader(app: Flask, session: Session) -> Reader:
    make_plan(session)
    return Reader(app, session)


def words(page: TestResponse) -> str:
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def failed(attention: str | None = "declined", **more: object) -> Subscription:
    """One whose renewal, due yesterday, did not go through."""
    return subscription("past_due", past_due_for_days=1, attention=attention, open_invoice_id="in_1", **more)


GRACE_ENDS = "Saturday 4 April 2026, 15:00 in Kyiv"


@pytest.mark.parametrize(
    ("attention", "why", "sentence"),
    [
        ("declined", "your bank declined it.", "Your card was declined; you stay a patron until 4 April 2026"),
        ("expired", "because your card has expired.", "Your card has expired; you stay a patron until 4 April 2026"),
        (None, "Your payment of €5 did not go through.", "You are a patron until 4 April 2026, and longer once"),
    ],
)
def test_a_failed_payment_has_one_banner_with_one_button_to_a_new_card(
    reader: Reader, attention: str | None, why: str, sentence: str
) -> None:
    page = reader.page(period(-31, -1), failed(attention, next_attempt_at=NOW + timedelta(days=2)))

    text = words(page)
    assert text.count("A payment needs your attention") == 1
    assert why in text
    assert sentence in text
    assert f"Nothing changes until {GRACE_ENDS}." in text
    assert page.text.count('<form method="post" action="/account/card">') == 1
    # An expired card is not tried again; nobody is told so who has to give another one.
    assert (f"{GRACE_ENDS}. We try the card again on 24 March 2026." in text) == (attention != "expired")


def test_nothing_is_promised_that_will_not_be_tried(reader: Reader) -> None:
    assert "We try the card again" not in words(reader.page(period(-31, -1), failed()))


def test_what_the_bank_wants_confirmed_goes_straight_to_its_page(reader: Reader) -> None:
    page = reader.page(period(-31, -1), failed("authentication", open_invoice_url=PAYS_AT))

    assert f'<a class="button" href="{PAYS_AT}" rel="noreferrer">Confirm the payment</a>' in page.text
    assert "Your bank wants you to confirm a payment; you stay a patron until 4 April 2026" in words(page)
    assert "Give another card" not in page.text


def test_past_the_days_of_grace_it_says_what_paying_brings(reader: Reader) -> None:
    late = subscription("past_due", past_due_for_days=15, attention="expired")

    text = words(reader.page(period(-46, -15), late))

    assert "You are no patron at the moment: the payment did not go through, because your card has expired." in text
    assert "You can vote again as soon as it goes through." in text
    assert "Nothing changes until" not in text


def test_a_failing_card_beside_a_gift_is_told_though_it_costs_nothing_yet(reader: Reader) -> None:
    text = words(reader.page(period(-31, -1), period(-1, 60, source="gift"), failed()))

    assert "You are a patron until 21 May 2026. Thank you." in text
    assert "A payment needs your attention" in text
    assert "Gift you are a patron by it until 21 May 2026" in text


def test_while_stripe_is_closed_nobody_is_sent_there(reader: Reader) -> None:
    with transaction(reader.session):
        reader.session.add(StripeClosure(closed_at=NOW - timedelta(days=2), reason="Thrown out", place=1))

    failing = reader.page(period(-31, -1), failed("authentication", open_invoice_url=PAYS_AT))
    lapsed = words(reader.page(period(-31, -1), subscription("active", period_ends_in_days=-1)))

    assert "Card payments are not possible at the moment, so there is nothing that you need to do now." in failing.text
    assert PAYS_AT not in failing.text
    assert "You are a patron until 20 April 2026. Card payments are not possible at the moment" in lapsed
    assert "Next payment none at the moment: card payments are not possible" in lapsed


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        pytest.param([], "You are not a patron yet.", id="never"),
        pytest.param([period(-10, 20), subscription("active")], "You are a patron until 11 April 2026. Thank you.", id="patron"),
        pytest.param(
            [period(-31, -1), subscription("active")],
            "You are a patron, and your next payment is on its way.",
            id="renewing",
        ),
        pytest.param(
            [period(-10, 20), period(-10, 50, source="patreon"), period(20, 80, source="bank"), subscription("active")],
            "You are a patron until 10 June 2026 (by card, at Patreon, by bank transfer). Thank you.",
            id="several",
        ),
        pytest.param(
            [period(-10, 20), subscription("active", cancel_in_days=20)],
            "You have stopped. You stay a patron until 11 April 2026, and nothing more is taken.",
            id="cancelling",
        ),
        pytest.param(
            [period(-10, 20), subscription("active", is_paused=True, resumes_at=NOW + timedelta(days=60))],
            "You are a patron until 11 April 2026; your support is paused and goes on on 21 May 2026.",
            id="paused, paid",
        ),
        pytest.param(
            [period(-31, -1), subscription("active", is_paused=True, resumes_at=NOW + timedelta(days=60))],
            "Your support is paused and goes on on 21 May 2026. A ballot you have sent stays; until then there is no new one.",
            id="paused",
        ),
        pytest.param([subscription("incomplete")], "Your first payment is on its way: you can vote already", id="pending"),
        pytest.param(
            [subscription("incomplete_expired")],
            "You are no patron at the moment: the last payment did not go through.",
            id="first payment failed",
        ),
        pytest.param(
            [period(-10, 20, reversed_in_days=-1), subscription("canceled")],
            "You are no patron at the moment: your money was given back.",
            id="refunded",
        ),
        pytest.param(
            [period(-10, 20, disputed_in_days=-1), subscription("active")],
            "You are no patron as long as your bank asks us for a payment back.",
            id="disputed",
        ),
        pytest.param([period(-40, -10, source="comp")], "You were a patron until 12 March 2026. Thank you.", id="ended"),
    ],
)
def test_one_sentence_says_what_somebody_is(reader: Reader, rows: list[Row], sentence: str) -> None:
    text = words(reader.page(*rows))

    assert sentence in text
    assert "A payment needs your attention" not in text or "did not go through" in sentence


def test_staff_do_not_vote_and_are_not_asked_for_money(reader: Reader) -> None:
    text = words(reader.page(member_id=make_staff(reader.session, "editor").id))

    assert "You work here, so you don’t vote." in text
    assert "Support us" not in text


def test_what_pays_is_named_and_told_to_run_out(reader: Reader) -> None:
    card = {"card_brand": "visa", "card_last4": "4242"}
    lasts = words(reader.page(period(-10, 20), subscription("active", card_expires=date(2026, 4, 30), **card)))
    ends = words(reader.page(period(-10, 20), subscription("active", card_expires=date(2026, 3, 31), **card)))

    assert "Next payment €5 on 11 April 2026 Paid from Visa that ends in 4242, valid until April 2026" in lasts
    assert "expires before the next payment" not in lasts
    assert "valid until March 2026 expires before the next payment" in ends


def test_a_pause_says_what_comes_after_it(reader: Reader) -> None:
    paused = subscription("active", is_paused=True, resumes_at=NOW + timedelta(days=40))

    assert "none: paused until 1 May 2026; then €5 on 11 May 2026" in words(reader.page(period(-10, 20), paused))


def test_gifts_bought_and_the_transfer_reference_are_there(reader: Reader) -> None:
    member = make_member(reader.session)
    plan = make_plan(reader.session)
    with transaction(reader.session):
        for number in (1, 2):
            attempt = CheckoutAttempt(
                id=UUID(int=number),
                plan_id=plan.id,
                purpose="gift",
                interval="once",
                amount_minor=900,
                currency="eur",
                language="en",
                browser_hash=b"b" * 32,
                member_id=member.id,
                created_at=NOW,
            )
            reader.session.add(attempt)
            reader.session.flush()
            used = NOW if number == 2 else None
            reader.session.add(Gift(id=UUID(int=number), attempt_id=attempt.id, months=3, created_at=NOW, redeemed_at=used))
        reader.session.add(TransferReference(reference="GAZ-7KQ2", member_id=member.id, language="en", created_at=NOW))

    text = words(reader.page(member_id=member.id))

    assert "3 months, bought on 22 March 2026: not used yet. The code stands in the mail that you got." in text
    assert "3 months, bought on 22 March 2026: used on 22 March 2026." in text
    assert "put this into the reference: GAZ-7KQ2" in text
