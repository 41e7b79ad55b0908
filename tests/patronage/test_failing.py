"""Payments that fail: told apart by what their payer can do, told once, recovering or ending."""

from datetime import timedelta

import pytest

from membership.accounts.models import Member
from membership.outbox import OutboxItem
from membership.patronage import services
from membership.patronage.entitlement import Standing
from membership.patronage.models import DeclinedCharge, Subscription
from tests.conftest import NOW
from tests.patronage.conftest import Till

MONTH = timedelta(days=31)  # from 22 March
FAILED_AT = NOW + MONTH - timedelta(hours=1)
ATTENTION = ("status", "attention", "open_invoice_id", "next_attempt_at")


def fails(till: Till, outcome: str = "declined") -> str:
    """Let the only patron's renewal fail, and hear of it; return the open bill's id."""
    till.pays()
    till.clock.instant = FAILED_AT
    till.stripe.control("renew", id=till.subscription.stripe_id, outcome=outcome)
    till.hears("invoice.payment_failed" if outcome != "authentication" else "invoice.payment_action_required")
    return till.subscription.open_invoice_id or ""


@pytest.mark.parametrize(
    ("outcome", "attention"),
    [("declined", "declined"), ("insufficient", "declined"), ("expired", "expired"), ("authentication", "authentication")],
)
def test_what_went_wrong_is_told_apart(till: Till, outcome: str, attention: str) -> None:
    bill = fails(till, outcome)

    row = till.subscription
    assert (row.status, row.attention, row.past_due_since) == ("past_due", attention, FAILED_AT)
    assert (row.open_invoice_url or "").startswith("http")
    # While a bank waits for its customer's yes nothing is tried by itself.
    assert row.next_attempt_at == (None if attention == "authentication" else FAILED_AT + timedelta(days=3))
    assert till.table(OutboxItem, "key", "payload")[0] == (
        f"payment-failed:{bill}:{attention}",
        {"subscription_id": row.stripe_id, "invoice_id": bill, "attention": attention},
    )


def test_declined_again_for_the_same_reason_is_not_told_again(till: Till) -> None:
    fails(till)
    stripe_id = till.subscription.stripe_id

    till.stripe.control("retry", id=stripe_id)
    till.hears("invoice.payment_failed")
    once = till.mails
    till.stripe.control("retry", id=stripe_id, outcome="expired")
    till.hears("invoice.payment_failed")

    assert once == ["welcome", "payment_failed"]
    assert till.mails == ["welcome", "payment_failed", "payment_failed"]


def test_each_try_that_took_nothing_is_kept_with_its_reason(till: Till) -> None:
    fails(till)
    till.stripe.control("retry", id=till.subscription.stripe_id, outcome="insufficient")
    till.hears("charge.failed")
    till.hears("invoice.payment_failed")

    ((member,),) = till.table(Member, "id")
    rows = till.table(DeclinedCharge, "code", "amount_minor", "currency", "member_id", "subscription_id", "occurred_at")
    about = (500, "eur", member, till.subscription.stripe_id, FAILED_AT)
    assert rows == [("generic_decline", *about), ("insufficient_funds", *about)]


def test_paid_after_all_it_needs_no_attention_and_a_receipt_says_so(till: Till) -> None:
    fails(till)

    till.stripe.control("recover", id=till.subscription.stripe_id)
    till.hears("invoice.paid")

    assert till.table(Subscription, *ATTENTION) == [("active", None, None, None)]
    assert till.mails == ["welcome", "payment_failed", "welcome"]
    assert till.standing == Standing(True, "patron", NOW.replace(month=5))


@pytest.mark.parametrize(
    ("then", "event"), [("canceled", "customer.subscription.deleted"), ("unpaid", "customer.subscription.updated")]
)
def test_when_stripe_gives_up_the_support_has_ended_and_that_is_told_once(till: Till, then: str, event: str) -> None:
    fails(till)
    till.stripe.control("dunning", then=then)
    till.stripe.control("exhaust", id=till.subscription.stripe_id)
    till.clock.instant = NOW + MONTH + timedelta(days=1)

    till.hears(event)
    till.sync(till.subscription.stripe_id)

    assert till.subscription.status == then
    assert till.standing == Standing(False, "ended", NOW + MONTH)
    assert till.mails == ["welcome", "payment_failed", "support_ended"]


def test_who_stops_while_a_payment_fails_is_not_told_that_it_ended_over_that(till: Till) -> None:
    fails(till)
    ((member,),) = till.table(Member, "id")

    services.stop_all_support(till.session, till.gateway, member_id=member, now=FAILED_AT)

    assert till.subscription.status == "canceled"
    assert "support_ended" not in till.mails


def test_a_card_that_strangers_try_leaves_nothing(till: Till) -> None:
    opened = till.opens("once", 2000)
    till.stripe.decline(opened.url)

    assert till.hears("charge.failed") == "ignored"
    assert [till.table(model, "id") for model in (Member, OutboxItem)] == [[], []]
    assert till.table(DeclinedCharge, "stripe_id") == []


def test_a_foreign_charge_of_the_same_customer_is_not_taken_for_ours(till: Till) -> None:
    till.pays()
    client = till.stripe.client()
    price = client.v1.prices.create({"currency": "eur", "unit_amount": 900, "product_data": {"name": "Mugs"}})
    mug = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": till.subscription.stripe_customer_id or "",
            "line_items": [{"price": price.id, "quantity": 1}],
            "success_url": "http://localhost/",
        }
    )
    till.stripe.pay(mug.url or "")
    before = till.mails
    foreign = next(charge.id for charge in client.v1.charges.list().data if charge.amount == 900)
    till.stripe.control("refund", id=foreign)

    till.hears("charge.refunded")

    assert (till.charge_id != foreign, till.mails) == (True, before)
    assert till.standing.code == "patron"
