"""A preview names what will be billed, and changes nothing."""

import json
from typing import Any

import pytest
import stripe

from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.annotation_check import faults
from tests.stripe_standin.conftest import FixedClock
from tests.stripe_standin.factories import item_of, make_customer, make_price, make_subscription

FEBRUARY_28, MARCH_31 = 1772280000, 1774958400
# Where the preview differs from the invoice that follows: it is none yet.
OF_THE_INVOICE = frozenset(
    "id lines billing_reason status status_transitions number attempted attempt_count auto_advance amount_paid "
    "amount_remaining effective_at ending_balance hosted_invoice_url next_payment_attempt".split()
)


def bill(body: dict[str, Any]) -> dict[str, Any]:
    """Return what an invoice or its preview asks for, without ids that differ from one to the next."""
    lines = []
    for line in body["lines"]["data"]:
        details = {**line["parent"]["subscription_item_details"], "invoice_item": None}
        lines.append({**line, "id": None, "invoice": None, "parent": details})
    return {**{name: value for name, value in body.items() if name not in OF_THE_INVOICE}, "lines": lines}


def everything(client: Any) -> list[str]:
    """Return all that can be listed, as text."""
    v1 = client.v1
    nouns = (v1.events, v1.invoices, v1.invoice_items, v1.subscriptions, v1.customers, v1.payment_intents)
    return [str(row) for noun in nouns for row in noun.list({"limit": 100}).data]


@pytest.mark.parametrize(
    ("amount", "interval", "behavior"),
    [
        (900, "month", "always_invoice"),
        (300, "month", "always_invoice"),
        (900, "month", "create_prorations"),
        (900, "month", "none"),
        (5000, "year", "create_prorations"),
        (5000, "year", "none"),
        (100, "week", "always_invoice"),
    ],
)
def test_the_preview_of_a_change_is_what_is_then_billed(
    standin: StandInServer, client: Any, clock: FixedClock, amount: int, interval: str, behavior: str
) -> None:
    product = client.v1.products.create({"name": "Patron"}).id
    old, middle = (make_price(client, each, product=product) for each in (500, 700))
    new = make_price(client, amount, interval=interval, product=product)
    subscription = make_subscription(standin, client, old)
    items = [{"id": item_of(subscription), "price": middle.id}]
    clock.move(days=5, seconds=17)
    client.v1.subscriptions.update(subscription.id, {"items": items, "proration_behavior": "create_prorations"})
    clock.move(days=6, hours=3)
    at = int(clock().timestamp())
    change = {"items": [{"id": item_of(subscription), "price": new.id}], "proration_behavior": behavior, "proration_date": at}
    before = everything(client)

    preview = client.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": change})

    unchanged = everything(client)
    changed = client.v1.subscriptions.update(subscription.id, change)
    if changed.latest_invoice == subscription.latest_invoice:
        standin.advance(days=17)
        changed = client.v1.subscriptions.retrieve(subscription.id)
    invoice = client.v1.invoices.retrieve(str(changed.latest_invoice))
    assert unchanged == before
    assert bill(preview.to_dict()) == bill(invoice.to_dict())
    assert (preview.status, preview.billing_reason, preview.id[:12]) == ("draft", "upcoming", "upcoming_in_")
    assert faults(json.loads(str(preview))) == []


def test_without_a_change_it_is_the_next_renewal(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    preview = client.v1.invoices.create_preview({"subscription": subscription.id, "customer": str(subscription.customer)})
    assert (preview.amount_due, preview.created, preview.next_payment_attempt) == (500, FEBRUARY_28, FEBRUARY_28)
    assert preview.to_dict()["lines"]["data"][0]["period"] == {"start": FEBRUARY_28, "end": MARCH_31}


@pytest.mark.parametrize("end", [{"cancel_at_period_end": True}, {"cancel_at": FEBRUARY_28 - 60}])
def test_what_ends_before_it_renews_has_no_next_invoice(standin: StandInServer, client: Any, end: Any) -> None:
    subscription = make_subscription(standin, client)
    client.v1.subscriptions.update(subscription.id, end)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.invoices.create_preview({"subscription": subscription.id})
    assert (caught.value.http_status, caught.value.code) == (404, "invoice_upcoming_none")


def test_previews_that_are_refused(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    ended = make_subscription(standin, client)
    client.v1.subscriptions.cancel(ended.id)
    wrong: list[dict[str, Any]] = [
        {},
        {"subscription": "sub_none"},
        {"subscription": ended.id},
        {"subscription": subscription.id, "customer": make_customer(client).id},
        {"subscription": subscription.id, "preview_mode": "recurring"},
        {"subscription": subscription.id, "subscription_details": {"cancel_now": True}},
        {"subscription": subscription.id, "subscription_details": {"items": [{"id": "si_none"}]}},
    ]
    for params in wrong:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.invoices.create_preview(params)
        assert (params, caught.value.http_status) == (params, 400)
