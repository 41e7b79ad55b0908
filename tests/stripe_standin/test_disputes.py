"""Disputes: opened, answered, won, lost, or left to lapse."""

from typing import Any

import pytest
import stripe

from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import make_charge, make_subscription
from tests.stripe_standin.test_checkout import event_types
from tests.stripe_standin.test_refunds import make_debit

# The end of the twentieth day after 31 January 2026.
DUE = 1771631999


def disputed(standin: StandInServer, client: Any, **values: str) -> Any:
    charge = make_charge(standin, client, 1000)
    return client.v1.disputes.retrieve(standin.control("dispute", id=charge.id, **values)["id"])


def test_what_was_not_paid_or_is_gone_already_is_not_disputed(standin: StandInServer, client: Any) -> None:
    refunded, twice = make_charge(standin, client), make_charge(standin, client)
    client.v1.refunds.create({"charge": refunded.id})
    standin.control("dispute", id=twice.id)
    for charge, message in ((refunded, "nothing to dispute"), (twice, "disputed before")):
        with pytest.raises(ValueError, match=f"dispute: 400 .*{message}"):
            standin.control("dispute", id=charge.id)
    with pytest.raises(ValueError, match="dispute: 404"):
        standin.control("dispute", id="sub_none")


def test_a_dispute_takes_the_money_and_a_fee(standin: StandInServer, client: Any) -> None:
    found = disputed(standin, client).to_dict()

    charge = client.v1.charges.retrieve(found["charge"])
    (taken,) = found["balance_transactions"]
    assert (found["status"], found["reason"], found["amount"], found["is_charge_refundable"]) == (
        "needs_response",
        "fraudulent",
        1000,
        False,
    )
    assert (found["evidence_details"]["due_by"], found["evidence_details"]["has_evidence"]) == (DUE, False)
    assert (taken["amount"], taken["fee"], taken["net"], taken["type"], taken["reporting_category"]) == (
        *(-1000, 2000, -3000),
        *("adjustment", "dispute"),
    )
    assert (charge.disputed, charge.amount_refunded, charge.payment_intent) == (True, 0, found["payment_intent"])
    assert event_types(client)[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


@pytest.mark.parametrize("status", ["needs_response", "lost"])
def test_disputed_money_is_not_refunded(standin: StandInServer, client: Any, status: str) -> None:
    found = disputed(standin, client)
    if status == "lost":
        client.v1.disputes.close(found.id)
    with pytest.raises(stripe.InvalidRequestError, match="has been charged back") as caught:
        client.v1.refunds.create({"charge": found.charge})
    assert caught.value.code == "charge_disputed"


def test_a_dispute_that_is_won_brings_the_money_back_without_the_fee(standin: StandInServer, client: Any) -> None:
    found = disputed(standin, client, reason="product_not_received", amount="600")
    answered = client.v1.disputes.update(found.id, {"evidence": {"uncategorized_text": "They read it."}})

    standin.control("close-dispute", id=found.id, status="won")

    won = client.v1.disputes.retrieve(found.id).to_dict()
    assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
    assert (won["status"], [(row["amount"], row["fee"]) for row in won["balance_transactions"]]) == (
        "won",
        [(-600, 2000), (600, 0)],
    )
    assert won["balance_transactions"][1]["reporting_category"] == "dispute_reversal"
    assert client.v1.charges.retrieve(found.charge).disputed is True
    assert client.v1.refunds.create({"charge": found.charge}).amount == 1000
    assert event_types(client)[-6:-2] == [
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_a_dispute_that_is_lost_leaves_the_money_away(standin: StandInServer, client: Any) -> None:
    found = disputed(standin, client)
    standin.control("answer-dispute", id=found.id)
    standin.control("close-dispute", id=found.id)
    lost = client.v1.disputes.retrieve(found.id)
    assert (lost.status, len(lost.balance_transactions), event_types(client)[-1]) == ("lost", 1, "charge.dispute.closed")
    for act in ("close-dispute", "answer-dispute"):
        with pytest.raises(ValueError, match=f"{act}: 400 .*lost"):
            standin.control(act, id=found.id)


def test_a_dispute_that_nobody_answers_is_lost_at_its_deadline(standin: StandInServer, client: Any) -> None:
    silent, answered = disputed(standin, client), disputed(standin, client)
    standin.control("answer-dispute", id=answered.id)
    standin.advance(days=20)
    before = client.v1.disputes.retrieve(silent.id).status
    standin.advance(days=1)
    lapsed = client.v1.disputes.retrieve(silent.id)
    assert (before, lapsed.status, lapsed.evidence_details.past_due) == ("needs_response", "lost", True)
    assert client.v1.disputes.retrieve(answered.id).status == "under_review"


def test_a_disputed_bank_debit_is_lost_at_once(standin: StandInServer, client: Any) -> None:
    charge = make_debit(standin, client)
    lost = client.v1.disputes.retrieve(standin.control("dispute", id=charge.id)["id"])
    assert (lost.status, lost.reason, lost.evidence_details.due_by, lost.payment_method_details) == (
        *("lost", "debit_not_authorized"),
        *(0, None),
    )
    assert event_types(client)[-3:] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
    ]


def test_a_subscriptions_latest_charge_is_disputed_for_what_is_left_of_it(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    standin.control("refund", id=subscription.id, amount="200")
    opened = standin.control("dispute", id=subscription.id)
    assert (opened["amount"], client.v1.subscriptions.retrieve(subscription.id).status) == (300, "active")


def test_evidence_can_be_kept_for_later_and_metadata_changed(standin: StandInServer, client: Any) -> None:
    found = disputed(standin, client)
    kept = client.v1.disputes.update(
        found.id, {"evidence": {"product_description": "News"}, "submit": False, "metadata": {"case": "7"}}
    )
    assert (kept.status, kept.evidence.product_description, kept.metadata.to_dict()) == ("needs_response", "News", {"case": "7"})


def test_disputes_are_listed_by_charge_intent_and_time(standin: StandInServer, client: Any) -> None:
    first, second = disputed(standin, client), disputed(standin, client)

    def ids(**wanted: object) -> list[str]:
        return [row.id for row in client.v1.disputes.list(wanted).data]

    assert ids() == [second.id, first.id]
    assert (ids(charge=first.charge), ids(payment_intent=second.payment_intent)) == ([first.id], [second.id])
    assert (ids(created={"lt": first.created}), ids(created=first.created)) == ([], [second.id, first.id])
    expanded = client.v1.disputes.list({"expand": ["data.charge"], "limit": 1}).data[0]
    assert expanded.charge.disputed is True
