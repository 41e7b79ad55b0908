"""Money that goes back, whoever gave it: in the dashboard, in parts, never arriving; each movement is a row and none is lost."""

from datetime import timedelta

import pytest

from membership.outbox import OutboxItem
from membership.patronage import queries
from membership.patronage.entitlement import Standing
from membership.patronage.models import Gift, PaidPeriod, Payment, SeatPoolEntry
from tests.conftest import NOW
from tests.patronage.conftest import Till

MONTH = timedelta(days=31)  # from 22 March


def refund(till: Till, amount: int | None = None) -> str:
    """Give money of the only charge back in Stripe's dashboard, and hear of it; return the refund's id."""
    made = till.stripe.control("refund", id=till.charge_id, **({"amount": str(amount)} if amount else {}))
    till.hears("charge.refunded")
    return str(made["id"])


def movements(till: Till) -> list[tuple[object, ...]]:
    rows = till.session.query(Payment).order_by(Payment.id)
    return [(row.kind, row.amount_minor, row.charge_reference) for row in rows]


def test_parts_that_add_up_to_all_of_it_take_the_month_back(till: Till) -> None:
    till.pays()
    charge = till.charge_id

    refund(till, 200)
    in_part = till.standing
    till.clock.instant = NOW + timedelta(hours=1)
    refund(till)

    assert (in_part, till.standing) == (Standing(True, "patron", NOW + MONTH), Standing(False, "refunded"))
    assert movements(till) == [("charge", 500, None), ("refund", -200, charge), ("refund", -300, charge)]
    assert till.table(PaidPeriod, "reversed_at") == [(NOW + timedelta(hours=1),)]
    assert till.mails == ["welcome", "refunded", "refunded"]


def test_a_refund_that_failed_later_is_a_row_of_its_own_and_the_month_is_back(till: Till) -> None:
    till.pays()
    charge = till.charge_id
    refund_id = refund(till)
    given_back = till.standing

    till.stripe.control("fail-refund", id=refund_id)
    outcomes = [till.hears(type_) for type_ in ("refund.failed", "refund.updated", "charge.refund.updated", "charge.updated")]

    assert outcomes == ["written"] * 4
    assert (given_back, till.standing) == (Standing(False, "refunded"), Standing(True, "patron", NOW + MONTH))
    assert movements(till) == [("charge", 500, None), ("refund", -500, charge), ("refund_failure", 500, charge)]
    failed = queries.find_payment(till.session, source="stripe", reference=refund_id)
    assert failed is not None
    ((booked,),) = [row for row in till.table(Payment, "reference") if row[0].startswith("txn_")]
    assert till.table(OutboxItem, "key", "kind")[:2] == [
        (f"refund-failed:{booked}", "refund_failed"),
        (f"refunded:{refund_id}", "refunded"),
    ]
    assert queries.money_given(till.session, failed.member_id or 0)[0] == 500


def test_a_failed_refund_that_we_first_hear_of_now_is_both_rows_at_once(till: Till) -> None:
    till.pays("once", 2000)
    made = till.stripe.control("refund", id=till.charge_id)
    till.stripe.control("fail-refund", id=made["id"])

    till.hears("refund.failed")

    assert [row[:2] for row in movements(till)] == [("charge", 2000), ("refund", -2000), ("refund_failure", 2000)]
    assert till.standing.code == "patron"


def test_given_back_failed_and_given_back_again_ends_given_back(till: Till) -> None:
    till.pays()
    till.stripe.control("fail-refund", id=refund(till))
    till.hears("refund.failed")

    refund(till)

    assert till.standing.code == "refunded"
    assert [amount for _, amount, _ in movements(till)] == [500, -500, 500, -500]


def test_more_refunds_than_stripe_shows_with_a_charge_are_all_known(till: Till) -> None:
    """With a charge come its ten newest refunds; the first two of twelve are on no first page."""
    till.pays()
    client, charge = till.stripe.client(), till.charge_id
    refunds = [client.v1.refunds.create({"charge": charge, "amount": 40}) for _ in range(11)]
    till.hears("charge.refunded")
    with_a_rest = till.standing.code
    refunds.append(client.v1.refunds.create({"charge": charge}))

    till.hears("charge.refunded")

    assert client.v1.charges.retrieve(charge, {"expand": ["refunds"]}).to_dict()["refunds"]["has_more"]
    assert {reference for (reference,) in till.table(Payment, "reference")} == {charge, *(made.id for made in refunds)}
    assert sum(amount for _, amount, _ in movements(till)) == 0
    assert (with_a_rest, till.standing.code) == ("patron", "refunded")


def test_a_refund_to_a_bank_counts_from_the_day_it_left(till: Till) -> None:
    opened = till.opens("once", 2000)
    till.stripe.pay_by_bank(opened.url)
    till.stripe.settle(opened.url)
    till.hears("checkout.session.async_payment_succeeded")

    refund_id = refund(till)
    on_its_way = till.standing.code
    till.stripe.control("fail-refund", id=refund_id)
    till.hears("refund.failed")

    assert (on_its_way, till.standing.code) == ("refunded", "patron")


@pytest.mark.parametrize("back", [True, False])
def test_what_a_giver_got_back_is_taken_from_gift_and_pool(till: Till, back: bool) -> None:
    till.pays("once", 900, purpose="gift")
    refund_id = refund(till)
    till.pays("once", 1500, purpose="seats", browser=b"s" * 32)
    (seats,) = till.session.query(Payment.reference).filter(Payment.amount_minor == 1500).one()
    pooled = till.stripe.control("refund", id=seats)
    till.hears("charge.refunded")
    if not back:
        for failed in (refund_id, str(pooled["id"])):
            till.stripe.control("fail-refund", id=failed)
            till.hears("refund.failed")

    at = NOW if back else None
    assert till.table(Gift, "months", "reversed_at") == [(3, at)]
    assert till.table(SeatPoolEntry, "months", "reversed_at") == [(5, at)]


def test_money_given_back_for_an_older_month_leaves_the_newer_one(till: Till) -> None:
    till.pays()
    charge = till.charge_id
    till.stripe.control("renew", id=till.subscription.stripe_id)
    till.hears("invoice.paid")
    till.stripe.control("refund", id=charge)

    till.hears("charge.refunded")

    assert sorted(till.table(PaidPeriod, "starts_at", "reversed_at")) == [(NOW, NOW), (NOW + MONTH, None)]
