"""Disputes: a payer asks the bank for the money back, and the bank takes it until it has decided."""

from datetime import UTC, datetime, timedelta

from membership.stripe_standin.balance import DISPUTE_FEE, Movement, book
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.store import Ledger

DAYS_TO_ANSWER = 20
REASONS = (
    "fraudulent",
    "general",
    "duplicate",
    "credit_not_processed",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)
OPEN = frozenset({"needs_response", "under_review"})
_EVIDENCE = (
    "access_activity_log appeal billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal "
    "customer_communication customer_email_address customer_name customer_purchase_ip customer_signature "
    "duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt "
    "refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation shipping_address "
    "shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text"
).split()


def dispute(ledger: Ledger, charge: Json, reason: str, amount: int | None = None) -> Json:
    """Open a dispute over what is left of a charge; a bank debit is lost at once, since its payer need not explain."""
    disputed_amount = _disputable(ledger, charge, amount)
    key, by_card = new_id("dispute"), charge["payment_method_details"]["type"] == "card"
    opened = ledger.add(
        {
            "id": key,
            "object": "dispute",
            "amount": disputed_amount,
            "balance_transactions": [_withdraw(ledger, key, charge, disputed_amount)],
            "charge": charge["id"],
            "created": ledger.now,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": _evidence(charge),
            "evidence_details": _evidence_details(ledger.now, by_card=by_card),
            "is_charge_refundable": False,
            "metadata": {},
            "network_reason_code": _network_code(reason) if by_card else None,
            "payment_intent": charge["payment_intent"],
            "payment_method_details": _by_card(charge, reason) if by_card else None,
            "reason": reason if by_card else "debit_not_authorized",
            "status": "needs_response" if by_card else "lost",
        }
    )
    change(ledger, charge, None, disputed=True)
    emit(ledger, "charge.dispute.created", opened)
    emit(ledger, "charge.dispute.funds_withdrawn", opened)
    if by_card:
        ledger.schedule(key, opened["evidence_details"]["due_by"])
    else:
        emit(ledger, "charge.dispute.closed", opened)
    return opened


def _withdraw(ledger: Ledger, key: str, charge: Json, amount: int) -> Json:
    """Take the disputed money, and a fee that stays away whatever the bank decides."""
    words = f"Chargeback withdrawal for {charge['id']}"
    moved = Movement(-amount, "adjustment", "dispute", words, DISPUTE_FEE, "Dispute fee")
    return book(ledger, key, charge["currency"], moved)


def _disputable(ledger: Ledger, charge: Json, amount: int | None) -> int:
    if charge["status"] != "succeeded":
        raise ApiError(f"This charge is {charge['status']}; nobody can dispute it: {charge['id']}", param="id")
    if ledger.select("dispute", {"charge": charge["id"]}):
        raise ApiError(f"This charge was disputed before: {charge['id']}", param="id")
    left: int = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise ApiError(f"This charge was given back; there is nothing to dispute: {charge['id']}", param="id")
    return left if amount is None else min(amount, left)


def _evidence(charge: Json) -> Json:
    known = {"customer_email_address": charge["billing_details"]["email"], "customer_name": charge["billing_details"]["name"]}
    return {**dict.fromkeys(_EVIDENCE), **known, "enhanced_evidence": {}}


def _evidence_details(now: int, *, by_card: bool) -> Json:
    """Return until when an answer counts: the end of the twentieth day, 0 where none is allowed."""
    last = datetime.fromtimestamp(now, UTC) + timedelta(days=DAYS_TO_ANSWER)
    return {
        "due_by": int(last.replace(hour=23, minute=59, second=59).timestamp()) if by_card else 0,
        "enhanced_eligibility": {},
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
        "submission_method": "not_submitted",
    }


def _network_code(reason: str) -> str:
    return {"fraudulent": "10.4", "duplicate": "12.6.1", "subscription_canceled": "13.2"}.get(reason, "13.1")


def _by_card(charge: Json, reason: str) -> Json:
    card = charge["payment_method_details"]["card"]
    named = {"brand": card["brand"], "network": card["network"], "network_reason_code": _network_code(reason)}
    return {"card": {**named, "case_type": "chargeback"}, "type": "card"}


def answer(ledger: Ledger, opened: Json, evidence: Json) -> Json:
    """Send the evidence to the bank, which then decides."""
    if opened["status"] != "needs_response":
        raise ApiError(f"This dispute is {opened['status']} and takes no evidence: {opened['id']}", param="evidence")
    ledger.schedule(opened["id"], None)
    details = {
        **opened["evidence_details"],
        "has_evidence": True,
        "submission_count": opened["evidence_details"]["submission_count"] + 1,
        "submission_method": "manual",
    }
    whole = {**opened["evidence"], **evidence}
    return change(ledger, opened, "charge.dispute.updated", evidence=whole, evidence_details=details, status="under_review")


def close(ledger: Ledger, opened: Json, status: str) -> Json:
    """Let the bank decide: won, the money comes back without the fee; lost, it stays away."""
    if opened["status"] not in OPEN:
        raise ApiError(f"This dispute is already {opened['status']}: {opened['id']}", param="id")
    ledger.schedule(opened["id"], None)
    closed = change(ledger, opened, None, status=status)
    if status == "won":
        words = f"Chargeback reversal for {opened['charge']}"
        moved = Movement(opened["amount"], "adjustment", "dispute_reversal", words)
        booked = book(ledger, opened["id"], opened["currency"], moved)
        transactions = [*opened["balance_transactions"], booked]
        closed = change(ledger, closed, None, balance_transactions=transactions, is_charge_refundable=True)
    emit(ledger, "charge.dispute.closed", closed)
    if status == "won":
        emit(ledger, "charge.dispute.funds_reinstated", closed)
    return closed


def lapse(ledger: Ledger, opened: Json) -> Json:
    """Let a dispute be lost that nobody answered in time."""
    details = {**opened["evidence_details"], "past_due": True}
    return close(ledger, change(ledger, opened, None, evidence_details=details), "lost")
