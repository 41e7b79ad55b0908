"""Dunning: when a failed payment is tried again, and what becomes of the subscription when nothing helped."""

from membership.stripe_standin.endings import UPDATED, end, stop_asking
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change
from membership.stripe_standin.invoices import open_invoices
from membership.stripe_standin.settings import setting
from membership.stripe_standin.store import Ledger

DAY = 24 * 3600
# Days from each failed attempt to the next one.
RETRY_AFTER = (3, 5, 7)
CONFIRM_WITHIN = sum(RETRY_AFTER)


def plan_retry(ledger: Ledger, invoice: Json) -> int | None:
    """Schedule the next attempt after an automatic one; return its instant, None when there is none left."""
    done = ledger.private(invoice["id"]).get("retries", 0)
    if done == len(RETRY_AFTER):
        ledger.schedule(invoice["id"], None)
        return None
    at = ledger.now + RETRY_AFTER[done] * DAY
    ledger.remember(invoice["id"], retries=done + 1, confirm_by=None)
    ledger.schedule(invoice["id"], at)
    return at


def wait_for_payer(ledger: Ledger, invoice: Json) -> None:
    """Give the payer time to confirm with the bank; nothing is tried meanwhile."""
    at = ledger.private(invoice["id"]).get("confirm_by") or ledger.now + CONFIRM_WITHIN * DAY
    ledger.remember(invoice["id"], confirm_by=at)
    ledger.schedule(invoice["id"], at)


def has_waited(ledger: Ledger, invoice: Json) -> bool:
    """Tell whether the payer had time enough to confirm."""
    at = ledger.private(invoice["id"]).get("confirm_by")
    return at is not None and at <= ledger.now


def exhaust(ledger: Ledger, subscription: Json) -> Json:
    """Stop collecting and let the subscription become what the account is set to."""
    then = setting(ledger, "dunning")
    if then == "canceled":
        return end(ledger, subscription, reason="payment_failed")
    for invoice in open_invoices(ledger, subscription["id"]):
        stop_asking(ledger, invoice)
    return change(ledger, subscription, UPDATED, status=then)
