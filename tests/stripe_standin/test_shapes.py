"""Every object that the stand-in sends has the shape of the pinned API."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from membership.stripe_standin.resources import CLASSES, complete
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.annotation_check import faults
from tests.stripe_standin.factories import make_charge, make_price, make_session, make_subscription


def test_the_check_finds_what_is_wrong() -> None:
    period = {"end": 1, "start": "now", "middle": 2}
    line = {"object": "line_item", "id": "il_1", "amount": True, "currency": "eur", "period": period}
    lacking = ["discountable", "discounts", "livemode", "metadata", "subtotal"]
    assert sorted(faults(line)) == sorted(
        [
            "amount: True is none of [<class 'int'>]",
            "period.middle: the SDK does not know it",
            "period.start: 'now' is none of [<class 'int'>]",
            *(f"{name}: missing" for name in lacking),
        ]
    )


def test_the_check_closes_enums() -> None:
    recurring = {"interval": "fortnight", "interval_count": 1, "usage_type": "licensed"}
    assert [fault.split(":")[0] for fault in faults(recurring, stripe.Price.Recurring)] == ["interval"]


def test_an_object_with_a_field_of_our_own_cannot_be_stored() -> None:
    with pytest.raises(AssertionError, match=r"unknown .'colour'.*lacking .'amount'"):
        complete({"object": "refund", "id": "re_1", "colour": "red"})


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInServer]:
    """Share one server: these tests only look."""
    with StandInServer(tmp_path_factory.mktemp("shapes")) as server:
        yield server


@pytest.fixture(scope="module")
def client(standin: StandInServer) -> Any:
    return standin.client()


@pytest.fixture(scope="module")
def busy(standin: StandInServer, client: Any) -> StandInServer:
    """A stand-in in which everything has happened once."""
    client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"], "description": "Ours"})
    customer = client.v1.customers.create({"email": "reader@example.org", "name": "A Reader", "metadata": {"a": "1"}})
    subscription = make_subscription(standin, client, customer=customer.id)
    standin.control("fail", id=subscription.id)
    standin.control("recover", id=subscription.id)
    standin.control("refund", id=subscription.id, amount="100")
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    standin.control("renew", id=subscription.id)
    make_charge(standin, client, 500, "jpy")
    declined = make_session(client, mode="payment", customer_creation="always")
    standin.decline(declined.id)
    client.v1.checkout.sessions.expire(make_session(client).id)
    client.v1.prices.update(make_price(client).id, {"nickname": "Old", "active": False})
    client.v1.customers.delete(client.v1.customers.create({}).id)
    return standin


def test_every_object_has_the_annotated_shape(busy: StandInServer, client: Any) -> None:
    seen: dict[str, int] = {}
    for listing in (
        client.v1.balance_transactions,
        client.v1.charges,
        client.v1.checkout.sessions,
        client.v1.customers,
        client.v1.events,
        client.v1.invoice_payments,
        client.v1.invoices,
        client.v1.payment_intents,
        client.v1.prices,
        client.v1.products,
        client.v1.refunds,
        client.v1.webhook_endpoints,
    ):
        body: Any
        for body in listing.list({"limit": 100}).data:
            assert faults(json.loads(str(body))) == []
            seen[body.object] = seen.get(body.object, 0) + 1
    for body in client.v1.subscriptions.list({"status": "all"}).data:
        assert faults(json.loads(str(body))) == []
        method = client.v1.payment_methods.retrieve(str(body.default_payment_method))
        assert faults(json.loads(str(method))) == []
    session = client.v1.checkout.sessions.list({"status": "complete"}).data[0]
    for line in client.v1.checkout.sessions.line_items.list(session.id).data:
        assert faults(json.loads(str(line))) == []
    indirect = {"item", "line_item", "payment_method", "plan", "subscription", "subscription_item"}
    assert seen.keys() == CLASSES.keys() - indirect


def test_every_snapshot_in_an_event_has_the_annotated_shape(busy: StandInServer, client: Any) -> None:
    events = [json.loads(str(event)) for event in client.v1.events.list({"limit": 100}).data]
    assert [fault for event in events for fault in faults(event["data"]["object"])] == []
    assert {event["type"] for event in events} == {
        "charge.failed",
        "charge.refunded",
        "charge.succeeded",
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.created",
        "customer.deleted",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
        "payment_method.attached",
        "price.created",
        "price.updated",
        "product.created",
        "refund.created",
    }


def test_expanded_objects_have_the_annotated_shape(busy: StandInServer, client: Any) -> None:
    expand = ["data.customer.subscriptions", "data.line_items", "data.subscription.latest_invoice.payments", "data.invoice"]
    for session in client.v1.checkout.sessions.list({"expand": [*expand, "data.payment_intent.latest_charge.refunds"]}).data:
        assert faults(json.loads(str(session))) == []
