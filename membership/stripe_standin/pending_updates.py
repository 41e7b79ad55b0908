"""Updates of a subscription that wait for their invoice: applied when it is paid, dropped when it is not in time."""

from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.invoices import void
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import look_again

KEPT_SECONDS = 23 * 3600
_WAITING = "pending_update"


def is_pending_update(ledger: Ledger, invoice: Json) -> bool:
    """Tell whether an update waits for this invoice, so that its failure leaves the subscription as it is."""
    subscription_id = invoice["parent"]["subscription_details"]["subscription"]
    waiting = ledger.private(subscription_id).get(_WAITING)
    return bool(waiting and waiting["invoice"] == invoice["id"])


def hold(ledger: Ledger, subscription: Json, invoice: Json, changes: Json, private: Json) -> None:
    """Keep changes back until the invoice is paid; private is what the stand-in itself will then know."""
    ledger.remember(subscription["id"], **{_WAITING: {"invoice": invoice["id"], "changes": changes, "private": private}})


def announce(ledger: Ledger, subscription: Json) -> Json:
    """Say that an update waits, and until when."""
    changes = ledger.private(subscription["id"])[_WAITING]["changes"]
    update = {
        "billing_cycle_anchor": changes.get("billing_cycle_anchor"),
        "cancel_at_period_end": None,
        "discount": None,
        "discounts": None,
        "expires_at": ledger.now + KEPT_SECONDS,
        "metadata": None,
        "subscription_items": changes["items"]["data"],
        "trial_end": None,
        "trial_from_plan": None,
    }
    announced = change(ledger, subscription, "customer.subscription.updated", pending_update=update)
    look_again(ledger, announced)
    return announced


def apply_pending_update(ledger: Ledger, subscription: Json, invoice: Json) -> Json:
    """Apply the update that waited for this invoice, if one did; return the subscription."""
    if not is_pending_update(ledger, invoice):
        return subscription
    waiting = ledger.private(subscription["id"])[_WAITING]
    ledger.remember(subscription["id"], **{_WAITING: None}, **waiting["private"])
    waited = subscription["pending_update"] is not None
    applied = change(ledger, subscription, "customer.subscription.updated", **waiting["changes"], pending_update=None)
    look_again(ledger, applied)
    if waited:
        emit(ledger, "customer.subscription.pending_update_applied", applied)
    return applied


def is_expired(subscription: Json, now: int) -> bool:
    """Tell whether the update waited in vain."""
    pending = subscription["pending_update"]
    return bool(pending and pending["expires_at"] <= now)


def drop(ledger: Ledger, subscription: Json) -> Json:
    """Drop the update and void its invoice."""
    waiting = ledger.private(subscription["id"])[_WAITING]
    ledger.remember(subscription["id"], **{_WAITING: None})
    dropped = change(ledger, subscription, "customer.subscription.updated", pending_update=None)
    look_again(ledger, dropped)
    invoice = ledger.get("invoice", waiting["invoice"])
    if invoice["status"] == "open":
        void(ledger, invoice)
    emit(ledger, "customer.subscription.pending_update_expired", dropped)
    return dropped
