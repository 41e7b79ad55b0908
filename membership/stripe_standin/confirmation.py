"""Confirm a payment intent: the card is charged at once, a bank debit takes days, a bank may want the payer's yes."""

from membership.stripe_standin import charges
from membership.stripe_standin.bank_debits import SETTLES_AFTER, is_debit
from membership.stripe_standin.declines import AUTHENTICATION, DEBIT_FAILED, DECLINES, NOT_AUTHENTICATED, Decline, payment_error
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.store import Ledger


def confirm(ledger: Ledger, intent: Json, method: Json, outcome: str, *, off_session: bool = False) -> Json:
    """Try to take the money; return the intent, succeeded, processing, waiting for the payer or for another card."""
    if is_debit(method):
        return _process(ledger, intent, method, comes=outcome == "paid")
    if outcome == "authentication":
        return _ask(ledger, intent, method, off_session=off_session)
    charge = charges.new_charge(ledger, intent, method)
    if outcome == "paid":
        return _succeeded(ledger, intent, charges.succeed(ledger, charge), method["id"])
    decline = DECLINES[outcome]
    return _failed(ledger, intent, charges.fail(ledger, charge, decline), decline, method)


def _process(ledger: Ledger, intent: Json, method: Json, *, comes: bool) -> Json:
    """Send a debit to the bank, which answers in five days."""
    charge = charges.new_charge(ledger, intent, method)
    named = {"latest_charge": charge["id"], "payment_method": method["id"], "last_payment_error": None, "next_action": None}
    processing = change(ledger, intent, None, status="processing", **named)
    ledger.remember(intent["id"], comes=comes)
    ledger.schedule(intent["id"], ledger.now + SETTLES_AFTER)
    emit(ledger, "charge.pending", charge)
    emit(ledger, "payment_intent.processing", processing)
    return processing


def _ask(ledger: Ledger, intent: Json, method: Json, *, off_session: bool) -> Json:
    """Wait until the payer has confirmed with the bank; an error says so only where the payer was not there."""
    asking = change(
        ledger,
        intent,
        None,
        last_payment_error=payment_error(AUTHENTICATION, method) if off_session else None,
        next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}},
        payment_method=method["id"],
        status="requires_action",
    )
    emit(ledger, "payment_intent.requires_action", asking)
    return asking


def refuse_authentication(ledger: Ledger, intent: Json) -> Json:
    """Let the payer or the bank say no to a payment that waits for a yes."""
    method = ledger.get("payment_method", intent["payment_method"])
    return _failed(ledger, intent, None, NOT_AUTHENTICATED, method)


def settle_debit(ledger: Ledger, intent: Json, *, comes: bool) -> Json:
    """Let the bank answer for a debit in process."""
    if intent["status"] != "processing":
        raise ApiError(f"This payment is {intent['status']}, not processing: {intent['id']}", param="id")
    ledger.schedule(intent["id"], None)
    charge = ledger.get("charge", intent["latest_charge"])
    if comes:
        return _succeeded(ledger, intent, charges.succeed(ledger, charge), intent["payment_method"])
    method = ledger.get("payment_method", intent["payment_method"])
    return _failed(ledger, intent, charges.fail(ledger, charge, DEBIT_FAILED), DEBIT_FAILED, method)


def _succeeded(ledger: Ledger, intent: Json, charge: Json, method_id: str) -> Json:
    paid = change(
        ledger,
        intent,
        None,
        amount_received=intent["amount"],
        last_payment_error=None,
        latest_charge=charge["id"],
        next_action=None,
        payment_method=method_id,
        status="succeeded",
    )
    emit(ledger, "payment_intent.succeeded", paid)
    return paid


def _failed(ledger: Ledger, intent: Json, charge: Json | None, decline: Decline, method: Json) -> Json:
    failed = change(
        ledger,
        intent,
        None,
        last_payment_error=payment_error(decline, method, charge),
        latest_charge=charge["id"] if charge else intent["latest_charge"],
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    emit(ledger, "payment_intent.payment_failed", failed)
    return failed
