"""Every object that the stand-in sends has the shape of the pinned API."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from membership.stripe_standin.cards import AUTHENTICATION
from membership.stripe_standin.resources import CLASSES, complete
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.annotation_check import faults
from tests.stripe_standin.factories import item_of, make_charge, make_portal, make_price, make_session, make_subscription

AMOUNTS = ((900, "month"), (500, "month"), (9000, "year"))


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
    change_and_pause(standin, client)
    fail_and_reverse(standin, client)
    return standin


def fail_and_reverse(standin: StandInServer, client: Any) -> None:
    """Let banks ask, answer late and take back."""
    for succeeded, mode in ((True, "subscription"), (False, "subscription"), (True, "payment")):
        session = make_session(client, mode=mode)
        standin.pay_by_bank(session.id)
        standin.settle(session.id, succeeded=succeeded)
    debit = client.v1.charges.list().data[0].id
    standin.control("settle-refund", id=client.v1.refunds.create({"charge": debit, "amount": 100}).id)
    standin.control("dispute", id=debit)
    asked = make_session(client, mode="payment")
    standin.submit(asked.id, card=AUTHENTICATION)
    standin.confirm(asked.id, accept=False)
    waiting = make_subscription(standin, client)
    standin.control("renew", id=waiting.id, outcome="authentication")
    standin.control("fail-refund", id=standin.control("refund", id=waiting.id)["id"])
    expired = make_subscription(standin, client)
    standin.control("renew", id=expired.id, outcome="expired")
    client.v1.invoices.mark_uncollectible(client.v1.invoices.list({"status": "open"}).data[0].id)
    disputed = standin.control("dispute", id=expired.id)["id"]
    standin.control("answer-dispute", id=disputed)
    standin.control("close-dispute", id=disputed, status="won")
    by_bank = make_session(client)
    standin.pay_by_bank(by_bank.id)


def change_and_pause(standin: StandInServer, client: Any) -> None:
    """Let a subscription be lowered, moved to years, paused, and paid with another card."""
    product = client.v1.products.create({"name": "Patron"}).id
    high, low, year = (make_price(client, amount, interval=each, product=product) for amount, each in AMOUNTS)
    subscription = make_subscription(standin, client, high)
    item = item_of(subscription)
    client.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item, "price": low.id}], "proration_behavior": "always_invoice"}
    )
    client.v1.subscriptions.update(subscription.id, {"items": [{"id": item, "price": high.id}]})
    standin.change_card(make_portal(client, subscription.customer), "4000000000000341")
    later = {"items": [{"id": item, "price": year.id}], "payment_behavior": "pending_if_incomplete"}
    client.v1.subscriptions.update(subscription.id, later)
    standin.advance(days=1)
    client.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void"}})
    standin.control("renew", id=subscription.id)


def test_every_object_has_the_annotated_shape(busy: StandInServer, client: Any) -> None:
    seen: dict[str, int] = {}
    for listing in (
        client.v1.balance_transactions,
        client.v1.billing_portal.configurations,
        client.v1.charges,
        client.v1.checkout.sessions,
        client.v1.customers,
        client.v1.disputes,
        client.v1.events,
        client.v1.invoice_items,
        client.v1.invoice_payments,
        client.v1.invoices,
        client.v1.payment_intents,
        client.v1.payment_methods,
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
    session = client.v1.checkout.sessions.list({"status": "complete"}).data[0]
    for line in client.v1.checkout.sessions.line_items.list(session.id).data:
        assert faults(json.loads(str(line))) == []
    for body in client.v1.customers.balance_transactions.list(str(client.v1.subscriptions.list().data[0].customer)).data:
        assert faults(json.loads(str(body))) == []
    indirect = {"item", "line_item", "plan", "subscription", "subscription_item"}
    indirect |= {"account", "billing_portal.session", "customer_balance_transaction"}
    assert seen.keys() == CLASSES.keys() - indirect


def test_every_snapshot_in_an_event_has_the_annotated_shape(busy: StandInServer, client: Any) -> None:
    listed = client.v1.events.list({"limit": 100}).auto_paging_iter()
    events = [json.loads(str(event)) for event in listed]
    assert [fault for event in events for fault in faults(event["data"]["object"])] == []
    assert {event["type"] for event in events} == {
        "billing_portal.configuration.created",
        "billing_portal.session.created",
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.failed",
        "charge.pending",
        "charge.refund.updated",
        "charge.refunded",
        "charge.succeeded",
        "charge.updated",
        "checkout.session.async_payment_failed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.created",
        "customer.deleted",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.pending_update_expired",
        "customer.subscription.updated",
        "customer.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.marked_uncollectible",
        "invoice.paid",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
        "invoice.updated",
        "invoice.voided",
        "invoice_payment.paid",
        "invoiceitem.created",
        "payment_intent.canceled",
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "payment_method.attached",
        "price.created",
        "price.updated",
        "product.created",
        "refund.created",
        "refund.failed",
        "refund.updated",
    }


def test_expanded_objects_have_the_annotated_shape(busy: StandInServer, client: Any) -> None:
    expand = ["data.customer.subscriptions", "data.line_items", "data.subscription.latest_invoice.payments", "data.invoice"]
    for session in client.v1.checkout.sessions.list({"expand": [*expand, "data.payment_intent.latest_charge.refunds"]}).data:
        assert faults(json.loads(str(session))) == []
