"""Refunds that are refused, that take days, and that a bank sends back."""

from typing import Any

import pytest
import stripe

from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import make_charge, make_session
from tests.stripe_standin.test_checkout import event_types


def make_debit(standin: StandInServer, client: Any) -> Any:
    """Pay 5 euros by bank, and let the money come."""
    session = make_session(client, mode="payment")
    standin.pay_by_bank(session.id)
    standin.settle(session.id)
    return client.v1.charges.list().data[0]


def bookings(client: Any) -> list[tuple[str, str, int, int]]:
    rows = client.v1.balance_transactions.list().data
    return [(row.type, row.reporting_category, row.amount, row.fee) for row in rows]


def test_only_a_refund_that_left_can_fail(standin: StandInServer, client: Any) -> None:
    refund = client.v1.refunds.create({"charge": make_charge(standin, client).id})
    standin.control("fail-refund", id=refund.id)
    with pytest.raises(ValueError, match=r"fail-refund: 400 .*failed and cannot fail"):
        standin.control("fail-refund", id=refund.id)
    with pytest.raises(ValueError, match="settle-refund: 400"):
        standin.control("settle-refund", id=refund.id)
    with pytest.raises(ValueError, match="fail-refund: 404"):
        standin.control("fail-refund", id="re_none")
    with pytest.raises(ValueError, match="Give reason as one of"):
        standin.control("fail-refund", id=refund.id, reason="bored")


@pytest.mark.parametrize(("amount", "message"), [(0, "Invalid positive integer"), (-1, "Invalid positive integer"), (701, "€7.00")])
def test_an_amount_that_is_not_there_is_refused(standin: StandInServer, client: Any, amount: int, message: str) -> None:
    charge = make_charge(standin, client, 1000)
    client.v1.refunds.create({"charge": charge.id, "amount": 300})
    with pytest.raises(stripe.InvalidRequestError, match=message) as caught:
        client.v1.refunds.create({"charge": charge.id, "amount": amount})
    assert caught.value.param == "amount"
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 300


def test_a_failed_refund_gives_the_money_back_to_balance_and_charge(standin: StandInServer, client: Any) -> None:
    charge = make_charge(standin, client, 1000)
    kept = client.v1.refunds.create({"charge": charge.id, "amount": 300})
    refund = client.v1.refunds.create({"charge": charge.id, "metadata": {"act": "7"}, "reason": "duplicate"})

    standin.control("fail-refund", id=refund.id, reason="lost_or_stolen_card")

    failed = client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    after = client.v1.charges.retrieve(charge.id)
    assert (failed.status, failed.failure_reason, failed.metadata.to_dict()) == ("failed", "lost_or_stolen_card", {"act": "7"})
    assert (failed.failure_balance_transaction.amount, failed.failure_balance_transaction.source) == (700, refund.id)
    assert (after.amount_refunded, after.refunded) == (300, False)
    assert bookings(client)[:3] == [
        ("refund_failure", "refund_failure", 700, 0),
        ("refund", "refund", -700, 0),
        ("refund", "refund", -300, 0),
    ]
    assert event_types(client)[-4:] == ["refund.updated", "charge.refund.updated", "refund.failed", "charge.updated"]
    previous = client.v1.events.list({"type": "charge.refund.updated"}).data[0].to_dict()["data"]["previous_attributes"]
    assert previous == {"failure_balance_transaction": None, "failure_reason": None, "status": "succeeded"}
    # What came back can be given back again.
    assert client.v1.refunds.create({"charge": charge.id}).amount == 700
    assert client.v1.refunds.retrieve(kept.id).status == "succeeded"


def test_a_refund_to_a_bank_account_takes_days(standin: StandInServer, client: Any) -> None:
    charge = make_debit(standin, client)

    refund = client.v1.refunds.create({"charge": charge.id})
    counted = client.v1.charges.retrieve(charge.id).amount_refunded
    standin.advance(days=5)

    arrived = client.v1.refunds.retrieve(refund.id)
    assert (refund.status, refund.pending_reason, refund.destination_details.type) == ("pending", "processing", "sepa_debit")
    assert (counted, arrived.status, arrived.pending_reason) == (500, "succeeded", None)
    assert bookings(client)[0] == ("payment_refund", "refund", -500, 0)
    assert event_types(client)[-4:] == ["refund.created", "charge.refunded", "refund.updated", "charge.refund.updated"]


def test_a_refund_on_its_way_can_fail_or_be_let_through(standin: StandInServer, client: Any) -> None:
    charge = make_debit(standin, client)
    one, other = (client.v1.refunds.create({"charge": charge.id, "amount": 200}) for _ in range(2))
    standin.control("fail-refund", id=one.id)
    standin.control("settle-refund", id=other.id)
    standin.advance(days=10)
    assert [client.v1.refunds.retrieve(refund.id).status for refund in (one, other)] == ["failed", "succeeded"]
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 200


def test_refunds_are_listed_by_charge_and_their_metadata_changes(standin: StandInServer, client: Any) -> None:
    first, second = make_charge(standin, client), make_charge(standin, client)
    mine = client.v1.refunds.create({"charge": first.id, "amount": 100, "metadata": {"a": "1"}})
    client.v1.refunds.create({"charge": second.id})
    client.v1.refunds.update(mine.id, {"metadata": {"b": "2"}})
    found = client.v1.refunds.list({"charge": first.id}).data
    assert [(refund.id, refund.metadata.to_dict()) for refund in found] == [(mine.id, {"a": "1", "b": "2"})]
    assert client.v1.refunds.list({"created": {"lt": mine.created}}).data == []
