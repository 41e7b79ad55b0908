"""What happens to a subscription after its first payment."""

import json
from typing import Any

import pytest
import stripe

from membership.stripe_standin.periods import period_start
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import make_charge, make_subscription

JANUARY_31, FEBRUARY_28, MARCH_31, APRIL_30 = 1769860800, 1772280000, 1774958400, 1777550400


def periods(subscription: stripe.Subscription) -> tuple[int, int]:
    item = subscription.to_dict()["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def latest(client: Any, type_: str) -> dict[str, Any]:
    event: dict[str, Any] = client.v1.events.list({"type": type_}).data[0].to_dict()["data"]
    return event


@pytest.mark.parametrize(
    ("interval", "count", "number", "start"),
    [
        ("month", 1, 1, FEBRUARY_28),
        ("month", 1, 2, MARCH_31),
        ("month", 3, 1, APRIL_30),
        ("day", 28, 1, FEBRUARY_28),
        ("week", 4, 1, FEBRUARY_28),
    ],
)
def test_periods_are_counted_from_the_anchor(interval: str, count: int, number: int, start: int) -> None:
    assert period_start(JANUARY_31, interval, count, number) == start


def test_a_leap_day_anchor_keeps_its_year() -> None:
    assert [period_start(1709208000, "year", 1, n) - 1709208000 for n in (1, 4)] == [365 * 86400, 1461 * 86400]


def test_an_ended_subscription_does_nothing_more(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    standin.control("cancel", id=subscription.id)
    for action in ("renew", "fail", "recover", "cancel", "cancel-at-period-end"):
        with pytest.raises(ValueError, match=f"{action}: 400 .*canceled"):
            standin.control(action, id=subscription.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.subscriptions.cancel(subscription.id)
    assert caught.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_recovering_needs_an_open_invoice(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    with pytest.raises(ValueError, match="no open invoice"):
        standin.control("recover", id=subscription.id)


def test_a_failed_renewal_is_past_due_until_the_open_invoice_is_paid(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)

    standin.control("fail", id=subscription.id)

    failed = client.v1.subscriptions.retrieve(subscription.id)
    invoice = client.v1.invoices.retrieve(str(failed.latest_invoice))
    assert (failed.status, periods(failed)) == ("past_due", (FEBRUARY_28, MARCH_31))
    assert (invoice.status, invoice.amount_remaining, invoice.attempt_count) == ("open", 500, 1)
    assert latest(client, "customer.subscription.updated")["previous_attributes"] == {"status": "active"}
    assert latest(client, "invoice.payment_failed")["object"]["id"] == invoice.id
    with pytest.raises(stripe.CardError) as caught:
        client.v1.invoices.pay(invoice.id)
    assert caught.value.error is not None
    assert (caught.value.http_status, caught.value.code, caught.value.error.decline_code) == (
        402,
        "card_declined",
        "generic_decline",
    )
    # Only automatic attempts count after the first one.
    assert client.v1.invoices.retrieve(invoice.id).attempt_count == 1

    standin.control("recover", id=subscription.id)

    paid = client.v1.invoices.retrieve(invoice.id)
    assert (paid.status, paid.amount_remaining, paid.attempt_count) == ("paid", 0, 2)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_a_decline_is_kept_and_replayed_under_its_key(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    standin.control("fail", id=subscription.id)
    invoice = client.v1.invoices.list({"status": "open"}).data[0]
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            client.v1.invoices.pay(invoice.id, {}, {"idempotency_key": "pay-1"})
    failed = [charge for charge in client.v1.charges.list().data if charge.status == "failed"]
    assert len(failed) == 2


def test_a_paid_invoice_is_not_paid_again(standin: StandInServer, client: Any) -> None:
    make_subscription(standin, client)
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        client.v1.invoices.pay(client.v1.invoices.list().data[0].id)


def test_two_missed_payments_are_both_recovered(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    standin.control("fail", id=subscription.id)
    standin.control("fail", id=subscription.id)
    first, _ = client.v1.invoices.list({"status": "open"}).data[::-1]
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(first.id)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    standin.control("recover", id=subscription.id)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert client.v1.invoices.list({"status": "open"}).data == []


def test_a_renewal_moves_the_period_and_bills_it(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)

    standin.control("renew", id=subscription.id)

    renewed = client.v1.subscriptions.retrieve(subscription.id)
    invoice = client.v1.invoices.retrieve(str(renewed.latest_invoice)).to_dict()
    assert (renewed.status, periods(renewed)) == ("active", (FEBRUARY_28, MARCH_31))
    assert (invoice["billing_reason"], invoice["status"], invoice["number"][-5:]) == ("subscription_cycle", "paid", "-0002")
    assert invoice["lines"]["data"][0]["period"] == {"start": FEBRUARY_28, "end": MARCH_31}
    previous = latest(client, "customer.subscription.updated")["previous_attributes"]
    assert isinstance(previous, dict)
    assert (previous["latest_invoice"], previous["items"]["data"][0]["current_period_end"]) == (
        subscription.latest_invoice,
        FEBRUARY_28,
    )


def test_time_that_passes_renews_by_itself_each_period_on_its_day(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)

    standin.advance(days=88)

    assert periods(client.v1.subscriptions.retrieve(subscription.id)) == (MARCH_31, APRIL_30)
    assert [invoice.created for invoice in client.v1.invoices.list().data] == [MARCH_31, FEBRUARY_28, JANUARY_31]


def test_cancelling_in_the_portal_shows_in_cancel_at_and_ends_with_the_period(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)

    standin.control("cancel-at-period-end", id=subscription.id)
    planned = client.v1.subscriptions.retrieve(subscription.id)
    standin.advance(days=28)
    ended = client.v1.subscriptions.retrieve(subscription.id)

    assert (planned.status, planned.cancel_at, planned.cancel_at_period_end) == ("active", FEBRUARY_28, False)
    assert (ended.status, ended.ended_at, periods(ended)) == ("canceled", FEBRUARY_28, (JANUARY_31, FEBRUARY_28))
    assert len(client.v1.invoices.list().data) == 1
    assert latest(client, "customer.subscription.deleted")["object"]["status"] == "canceled"


def test_the_api_plans_an_end_and_takes_it_back(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    planned = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    taken_back = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    dated = client.v1.subscriptions.update(subscription.id, {"cancel_at": JANUARY_31 + 86400})
    assert [(s.cancel_at, s.cancel_at_period_end, s.canceled_at) for s in (planned, taken_back, dated)] == [
        (FEBRUARY_28, True, JANUARY_31),
        (None, False, None),
        (JANUARY_31 + 86400, False, JANUARY_31),
    ]
    standin.advance(days=1)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"


def test_cancelling_now_ends_it_with_a_reason(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    ended = client.v1.subscriptions.cancel(subscription.id, {"cancellation_details": {"comment": "Moved", "feedback": "other"}})
    assert ended.cancellation_details is not None
    assert json.loads(str(ended.cancellation_details)) == {
        "comment": "Moved",
        "feedback": "other",
        "feedback_option": None,
        "reason": "cancellation_requested",
    }
    assert client.v1.subscriptions.list().data == []
    assert [s.status for s in client.v1.subscriptions.list({"status": "canceled"}).data] == ["canceled"]


def test_metadata_is_merged(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client, subscription_data={"metadata": {"a": "1", "b": "2"}})
    changed = client.v1.subscriptions.update(subscription.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert latest(client, "customer.subscription.updated")["previous_attributes"] == {"metadata": {"a": "1", "c": None}}


def test_deleting_a_customer_ends_the_subscription(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    client.v1.customers.delete(str(subscription.customer))
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert client.v1.customers.retrieve(str(subscription.customer)).deleted is True
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.update(str(subscription.customer), {"name": "Gone"})


def test_refunds_that_stripe_refuses(standin: StandInServer, client: Any) -> None:
    charge = make_charge(standin, client, 1000)
    with pytest.raises(stripe.InvalidRequestError, match=r"greater than unrefunded amount on charge \(€10\.00\)"):
        client.v1.refunds.create({"charge": charge.id, "amount": 1001})
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.refunds.create({})
    client.v1.refunds.create({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.refunds.create({"payment_intent": charge.payment_intent})
    assert (missing.value.code, again.value.code) == ("parameter_missing", "charge_already_refunded")


def test_a_refund_in_parts_keeps_the_fee(standin: StandInServer, client: Any) -> None:
    charge = make_charge(standin, client, 1000)

    part = client.v1.refunds.create({"charge": charge.id, "amount": 300, "reason": "requested_by_customer"})
    after_part = client.v1.charges.retrieve(charge.id)
    rest = client.v1.refunds.create({"payment_intent": charge.payment_intent})
    after_rest = client.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})

    assert [(c.amount_refunded, c.refunded) for c in (after_part, after_rest)] == [(300, False), (1000, True)]
    assert [refund.id for refund in after_rest.refunds.data] == [rest.id, part.id]
    booked = [(t.type, t.amount, t.fee, t.net) for t in client.v1.balance_transactions.list().data]
    assert booked == [("refund", -700, 0, -700), ("refund", -300, 0, -300), ("charge", 1000, 40, 960)]
    assert latest(client, "charge.refunded")["previous_attributes"] == {"amount_refunded": 300, "refunded": False}


def test_the_control_page_refunds_the_latest_charge_of_a_subscription(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    standin.control("renew", id=subscription.id)
    standin.control("refund", id=subscription.id, amount="200")
    assert [charge.amount_refunded for charge in client.v1.charges.list().data] == [200, 0]
