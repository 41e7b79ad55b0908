"""How subscriptions end: at once, with their period, or because a first payment never came."""

from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.invoices import open_invoices, void
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import LIVE, look_again, period_end

UPDATED = "customer.subscription.updated"


def refuse_ended(subscription: Json) -> None:
    """Refuse to act on a subscription that is over."""
    if subscription["status"] not in LIVE:
        raise ApiError(
            f"This subscription is {subscription['status']} and can no longer be changed: {subscription['id']}",
            param="id",
        )


def end(
    ledger: Ledger,
    subscription: Json,
    comment: str | None = None,
    feedback: str | None = None,
    reason: str = "cancellation_requested",
) -> Json:
    """End the subscription now; its open invoices stay open and are not collected any more."""
    refuse_ended(subscription)
    if subscription["status"] == "incomplete":
        return give_up_first(ledger, subscription)
    details = {**subscription["cancellation_details"], "reason": reason}
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
        stop_asking(ledger, invoice)
    emit(ledger, "customer.subscription.deleted", ended)
    return ended


def stop_asking(ledger: Ledger, invoice: Json) -> Json:
    """Leave an open invoice open, but try no more to collect it."""
    ledger.schedule(invoice["id"], None)
    return change(ledger, invoice, "invoice.updated", auto_advance=False, next_payment_attempt=None)


def give_up_first(ledger: Ledger, subscription: Json) -> Json:
    """End a subscription whose first payment never came; its invoice is void."""
    expired = change(ledger, subscription, UPDATED, ended_at=ledger.now, status="incomplete_expired")
    look_again(ledger, expired)
    for invoice in open_invoices(ledger, subscription["id"]):
        void(ledger, invoice)
    return expired


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
