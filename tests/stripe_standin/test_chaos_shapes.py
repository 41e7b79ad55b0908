"""Events as a version before 2025 sent them, beside today's."""

import json
from typing import Any

import pytest

from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.conftest import Receiver
from tests.stripe_standin.factories import make_charge, make_subscription


@pytest.fixture(autouse=True)
def _receives(standin: StandInServer, receiver: Receiver) -> None:
    standin.set_webhook(receiver.url)


def old_and_new(standin: StandInServer, client: Any, receiver: Receiver) -> dict[str, tuple[Any, Any]]:
    """Return the last event of each type as the receiver got it in the old shape, and as the API has it."""
    standin.chaos(old_shape={"rate": 1})
    standin.deliver()
    new = {event.id: json.loads(str(event)) for event in client.v1.events.list({"limit": 100}).data}
    old = [json.loads(payload) for payload, _ in receiver.got]
    return {event["type"]: (event, new[event["id"]]) for event in old}


def parts(body: Any, *names: str) -> list[Any]:
    return [body.get(name, "absent") for name in names]


def test_a_subscription_has_its_period_itself_and_its_items_have_none(
    standin: StandInServer, client: Any, receiver: Receiver
) -> None:
    subscription = make_subscription(standin, client)
    standin.control("renew", id=subscription.id)
    standin.control("cancel-at-period-end", id=subscription.id)

    old, new = old_and_new(standin, client, receiver)["customer.subscription.updated"]

    was, is_now = old["data"]["object"], new["data"]["object"]
    item = is_now["items"]["data"][0]
    period = ("current_period_start", "current_period_end")
    assert (old["api_version"], new["api_version"]) == ("2024-06-20", "2026-10-28.endive")
    assert parts(was, *period) == parts(item, *period)
    assert parts(was["items"]["data"][0], *period) == parts(is_now, *period) == ["absent", "absent"]
    assert parts(was, "cancel_at", "cancel_at_period_end") == [item["current_period_end"], True]
    assert parts(is_now, "cancel_at", "cancel_at_period_end") == [item["current_period_end"], False]
    assert parts(was, "plan", "quantity", "billing_mode") == [item["plan"], 1, "absent"]


def test_a_renewal_says_from_which_period_it_moved_on(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    subscription = make_subscription(standin, client)
    before = subscription["items"].data[0].current_period_end
    standin.control("renew", id=subscription.id)

    old, _ = old_and_new(standin, client, receiver)["customer.subscription.updated"]

    assert old["data"]["previous_attributes"]["current_period_end"] == before
    assert old["data"]["object"]["current_period_start"] == before


def test_an_invoice_names_its_subscription_and_its_payment(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    subscription = make_subscription(standin, client)

    old, new = old_and_new(standin, client, receiver)["invoice.paid"]

    intent = client.v1.payment_intents.list().data[0]
    names = ("subscription", "payment_intent", "charge", "paid", "parent")
    was, is_now = old["data"]["object"], new["data"]["object"]
    assert parts(was, *names) == [subscription.id, intent.id, intent.latest_charge, True, "absent"]
    assert parts(is_now, *names)[:4] == ["absent"] * 4
    line, line_now = was["lines"]["data"][0], is_now["lines"]["data"][0]
    assert parts(line, "period", "proration", "type", "parent") == [line_now["period"], False, "subscription", "absent"]
    assert line["price"]["id"] == line_now["pricing"]["price_details"]["price"]


def test_a_draft_names_no_payment(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    make_subscription(standin, client)

    old, _ = old_and_new(standin, client, receiver)["invoice.created"]

    assert parts(old["data"]["object"], "payment_intent", "charge", "paid") == [None, None, False]


def test_a_charge_and_its_payment_name_their_invoice(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    make_subscription(standin, client)

    seen = old_and_new(standin, client, receiver)

    invoice = client.v1.invoices.list().data[0].id
    types = ("charge.succeeded", "payment_intent.succeeded")
    assert [seen[type_][0]["data"]["object"]["invoice"] for type_ in types] == [invoice, invoice]
    assert ["invoice" in seen[type_][1]["data"]["object"] for type_ in types] == [False, False]


def test_a_payment_without_invoice_names_none(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    make_charge(standin, client)

    old, _ = old_and_new(standin, client, receiver)["charge.succeeded"]

    assert old["data"]["object"]["invoice"] is None


def test_what_has_not_changed_since_stays_as_it_is(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    client.v1.customers.create({"email": "a@example.org"})

    old, new = old_and_new(standin, client, receiver)["customer.created"]

    assert old["data"] == new["data"]
