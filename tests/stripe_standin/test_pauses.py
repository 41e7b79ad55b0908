"""Paused collection: nothing is charged, the period moves on, and it ends by itself."""

from typing import Any

import pytest

from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.conftest import FixedClock
from tests.stripe_standin.factories import item_of, make_price, make_subscription

DAY = 86400
FEBRUARY_28, MARCH_31, APRIL_30 = 1772280000, 1774958400, 1777550400


def pause(client: Any, subscription: Any, behavior: str = "void", **more: int) -> Any:
    return client.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": behavior, **more}})


def period(client: Any, subscription: Any) -> tuple[str, int, int]:
    found = client.v1.subscriptions.retrieve(subscription.id).to_dict()
    item = found["items"]["data"][0]
    return found["status"], item["current_period_start"], item["current_period_end"]


def updates(client: Any) -> list[dict[str, Any]]:
    """Return the previous attributes of the subscription's updates, newest first."""
    listed = client.v1.events.list({"type": "customer.subscription.updated", "limit": 100}).data
    return [event.to_dict()["data"]["previous_attributes"] for event in listed]


@pytest.mark.parametrize(
    ("behavior", "status", "last_event"),
    [
        ("void", "void", "invoice.voided"),
        ("mark_uncollectible", "uncollectible", "invoice.marked_uncollectible"),
        ("keep_as_draft", "draft", "invoice.created"),
    ],
)
def test_a_paused_renewal_charges_nothing_and_stays_active(
    standin: StandInServer, client: Any, behavior: str, status: str, last_event: str
) -> None:
    subscription = make_subscription(standin, client)

    paused = pause(client, subscription, behavior)
    standin.control("renew", id=subscription.id)

    invoice = client.v1.invoices.list({"limit": 1}).data[0]
    assert paused.to_dict()["pause_collection"] == {"behavior": behavior, "resumes_at": None}
    assert (invoice.status, invoice.amount_paid, invoice.attempt_count, invoice.auto_advance) == (status, 0, 0, False)
    assert period(client, subscription) == ("active", FEBRUARY_28, MARCH_31)
    assert client.v1.events.list({"type": "invoice.*", "limit": 1}).data[0].type == last_event
    assert len(client.v1.charges.list().data) == 1


def test_a_pause_ends_by_itself_on_its_day(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    until = FEBRUARY_28 + DAY

    pause(client, subscription, resumes_at=until)
    standin.advance(days=28)
    meanwhile = client.v1.subscriptions.retrieve(subscription.id)
    standin.advance(days=1)
    resumed = client.v1.subscriptions.retrieve(subscription.id)
    standin.advance(days=31)

    assert meanwhile.pause_collection.resumes_at == until
    assert (resumed.status, resumed.pause_collection) == ("active", None)
    event = client.v1.events.list({"type": "customer.subscription.updated", "created": until}).data[0].to_dict()
    assert event["data"]["previous_attributes"] == {"pause_collection": {"behavior": "void", "resumes_at": until}}
    assert [(i.status, i.amount_paid) for i in client.v1.invoices.list().data] == [("paid", 500), ("void", 0), ("paid", 500)]


def test_a_pause_that_ends_with_the_period_collects_the_next_one(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    pause(client, subscription, resumes_at=FEBRUARY_28)
    standin.advance(days=28)
    assert [invoice.status for invoice in client.v1.invoices.list().data] == ["paid", "paid"]


def test_going_on_by_hand_collects_the_next_period(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    pause(client, subscription)
    standin.control("renew", id=subscription.id)

    resumed = client.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    standin.control("renew", id=subscription.id)

    assert resumed.pause_collection is None
    assert {"pause_collection": {"behavior": "void", "resumes_at": None}} in updates(client)
    assert [invoice.status for invoice in client.v1.invoices.list().data] == ["paid", "void", "paid"]
    assert period(client, subscription) == ("active", MARCH_31, APRIL_30)


def test_a_planned_end_comes_also_in_a_pause(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    pause(client, subscription)
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    standin.advance(days=28)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert len(client.v1.invoices.list().data) == 1


def test_a_voided_period_gives_no_credit_and_uses_no_balance(standin: StandInServer, client: Any, clock: FixedClock) -> None:
    product = client.v1.products.create({"name": "Patron"}).id
    high, low = (make_price(client, amount, product=product) for amount in (900, 500))
    subscription = make_subscription(standin, client, high)
    clock.move(days=14)
    lower = {"items": [{"id": item_of(subscription), "price": low.id}], "proration_behavior": "always_invoice"}
    client.v1.subscriptions.update(subscription.id, lower)
    pause(client, subscription)
    standin.advance(days=14 + 10)

    client.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    higher = {"items": [{"id": item_of(subscription), "price": high.id}], "proration_behavior": "always_invoice"}
    raised = client.v1.subscriptions.update(subscription.id, higher)

    invoice = client.v1.invoices.retrieve(str(raised.latest_invoice))
    assert [line.amount for line in invoice.lines.data] == [610]
    assert (invoice.starting_balance, invoice.amount_due) == (-200, 410)


def test_the_control_page_pauses_for_days_and_lets_go_on(standin: StandInServer, client: Any, clock: FixedClock) -> None:
    subscription = make_subscription(standin, client)

    standin.control("pause", id=subscription.id, days="10", behavior="keep_as_draft")
    paused = client.v1.subscriptions.retrieve(subscription.id)
    standin.control("cancel-at-period-end", id=subscription.id)
    standin.control("resume", id=subscription.id)
    resumed = client.v1.subscriptions.retrieve(subscription.id)

    resumes_at = int(clock().timestamp()) + 10 * DAY
    assert paused.to_dict()["pause_collection"] == {"behavior": "keep_as_draft", "resumes_at": resumes_at}
    assert (resumed.pause_collection, resumed.cancel_at, resumed.canceled_at) == (None, None, None)
