"""Another price or interval: what is billed now, what waits, what is left as it is."""

from typing import Any

import pytest
import stripe

from membership.stripe_standin.invoice_lines import share
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.conftest import FixedClock
from tests.stripe_standin.factories import item_of, make_portal, make_price, make_subscription

JANUARY_31, FEBRUARY_14, FEBRUARY_28, MARCH_31 = 1769860800, 1771070400, 1772280000, 1774958400
DAY = 86400


@pytest.fixture
def product(client: Any) -> str:
    return str(client.v1.products.create({"name": "Patron"}).id)


def prices_of(client: Any, product: str, *amounts: int, interval: str = "month") -> list[Any]:
    return [make_price(client, amount, interval=interval, product=product) for amount in amounts]


def change(client: Any, subscription: Any, price: Any, **more: Any) -> Any:
    return client.v1.subscriptions.update(subscription.id, {"items": [{"id": item_of(subscription), "price": price.id}], **more})


def numbers(invoice: Any) -> tuple[list[tuple[int, bool]], int, int, str]:
    """Return each line's amount and whether it is a proration, the total, what was due, and the status."""
    body = invoice.to_dict()
    lines = [(line["amount"], line["parent"]["subscription_item_details"]["proration"]) for line in body["lines"]["data"]]
    return lines, body["total"], body["amount_due"], body["status"]


def sold(subscription: Any) -> tuple[str, int, int]:
    item = subscription.to_dict()["items"]["data"][0]
    return item["price"]["id"], item["current_period_start"], item["current_period_end"]


def event_types(client: Any, after: int) -> list[str]:
    """Return the types of the latest events, oldest first, without the first so many."""
    return [event.type for event in client.v1.events.list({"limit": 100}).data][::-1][after:]


def test_shares_are_rounded_half_up() -> None:
    assert [share(a, s, o) for a, s, o in [(500, 14, 28), (333, 1, 2), (5, 1, 3), (500, 0, 28), (500, 5, 0)]] == [
        *(250, 167, 2, 0, 0)
    ]


def test_a_change_that_stripe_refuses_changes_nothing(standin: StandInServer, client: Any, product: str) -> None:
    old, new, inactive = prices_of(client, product, 500, 900, 700)
    client.v1.prices.update(inactive.id, {"active": False})
    subscription = make_subscription(standin, client, old)
    dollars, once = make_price(client, 900, "usd"), make_price(client, 900, interval=None)
    item = item_of(subscription)
    to_new = {"items": [{"id": item, "price": new.id}]}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"items": [{"id": "si_none", "price": new.id}]}, "items[0][id]"),
        ({"items": [{"price": new.id}]}, "items[0] without id, which would add a second item beside the first"),
        ({"items": [{"id": item, "price": "price_none"}]}, "items[0][price]"),
        ({"items": [{"id": item, "price": dollars.id}]}, "items[0][price]"),
        ({"items": [{"id": item, "price": once.id}]}, "items[0][price]"),
        ({"items": [{"id": item, "price": inactive.id}]}, "items[0][price]"),
        ({"items": [{"id": item, "quantity": 0}]}, "items[0][quantity]"),
        ({**to_new, "proration_date": JANUARY_31 - 1}, "proration_date"),
        ({**to_new, "proration_date": FEBRUARY_28 + 1}, "proration_date"),
        ({**to_new, "payment_behavior": "default_incomplete"}, "payment_behavior=default_incomplete on an update"),
        ({**to_new, "payment_behavior": "pending_if_incomplete", "metadata": {"a": "1"}}, "payment_behavior"),
        ({"default_payment_method": "pm_none"}, "default_payment_method"),
        ({"pause_collection": {"behavior": "void", "resumes_at": JANUARY_31}}, "pause_collection[resumes_at]"),
        ({"pause_collection": {"behavior": "forget"}}, "pause_collection[behavior]"),
    ]
    for params, param in wrong:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.subscriptions.update(subscription.id, params)
        assert (params, caught.value.http_status, caught.value.param) == (params, 400, param)
    assert sold(client.v1.subscriptions.retrieve(subscription.id)) == sold(subscription)
    assert len(client.v1.invoices.list().data) == 1


def test_a_card_that_fails_changes_nothing_when_told_to_error(
    standin: StandInServer, client: Any, product: str, clock: FixedClock
) -> None:
    old, new = prices_of(client, product, 500, 900)
    subscription = make_subscription(standin, client, old)
    standin.change_card(make_portal(client, subscription.customer), "4000000000000341")
    clock.move(days=14)
    before = (client.v1.subscriptions.retrieve(subscription.id), client.v1.events.list({"limit": 100}).data)

    with pytest.raises(stripe.CardError) as caught:
        change(client, subscription, new, proration_behavior="always_invoice", payment_behavior="error_if_incomplete")

    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")
    assert (client.v1.subscriptions.retrieve(subscription.id), client.v1.events.list({"limit": 100}).data) == before
    assert len(client.v1.invoices.list().data) == 1
    assert client.v1.invoice_items.list().data == []


def test_a_card_that_fails_leaves_the_change_past_due_unless_told_otherwise(
    standin: StandInServer, client: Any, product: str, clock: FixedClock
) -> None:
    old, new = prices_of(client, product, 500, 900)
    subscription = make_subscription(standin, client, old)
    standin.change_card(make_portal(client, subscription.customer), "4000000000000341")
    clock.move(days=14)

    changed = change(client, subscription, new, proration_behavior="always_invoice")

    invoice = client.v1.invoices.retrieve(str(changed.latest_invoice))
    assert (changed.status, sold(changed)[0]) == ("past_due", new.id)
    assert numbers(invoice) == ([(-250, True), (450, True)], 200, 200, "open")


def test_a_raise_is_billed_at_once_for_the_rest_of_the_period(
    standin: StandInServer, client: Any, product: str, clock: FixedClock
) -> None:
    old, new = prices_of(client, product, 500, 900)
    subscription = make_subscription(standin, client, old)
    seen = len(client.v1.events.list({"limit": 100}).data)
    clock.move(days=14)

    changed = change(client, subscription, new, proration_behavior="always_invoice")

    invoice = client.v1.invoices.retrieve(str(changed.latest_invoice))
    credit, debit = invoice.to_dict()["lines"]["data"]
    assert (changed.status, sold(changed)) == ("active", (new.id, JANUARY_31, FEBRUARY_28))
    assert numbers(invoice) == ([(-250, True), (450, True)], 200, 200, "paid")
    assert (invoice.billing_reason, invoice.period_start, invoice.period_end) == ("subscription_update", JANUARY_31, FEBRUARY_14)
    assert [line["description"] for line in (credit, debit)] == [
        "Unused time on Patron after 14 Feb 2026",
        "Remaining time on Patron after 14 Feb 2026",
    ]
    assert [line["period"] for line in (credit, debit)] == [{"start": FEBRUARY_14, "end": FEBRUARY_28}] * 2
    credited = credit["parent"]["subscription_item_details"]["proration_details"]["credited_items"]
    assert credited["invoice"] == subscription.latest_invoice
    assert event_types(client, seen) == [
        *("invoiceitem.created", "invoiceitem.created", "customer.subscription.updated"),
        *("invoice.created", "invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded"),
        *("invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid"),
    ]
    update = client.v1.events.list({"type": "customer.subscription.updated"}).data[0].to_dict()["data"]
    assert update["previous_attributes"].keys() == {"items", "latest_invoice"}
    assert update["previous_attributes"]["items"]["data"][0]["price"]["id"] == old.id
    assert [charge.amount for charge in client.v1.charges.list().data] == [200, 500]


def test_a_cut_goes_to_the_balance_and_lowers_the_next_invoice(
    standin: StandInServer, client: Any, product: str, clock: FixedClock
) -> None:
    old, new = prices_of(client, product, 900, 500)
    subscription = make_subscription(standin, client, old)
    customer = str(subscription.customer)
    clock.move(days=14)

    changed = change(client, subscription, new, proration_behavior="always_invoice")

    cut = client.v1.invoices.retrieve(str(changed.latest_invoice), {"expand": ["payments"]})
    assert numbers(cut) == ([(-450, True), (250, True)], -200, 0, "paid")
    assert (cut.starting_balance, cut.ending_balance, cut.amount_paid, cut.payments.data) == (0, -200, 0, [])
    assert client.v1.customers.retrieve(customer).balance == -200
    told = client.v1.events.list({"type": "customer.updated"}).data[0].to_dict()["data"]["previous_attributes"]
    assert told == {"balance": 0}

    standin.control("renew", id=subscription.id)

    renewed = client.v1.invoices.list({"limit": 1}).data[0]
    assert (renewed.total, renewed.starting_balance, renewed.ending_balance, renewed.amount_due, renewed.amount_paid) == (
        *(500, -200, 0),
        *(300, 300),
    )
    assert client.v1.customers.retrieve(customer).balance == 0
    moved = client.v1.customers.balance_transactions.list(customer).data
    assert [(t.amount, t.ending_balance, t.type, t.invoice) for t in moved] == [
        (200, 0, "applied_to_invoice", renewed.id),
        (-200, -200, "applied_to_invoice", cut.id),
    ]
    assert [charge.amount for charge in client.v1.charges.list().data] == [300, 900]


def test_a_small_debt_waits_for_the_next_invoice(standin: StandInServer, client: Any, product: str, clock: FixedClock) -> None:
    old, new = prices_of(client, product, 500, 540)
    subscription = make_subscription(standin, client, old)
    clock.move(days=14)

    changed = change(client, subscription, new, proration_behavior="always_invoice")
    small = client.v1.invoices.retrieve(str(changed.latest_invoice))
    standin.control("renew", id=subscription.id)
    renewed = client.v1.invoices.list({"limit": 1}).data[0]

    assert (small.total, small.amount_due, small.ending_balance, small.status) == (20, 0, 20, "paid")
    assert (renewed.total, renewed.amount_due, renewed.ending_balance) == (540, 560, 0)


def test_prorations_wait_for_the_next_invoice_unless_told_otherwise(
    standin: StandInServer, client: Any, product: str, clock: FixedClock
) -> None:
    old, new = prices_of(client, product, 500, 900)
    subscription = make_subscription(standin, client, old)
    clock.move(days=14)

    change(client, subscription, new)
    waiting = client.v1.invoice_items.list({"customer": str(subscription.customer), "pending": True}).data
    standin.control("renew", id=subscription.id)

    renewed = client.v1.invoices.list({"limit": 1}).data[0]
    assert [item.amount for item in waiting] == [450, -250]
    assert numbers(renewed) == ([(-250, True), (450, True), (900, False)], 1100, 1100, "paid")
    assert [item.invoice for item in client.v1.invoice_items.list().data] == [renewed.id] * 2
    assert client.v1.invoice_items.retrieve(waiting[0].id).proration is True


def test_without_proration_a_new_price_holds_from_the_next_period(
    standin: StandInServer, client: Any, product: str, clock: FixedClock
) -> None:
    old, new = prices_of(client, product, 500, 900)
    subscription = make_subscription(standin, client, old)
    clock.move(days=14)

    changed = change(client, subscription, new, proration_behavior="none")
    standin.control("renew", id=subscription.id)

    assert changed.latest_invoice == subscription.latest_invoice
    assert [numbers(invoice)[:2] for invoice in client.v1.invoices.list().data] == [([(900, False)], 900), ([(500, False)], 500)]


def test_a_credit_is_what_was_billed_and_not_what_the_price_says_now(
    standin: StandInServer, client: Any, product: str, clock: FixedClock
) -> None:
    old, middle, new = prices_of(client, product, 500, 700, 900)
    subscription = make_subscription(standin, client, old)
    change(client, subscription, middle, proration_behavior="none")
    clock.move(days=14)

    changed = change(client, subscription, new, proration_behavior="always_invoice")
    clock.move(days=7)
    back = change(client, subscription, old, proration_behavior="always_invoice")

    assert numbers(client.v1.invoices.retrieve(str(changed.latest_invoice)))[0] == [(-250, True), (450, True)]
    assert numbers(client.v1.invoices.retrieve(str(back.latest_invoice)))[0] == [(-225, True), (125, True)]


@pytest.mark.parametrize(
    ("behavior", "lines"),
    [
        ("always_invoice", [(-250, True), (5000, False)]),
        ("create_prorations", [(-250, True), (5000, False)]),
        ("none", [(5000, False)]),
    ],
)
def test_another_interval_begins_a_new_period_now(
    standin: StandInServer, client: Any, product: str, clock: FixedClock, behavior: str, lines: list[tuple[int, bool]]
) -> None:
    (monthly,), (yearly,) = prices_of(client, product, 500), prices_of(client, product, 5000, interval="year")
    subscription = make_subscription(standin, client, monthly)
    clock.move(days=14)

    changed = change(client, subscription, yearly, proration_behavior=behavior)
    standin.advance(days=365)

    total = sum(amount for amount, _ in lines)
    assert sold(changed) == (yearly.id, FEBRUARY_14, FEBRUARY_14 + 365 * DAY)
    assert changed.billing_cycle_anchor == FEBRUARY_14
    assert numbers(client.v1.invoices.retrieve(str(changed.latest_invoice))) == (lines, total, total, "paid")
    assert sold(client.v1.subscriptions.retrieve(subscription.id))[1] == FEBRUARY_14 + 365 * DAY
    assert [invoice.total for invoice in client.v1.invoices.list().data] == [5000, total, 500]


def test_a_balance_can_be_moved_by_hand(standin: StandInServer, client: Any) -> None:
    customer = make_subscription(standin, client).customer

    booked = client.v1.customers.balance_transactions.create(customer, {"amount": -250, "currency": "eur"})
    client.v1.customers.balance_transactions.create(customer, {"amount": 100, "currency": "eur"})

    assert (booked.type, booked.amount, booked.ending_balance) == ("adjustment", -250, -250)
    assert client.v1.customers.retrieve(customer).balance == -150


def test_another_interval_in_the_very_second_of_the_first_payment_bills_one_period(
    standin: StandInServer, client: Any, product: str
) -> None:
    (monthly,), (yearly,) = prices_of(client, product, 500), prices_of(client, product, 5000, interval="year")
    subscription = make_subscription(standin, client, monthly)

    change(client, subscription, yearly, proration_behavior="always_invoice")

    invoice = client.v1.invoices.list({"limit": 1}).data[0]
    assert [line.amount for line in invoice.lines.data] == [-500, 5000]


def test_a_year_changed_to_months_leaves_a_balance_that_months_use_up(
    standin: StandInServer, client: Any, product: str, clock: FixedClock
) -> None:
    (monthly,), (yearly,) = prices_of(client, product, 2000), prices_of(client, product, 7300, interval="year")
    subscription = make_subscription(standin, client, yearly)
    clock.move(days=65)

    change(client, subscription, monthly, proration_behavior="always_invoice")
    after_change = client.v1.customers.retrieve(str(subscription.customer)).balance
    standin.advance(days=70)

    due = [(invoice.total, invoice.amount_due, invoice.ending_balance) for invoice in client.v1.invoices.list().data]
    assert after_change == -4000
    assert due == [(2000, 0, 0), (2000, 0, -2000), (-4000, 0, -4000), (7300, 7300, 0)]


def test_a_planned_end_moves_with_the_period(standin: StandInServer, client: Any, product: str) -> None:
    (monthly,), (yearly,) = prices_of(client, product, 500), prices_of(client, product, 5000, interval="year")
    subscription = make_subscription(standin, client, monthly)
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    changed = change(client, subscription, yearly)
    assert changed.cancel_at == sold(changed)[2]


def test_the_proration_date_counts_and_not_the_second_of_the_call(
    standin: StandInServer, client: Any, product: str, clock: FixedClock
) -> None:
    old, new = prices_of(client, product, 500, 900)
    subscription = make_subscription(standin, client, old)
    clock.move(days=20)

    changed = change(client, subscription, new, proration_behavior="always_invoice", proration_date=FEBRUARY_14)

    assert numbers(client.v1.invoices.retrieve(str(changed.latest_invoice)))[0] == [(-250, True), (450, True)]


def test_quantities_are_prorated_too(standin: StandInServer, client: Any, product: str, clock: FixedClock) -> None:
    (price,) = prices_of(client, product, 500)
    subscription = make_subscription(standin, client, price)
    clock.move(days=14)
    params = {"items": [{"id": item_of(subscription), "quantity": 3}], "proration_behavior": "always_invoice"}
    invoice = client.v1.invoices.retrieve(str(client.v1.subscriptions.update(subscription.id, params).latest_invoice))
    assert [(line.amount, line.description) for line in invoice.lines.data] == [
        (-250, "Unused time on Patron after 14 Feb 2026"),
        (750, "Remaining time on 3 × Patron after 14 Feb 2026"),
    ]


def test_a_change_that_waits_for_its_payment_is_applied_when_paid(
    standin: StandInServer, client: Any, product: str, clock: FixedClock
) -> None:
    old, new = prices_of(client, product, 500, 900)
    subscription = make_subscription(standin, client, old)
    standin.change_card(make_portal(client, subscription.customer), "4000000000000341")
    clock.move(days=14)

    waiting = change(client, subscription, new, proration_behavior="always_invoice", payment_behavior="pending_if_incomplete")
    standin.change_card(make_portal(client, subscription.customer))
    client.v1.invoices.pay(str(waiting.latest_invoice))

    applied = client.v1.subscriptions.retrieve(subscription.id)
    pending = waiting.to_dict()["pending_update"]
    assert (waiting.status, sold(waiting)[0]) == ("active", old.id)
    assert (pending["expires_at"], pending["subscription_items"][0]["price"]["id"]) == (FEBRUARY_14 + 23 * 3600, new.id)
    assert (applied.status, sold(applied)[0], applied.pending_update) == ("active", new.id, None)
    assert len(client.v1.events.list({"type": "customer.subscription.pending_update_applied"}).data) == 1


def test_a_change_that_is_not_paid_in_time_is_dropped(standin: StandInServer, client: Any, product: str, clock: FixedClock) -> None:
    old, new = prices_of(client, product, 500, 900)
    subscription = make_subscription(standin, client, old)
    standin.change_card(make_portal(client, subscription.customer), "4000000000000341")
    clock.move(days=14)
    change(client, subscription, new, proration_behavior="always_invoice", payment_behavior="pending_if_incomplete")

    standin.advance(days=1)

    dropped = client.v1.subscriptions.retrieve(subscription.id)
    assert (dropped.status, sold(dropped)[0], dropped.pending_update) == ("active", old.id, None)
    assert client.v1.invoices.list({"limit": 1}).data[0].status == "void"
    assert len(client.v1.events.list({"type": "customer.subscription.pending_update_expired"}).data) == 1


def test_a_change_that_can_be_paid_does_not_wait(standin: StandInServer, client: Any, product: str, clock: FixedClock) -> None:
    old, new = prices_of(client, product, 500, 900)
    subscription = make_subscription(standin, client, old)
    clock.move(days=14)
    changed = change(client, subscription, new, proration_behavior="always_invoice", payment_behavior="pending_if_incomplete")
    assert (sold(changed)[0], changed.pending_update, changed.status) == (new.id, None, "active")
    assert client.v1.invoices.retrieve(str(changed.latest_invoice)).amount_paid == 200
