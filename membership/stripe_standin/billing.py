"""Bill subscriptions: the first payment, renewals, recovery."""

from membership.stripe_standin.bank_debits import is_debit
from membership.stripe_standin.collection import AUTOMATIC, Attempt, collect, collect_draft
from membership.stripe_standin.endings import UPDATED, end, refuse_ended
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.invoices import SUBSCRIPTION, finalize, new_invoice, open_invoices
from membership.stripe_standin.pauses import set_aside
from membership.stripe_standin.settings import setting
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import look_again, new_subscription, next_items, paying_method, period_end


def subscribe(
    ledger: Ledger,
    customer: str,
    method: Json | None,
    lines: list[Json],
    metadata: Json,
    description: str | None,
    attempt: Attempt = AUTOMATIC,
) -> tuple[Json, Json]:
    """Start a subscription and collect its first payment; return it and its first invoice."""
    subscription = new_subscription(ledger, customer, method["id"] if method else None, lines, metadata, description)
    draft = new_invoice(ledger, subscription, "subscription_create")
    # A bank debit takes days, and Stripe lets the subscription run meanwhile.
    runs = method is not None and is_debit(method) and setting(ledger, "first_debit") == "active"
    subscription = change(
        ledger, subscription, None, latest_invoice=draft["id"], status="active" if runs else subscription["status"]
    )
    look_again(ledger, subscription)
    emit(ledger, "customer.subscription.created", subscription)
    invoice = collect(ledger, finalize(ledger, draft, "Subscription creation"), attempt)
    return ledger.get("subscription", subscription["id"]), invoice


def bill(ledger: Ledger, subscription: Json, invoice: Json, description: str) -> Json:
    """Finalize a draft and collect it, or do with it what the subscription's pause or its long debt says."""
    if subscription["pause_collection"]:
        return set_aside(ledger, subscription, invoice)
    if subscription["status"] == "unpaid":
        kept = change(ledger, invoice, None, auto_advance=False)
        emit(ledger, "invoice.created", kept)
        return kept
    return collect(ledger, finalize(ledger, invoice, description))


def set_outcome(ledger: Ledger, subscription: Json, outcome: str) -> None:
    """Say what a payment by the subscription's method comes to from now on."""
    method = paying_method(ledger, subscription)
    if method:
        ledger.remember(method["id"], outcome=outcome)


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
    bill(ledger, moved, draft, "Subscription update")
    return ledger.get("subscription", subscription["id"])


def _next_period(ledger: Ledger, subscription: Json) -> Json:
    """Return the items with their next period, and count it."""
    key, items = subscription["id"], next_items(ledger, subscription)
    start = subscription["items"]["data"][0]["current_period_start"]
    ledger.remember(key, period=ledger.private(key)["period"] + 1, previous_start=start)
    return items


def recover(ledger: Ledger, subscription: Json) -> Json:
    """Let the card pay again and collect everything that is owed, also the drafts of an unpaid subscription."""
    refuse_ended(subscription)
    set_outcome(ledger, subscription, "paid")
    waiting = open_invoices(ledger, subscription["id"])
    drafts = ledger.select("invoice", {SUBSCRIPTION: subscription["id"], "status": "draft"}, oldest_first=True)
    if not waiting:
        raise ApiError("This subscription has no open invoice.")
    for invoice in waiting:
        collect(ledger, invoice)
    for draft in drafts if subscription["status"] == "unpaid" else []:
        collect_draft(ledger, draft)
    return ledger.get("subscription", subscription["id"])
