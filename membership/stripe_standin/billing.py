"""Bill subscriptions: the first payment, renewals, failures, recovery and the end."""

from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.invoices import finalize, mark_failed, mark_paid, new_invoice, open_invoices, payment_of
from membership.stripe_standin.payments import confirm
from membership.stripe_standin.periods import period_start
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import LIVE, look_again, new_subscription, period_end

UPDATED = "customer.subscription.updated"


def subscribe(
    ledger: Ledger, customer: str, method: str, lines: list[Json], metadata: Json, description: str | None
) -> tuple[Json, Json]:
    """Start a subscription and collect its first payment; return it and its first invoice."""
    subscription = new_subscription(ledger, customer, method, lines, metadata, description)
    draft = new_invoice(ledger, subscription, "subscription_create")
    subscription = change(ledger, subscription, None, latest_invoice=draft["id"])
    emit(ledger, "customer.subscription.created", subscription)
    invoice = collect(ledger, finalize(ledger, draft, "Subscription creation"))
    return ledger.get("subscription", subscription["id"]), invoice


def collect(ledger: Ledger, invoice: Json) -> Json:
    """Charge the subscription's card for an open invoice and let the subscription follow the outcome."""
    subscription = ledger.get("subscription", subscription_of(invoice))
    method = ledger.get("payment_method", subscription["default_payment_method"])
    intent = ledger.get("payment_intent", payment_of(ledger, invoice)["payment"]["payment_intent"])
    outcome = confirm(ledger, intent, method, declines=ledger.private(method["id"])["declines"])
    if outcome["status"] != "succeeded":
        failed = mark_failed(ledger, invoice)
        if subscription["status"] == "active":
            change(ledger, subscription, UPDATED, status="past_due")
        return failed
    paid = mark_paid(ledger, invoice)
    if subscription["status"] in {"incomplete", "past_due"} and not open_invoices(ledger, subscription["id"]):
        change(ledger, subscription, UPDATED, status="active")
    return paid


def subscription_of(invoice: Json) -> str:
    """Return the id of the subscription that the invoice bills."""
    return str(invoice["parent"]["subscription_details"]["subscription"])


def set_declining(ledger: Ledger, subscription: Json, *, declines: bool) -> None:
    """Say whether the subscription's card fails from now on."""
    ledger.remember(subscription["default_payment_method"], declines=declines)


def renew(ledger: Ledger, subscription: Json) -> Json:
    """Move on by one period and bill it; a subscription that ends with its period ends instead."""
    refuse_ended(subscription)
    ends_at = subscription["cancel_at"]
    if ends_at is not None and ends_at <= period_end(subscription):
        return end(ledger, subscription)
    items = _next_period(ledger, subscription)
    draft = new_invoice(ledger, {**subscription, "items": items}, "subscription_cycle")
    moved = change(ledger, subscription, UPDATED, items=items, latest_invoice=draft["id"])
    look_again(ledger, moved)
    collect(ledger, finalize(ledger, draft, "Subscription update"))
    return ledger.get("subscription", subscription["id"])


def _next_period(ledger: Ledger, subscription: Json) -> Json:
    """Return the items with their next period, counted from the billing anchor."""
    key = subscription["id"]
    number = ledger.private(key)["period"] + 1
    ledger.remember(key, period=number, previous_start=subscription["items"]["data"][0]["current_period_start"])
    moved = []
    for item in subscription["items"]["data"]:
        recurring = ledger.get("price", item["price"])["recurring"]
        interval, count, anchor = recurring["interval"], recurring["interval_count"], subscription["billing_cycle_anchor"]
        begin, finish = (period_start(anchor, interval, count, n) for n in (number, number + 1))
        moved.append({**item, "current_period_start": begin, "current_period_end": finish})
    return {**subscription["items"], "data": moved}


def recover(ledger: Ledger, subscription: Json) -> Json:
    """Let the card pay again and collect every open invoice."""
    refuse_ended(subscription)
    set_declining(ledger, subscription, declines=False)
    waiting = open_invoices(ledger, subscription["id"])
    if not waiting:
        raise ApiError("This subscription has no open invoice.")
    for invoice in waiting:
        collect(ledger, invoice)
    return ledger.get("subscription", subscription["id"])


def cancel_at_period_end(ledger: Ledger, subscription: Json) -> Json:
    """Let the subscription end with its period, as the customer portal does: only cancel_at says so."""
    refuse_ended(subscription)
    details = {**subscription["cancellation_details"], "reason": "cancellation_requested"}
    changed = change(
        ledger,
        subscription,
        UPDATED,
        cancel_at=period_end(subscription),
        canceled_at=ledger.now,
        cancellation_details=details,
    )
    look_again(ledger, changed)
    return changed


def end(ledger: Ledger, subscription: Json, comment: str | None = None, feedback: str | None = None) -> Json:
    """End the subscription now; its open invoices stay open and are not collected any more."""
    refuse_ended(subscription)
    details = {**subscription["cancellation_details"], "reason": "cancellation_requested"}
    details |= {name: text for name, text in (("comment", comment), ("feedback", feedback)) if text is not None}
    ended = change(
        ledger,
        subscription,
        None,
        canceled_at=subscription["canceled_at"] or ledger.now,
        cancellation_details=details,
        ended_at=ledger.now,
        status="canceled",
    )
    look_again(ledger, ended)
    for invoice in open_invoices(ledger, subscription["id"]):
        change(ledger, invoice, "invoice.updated", auto_advance=False)
    emit(ledger, "customer.subscription.deleted", ended)
    return ended


def refuse_ended(subscription: Json) -> None:
    """Refuse to act on a subscription that is over."""
    if subscription["status"] not in LIVE:
        raise ApiError(
            f"This subscription is {subscription['status']} and can no longer be changed: {subscription['id']}",
            param="id",
        )
