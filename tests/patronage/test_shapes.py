"""Stripe's shapes, today's and older ones, read into the same facts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from membership.patronage.shapes import (
    Booking,
    Card,
    Charge,
    Checkout,
    Invoice,
    Refund,
    SubscriptionFacts,
    attention_of,
    bookings_of,
    read_card,
    read_charge,
    read_checkout,
    read_dispute,
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
    invoices=(Invoice("in_1", "paid", START, (START, END), (CHARGE,), payment_intent_id="pi_1"),),
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
    invoice = an_invoice(
        payments=None, charge="ch_1", payment_intent="pi_1", lines={"data": [{"period": PERIOD, "proration": False}]}
    )

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


def a_refund(number: int, amount: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"re_{number}", "amount": amount, "currency": "eur", "created": FROM + number * DAY} | fields


DAY = 86_400
BOOKED = {"id": "txn_1", "amount": -200, "fee": 0, "currency": "eur", "created": FROM}
RETURNED = {"id": "txn_2", "amount": 200, "fee": 0, "currency": "eur", "created": TO}


def test_a_refund_that_failed_gave_nothing_back_and_is_two_bookings() -> None:
    failed = a_refund(1, 500, status="failed", balance_transaction=BOOKED, failure_balance_transaction=RETURNED)

    charge = read_charge(a_charge(refunds={"data": [failed]}))

    assert charge.given_back_at is None
    assert list(bookings_of(charge)) == [
        Booking("charge", "ch_1", 500, None, START),
        Booking("refund", "re_1", -500, 0, START + timedelta(days=1)),
        Booking("refund_failure", "txn_2", 500, 0, END),
    ]


def test_a_refund_that_was_cancelled_before_it_left_is_no_booking() -> None:
    charge = read_charge(a_charge(refunds={"data": [a_refund(1, 500, status="canceled", balance_transaction=None)]}))

    assert charge.given_back_at is None
    assert list(bookings_of(charge)) == [Booking("charge", "ch_1", 500, None, START)]


def test_refunds_that_add_up_to_all_of_it_give_it_back() -> None:
    charge = read_charge(a_charge(refunds={"data": [a_refund(1, 200), a_refund(2, 300)]}))

    assert charge.refunds == (
        Refund("re_1", 200, None, START + timedelta(days=1)),
        Refund("re_2", 300, None, START + timedelta(days=2)),
    )
    assert charge.given_back_at == START + timedelta(days=2)


def a_dispute(status: str, *movements: dict[str, Any], amount: int = 500) -> dict[str, Any]:
    return {
        "id": "du_1",
        "amount": amount,
        "currency": "eur",
        "created": FROM,
        "status": status,
        "reason": "fraudulent",
        "evidence_details": {"due_by": TO},
        "balance_transactions": list(movements),
    }


WITHDRAWN = {"id": "txn_3", "amount": -500, "fee": 1500, "currency": "eur", "created": FROM + DAY}
REINSTATED = {"id": "txn_4", "amount": 500, "fee": 0, "currency": "eur", "created": TO}


@pytest.mark.parametrize(
    ("dispute", "disputed_in_days", "given_back_in_days"),
    [
        pytest.param(a_dispute("warning_needs_response"), None, None, id="an inquiry takes nothing"),
        pytest.param(a_dispute("needs_response", WITHDRAWN), 1, None, id="open"),
        pytest.param(a_dispute("under_review", WITHDRAWN), 1, None, id="answered"),
        pytest.param(a_dispute("won", WITHDRAWN, REINSTATED), None, None, id="won"),
        pytest.param(a_dispute("lost", WITHDRAWN), None, 1, id="lost: gone since the day it was taken"),
        pytest.param(a_dispute("lost", WITHDRAWN, amount=300), None, None, id="lost in part"),
        pytest.param(a_dispute("of_a_new_kind", WITHDRAWN), None, None, id="a status unheard of"),
    ],
)
def test_what_a_dispute_does_to_a_charge(
    dispute: dict[str, Any], disputed_in_days: int | None, given_back_in_days: int | None
) -> None:
    charge = read_charge(a_charge(), disputes=[read_dispute(dispute)])

    assert charge.disputed_at == (None if disputed_in_days is None else START + timedelta(days=disputed_in_days))
    assert charge.given_back_at == (None if given_back_in_days is None else START + timedelta(days=given_back_in_days))


def test_a_dispute_is_booked_with_its_fee_and_back_when_it_is_won() -> None:
    charge = read_charge(a_charge(), disputes=[read_dispute(a_dispute("won", WITHDRAWN, REINSTATED))])

    assert list(bookings_of(charge))[1:] == [
        Booking("dispute", "txn_3", -500, 1500, START + timedelta(days=1)),
        Booking("dispute_reversal", "txn_4", 500, 0, END),
    ]


def test_a_part_refunded_and_the_rest_lost_is_all_of_it() -> None:
    lost = read_dispute(a_dispute("lost", WITHDRAWN, amount=300))

    assert read_charge(a_charge(refunds={"data": [a_refund(3, 200)]}), disputes=[lost]).given_back_at == START + timedelta(days=3)


@pytest.mark.parametrize("status", ["failed", "pending"])
def test_what_was_not_taken_is_no_booking(status: str) -> None:
    assert list(bookings_of(read_charge(a_charge(status=status, failure_code="card_declined")))) == []


def test_an_invoice_tells_taken_and_declined_charges_apart() -> None:
    declined = replace(CHARGE, id="ch_0", status="failed", decline_code="expired_card")

    (bill,) = read_subscription(a_subscription(), [an_invoice()], [CHARGE, declined]).invoices

    assert (bill.charges, bill.declined) == ((CHARGE,), (declined,))


def test_a_bill_of_prorations_alone_pays_for_no_time() -> None:
    line = {"period": PERIOD, "parent": {"subscription_item_details": {"proration": True}}}

    assert read_subscription(a_subscription(), [an_invoice(lines={"data": [line]})], [CHARGE]).invoices[0].period is None


def test_a_bill_that_credit_has_paid_stays_paid() -> None:
    (bill,) = read_subscription(a_subscription(), [an_invoice(payments={"data": []})], []).invoices

    assert (bill.period, bill.charges, bill.given_back_at) == ((START, END), (), None)


def test_a_pause_is_told_with_its_end_and_ends_with_the_subscription() -> None:
    pause = {"behavior": "void", "resumes_at": TO}
    paused = read_subscription(a_subscription(pause_collection=pause), [], [])
    over = read_subscription(a_subscription(pause_collection=pause, status="canceled"), [], [])

    assert [(facts.is_paused, facts.resumes_at) for facts in (paused, over)] == [(True, END), (False, None)]


def test_what_pays_it_is_told_as_its_owner_knows_it() -> None:
    card = {"type": "card", "card": {"brand": "visa", "last4": "4242", "exp_month": 2, "exp_year": 2028}}
    account = {"type": "sepa_debit", "sepa_debit": {"last4": "3201"}}

    assert [read_card(method) for method in (card, account, {})] == [
        Card("visa", "4242", date(2028, 2, 29)),
        Card("sepa_debit", "3201", None),
        Card("card", "", None),
    ]


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        ({"status": "processing"}, None),
        ({"status": "requires_action"}, "authentication"),
        ({"last_payment_error": {"code": "authentication_required"}}, "authentication"),
        ({"last_payment_error": {"code": "card_declined", "decline_code": "authentication_required"}}, "authentication"),
        ({"last_payment_error": {"code": "expired_card"}}, "expired"),
        ({"last_payment_error": {"code": "card_declined", "decline_code": "expired_card"}}, "expired"),
        ({"last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"}}, "declined"),
        ({}, "declined"),
    ],
)
def test_why_a_bill_was_not_paid(intent: dict[str, Any], expected: str | None) -> None:
    assert attention_of(intent, card_expires=date(2034, 12, 31), tried_at=START) == expected


def test_a_card_whose_day_is_past_has_expired_whatever_the_bank_calls_it() -> None:
    intent = {"last_payment_error": {"code": "card_declined", "decline_code": "generic_decline"}}

    assert attention_of(intent, card_expires=date(2026, 2, 28), tried_at=START) == "expired"


@pytest.mark.parametrize(
    ("status", "bills", "attention"),
    [
        ("active", ["open"], None),
        ("active", ["void"], "declined"),
        ("active", ["void", "paid"], None),
        ("active", [], None),
        ("incomplete_expired", ["void"], None),
    ],
)
def test_a_first_debit_that_did_not_come_needs_attention(status: str, bills: list[str], attention: str | None) -> None:
    invoices = [an_invoice(id=f"in_{number}", status=bill) for number, bill in enumerate(bills)]

    assert read_subscription(a_subscription(status=status), invoices, []).attention == attention


@pytest.mark.parametrize(
    ("payment_status", "intent", "failed"),
    [
        ("unpaid", {"id": "pi_1", "status": "processing"}, False),
        ("unpaid", {"id": "pi_1", "status": "requires_payment_method"}, True),
        ("unpaid", {"id": "pi_1", "status": "canceled"}, True),
        ("unpaid", "pi_1", False),
        ("paid", {"id": "pi_1", "status": "succeeded"}, False),
    ],
)
def test_a_payment_that_will_not_come_is_told_by_its_intent(payment_status: str, intent: Any, failed: bool) -> None:
    checkout = read_checkout({"id": "cs_1", "status": "complete", "payment_status": payment_status, "payment_intent": intent})

    assert (checkout.payment_failed, checkout.payment_intent_id) == (failed, "pi_1")
