"""Stripe's shapes, today's and older ones, read into the same facts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from membership.patronage.shapes import (
    Charge,
    Checkout,
    Invoice,
    Refund,
    SubscriptionFacts,
    read_charge,
    read_checkout,
    read_subscription,
)

START, END = datetime(2026, 3, 22, 12, tzinfo=UTC), datetime(2026, 4, 22, 12, tzinfo=UTC)
FROM, TO = int(START.timestamp()), int(END.timestamp())
PERIOD = {"start": FROM, "end": TO}
PRICE = {"unit_amount": 500, "currency": "eur", "recurring": {"interval": "month"}}
CHARGE = Charge("ch_1", 500, "eur", 33, START, "pi_1", "cus_1", None)
EXPECTED = SubscriptionFacts(
    id="sub_1",
    attempt="a-1",
    status="active",
    customer_id="cus_1",
    email=None,
    amount_minor=500,
    currency="eur",
    interval="month",
    current_period_end=END,
    cancel_at=None,
    ended_at=None,
    created_at=START,
    invoices=(Invoice("in_1", "paid", START, (START, END), (CHARGE,)),),
)


def a_subscription(**fields: Any) -> dict[str, Any]:
    item = {"price": PRICE, "quantity": 1, "current_period_end": TO}
    body = {
        "id": "sub_1",
        "status": "active",
        "currency": "eur",
        "customer": "cus_1",
        "created": FROM,
        "metadata": {"attempt": "a-1"},
        "items": {"data": [item]},
    }
    return body | fields


def an_invoice(**fields: Any) -> dict[str, Any]:
    line = {"period": PERIOD, "parent": {"subscription_item_details": {"proration": False}}}
    payments = {"data": [{"payment": {"type": "payment_intent", "payment_intent": "pi_1"}}]}
    return {"id": "in_1", "status": "paid", "created": FROM, "lines": {"data": [line]}, "payments": payments} | fields


def test_todays_shape() -> None:
    assert read_subscription(a_subscription(), [an_invoice()], [CHARGE]) == EXPECTED


def test_an_older_shape_with_the_period_on_the_subscription_and_the_charge_on_the_invoice() -> None:
    old = a_subscription(current_period_end=TO, items={"data": [{"price": PRICE, "quantity": 1}]})
    invoice = an_invoice(payments=None, charge="ch_1", lines={"data": [{"period": PERIOD, "proration": False}]})

    assert read_subscription(old, [invoice], [CHARGE]) == EXPECTED


def test_an_invoice_that_names_its_payment_in_full() -> None:
    invoice = an_invoice(payments={"data": [{"payment": {"payment_intent": {"id": "pi_1", "object": "payment_intent"}}}]})

    assert read_subscription(a_subscription(), [invoice], [CHARGE]) == EXPECTED


def test_a_charge_of_something_else_is_not_the_invoices() -> None:
    other = Charge("ch_2", 500, "eur", 33, START, "pi_2", "cus_1", None)

    assert read_subscription(a_subscription(), [an_invoice()], [other]).invoices[0].charges == ()


def test_a_prorated_line_does_not_stretch_the_period() -> None:
    longer = {"start": FROM - 9, "end": TO + 9}
    lines = [{"period": PERIOD}, {"period": longer, "parent": {"subscription_item_details": {"proration": True}}}]

    facts = read_subscription(a_subscription(), [an_invoice(lines={"data": lines})], [CHARGE])

    assert facts.invoices[0].period == (START, END)


def test_a_bare_object_crashes_nothing() -> None:
    facts = read_subscription({"id": "sub_1", "status": "new_word", "created": FROM}, [{"id": "in_1", "created": FROM}], [])

    assert (facts.attempt, facts.status, facts.current_period_end, facts.invoices[0].period) == (None, "new_word", None, None)
    assert read_checkout({"id": "cs_1"}) == Checkout("cs_1", None, "open", "unpaid", None, None, None, None, None)


def test_both_ways_to_stop_are_one_date() -> None:
    by_flag = read_subscription(a_subscription(cancel_at_period_end=True, cancel_at=None), [], [])
    by_date = read_subscription(a_subscription(cancel_at_period_end=False, cancel_at=TO), [], [])

    assert (by_flag.cancel_at, by_date.cancel_at) == (END, END)


def test_the_oldest_open_bill_begins_the_grace() -> None:
    bills = [an_invoice(id="in_2", status="open", created=FROM + 60), an_invoice(id="in_1", status="open")]

    assert read_subscription(a_subscription(), bills, []).past_due_since == START


def a_charge(**fields: Any) -> dict[str, Any]:
    return {"id": "ch_1", "amount": 500, "currency": "eur", "created": FROM, "payment_intent": "pi_1", "customer": "cus_1"} | fields


def test_a_fee_that_is_not_booked_yet_is_not_known() -> None:
    assert read_charge(a_charge(balance_transaction=None)).fee_minor is None
    assert read_charge(a_charge(balance_transaction="txn_1")).fee_minor is None


def test_a_fee_in_the_accounts_currency_is_the_same_share_of_the_payment() -> None:
    booked = {"amount": 540, "fee": 54, "currency": "usd"}

    assert read_charge(a_charge(balance_transaction=booked)).fee_minor == 50


def test_a_refund_that_failed_gave_nothing_back() -> None:
    refunds = [
        {"id": "re_1", "amount": 200, "currency": "eur", "created": FROM, "status": "succeeded"},
        {"id": "re_2", "amount": 300, "currency": "eur", "created": FROM, "status": "failed"},
    ]

    charge = read_charge(a_charge(refunds={"data": refunds}))

    assert charge.refunds == (Refund("re_1", 200, None, START),)
    assert charge.given_back_at is None


def test_refunds_that_add_up_to_all_of_it_give_it_back() -> None:
    day = timedelta(days=1)
    charge = Charge(
        "ch_1", 500, "eur", 33, START, None, None, None, (Refund("re_1", 200, 0, START), Refund("re_2", 300, 0, START + day))
    )

    assert charge.given_back_at == START + day
