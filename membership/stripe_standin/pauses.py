"""Paused collection: what becomes of the invoices meanwhile, and how it ends by itself."""

from membership.stripe_standin import invoices
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import look_again


def set_aside(ledger: Ledger, subscription: Json, invoice: Json) -> Json:
    """Do with a draft what the pause says: void it, leave it a draft, or give it up; nothing is charged.

    The subscription stays active, and its period has moved on. The customer's balance is not used.
    """
    behavior = subscription["pause_collection"]["behavior"]
    if behavior == "keep_as_draft":
        kept = change(ledger, invoice, None, auto_advance=False)
        emit(ledger, "invoice.created", kept)
        return kept
    opened = invoices.number(ledger, invoice)
    return invoices.void(ledger, opened) if behavior == "void" else invoices.mark_uncollectible(ledger, opened)


def is_over(subscription: Json, now: int) -> bool:
    """Tell whether the pause's last day has come."""
    pause = subscription["pause_collection"]
    return bool(pause and pause["resumes_at"] is not None and pause["resumes_at"] <= now)


def resume(ledger: Ledger, subscription: Json) -> Json:
    """End the pause: the next period is collected again."""
    resumed = change(ledger, subscription, "customer.subscription.updated", pause_collection=None)
    look_again(ledger, resumed)
    return resumed
