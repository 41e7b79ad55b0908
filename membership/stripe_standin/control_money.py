"""What the control page shows of money under way and of money that goes back."""

from membership.stripe_standin.collection import intent_of
from membership.stripe_standin.disputes import OPEN
from membership.stripe_standin.errors import Json
from membership.stripe_standin.invoices import open_invoices
from membership.stripe_standin.settings import CHOICES, setting
from membership.stripe_standin.store import Ledger

MOST_ROWS = 50


def money(ledger: Ledger) -> Json:
    """Return debits in process, refunds and disputes, newest first, and how the switches stand."""
    return {
        "debits": [_debit(ledger, row) for row in ledger.select("payment_intent", {"status": "processing"})[:MOST_ROWS]],
        "refunds": [_refund(row) for row in ledger.select("refund")[:MOST_ROWS]],
        "disputes": [_dispute(row) for row in ledger.select("dispute")[:MOST_ROWS]],
        "switches": {name: {"choices": choices, "now": setting(ledger, name)} for name, choices in CHOICES.items()},
    }


def _debit(ledger: Ledger, intent: Json) -> Json:
    method = ledger.get("payment_method", intent["payment_method"])
    same = {name: intent[name] for name in ("id", "amount", "currency", "created")}
    return {**same, "email": method["billing_details"]["email"]}


def _refund(refund: Json) -> Json:
    return {name: refund[name] for name in ("id", "amount", "charge", "created", "currency", "failure_reason", "status")}


def _dispute(dispute: Json) -> Json:
    same = {name: dispute[name] for name in ("id", "amount", "charge", "created", "currency", "reason", "status")}
    return {**same, "due_by": dispute["evidence_details"]["due_by"], "is_open": dispute["status"] in OPEN}


def owed(ledger: Ledger, subscription_id: str) -> list[Json]:
    """Return a subscription's open invoices with what each waits for."""
    return [_owed(ledger, invoice) for invoice in open_invoices(ledger, subscription_id)]


def _owed(ledger: Ledger, invoice: Json) -> Json:
    intent = intent_of(ledger, invoice)
    error = (intent["last_payment_error"] or {}).get("code")
    same = {name: invoice[name] for name in ("id", "amount_due", "hosted_invoice_url", "next_payment_attempt", "number")}
    return {**same, "intent_status": intent["status"], "error": error}
