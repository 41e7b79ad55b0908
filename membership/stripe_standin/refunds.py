"""Refunds, in full or in part: to a card at once, to a bank account after days, and back again where a bank refuses."""

from membership.stripe_standin.balance import Movement, book, book_refund
from membership.stripe_standin.bank_debits import SETTLES_AFTER
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.money import written
from membership.stripe_standin.store import Ledger


def refund(ledger: Ledger, charge: Json, amount: int | None, reason: str | None, metadata: Json) -> Json:
    """Give back an amount of a charge, all that is left unless said otherwise."""
    given_back = _refundable(ledger, charge, amount)
    key, to_card = new_id("refund"), charge["payment_method_details"]["type"] == "card"
    refunded = ledger.add(
        {
            "id": key,
            "object": "refund",
            "amount": given_back,
            "balance_transaction": book_refund(ledger, key, charge, given_back),
            "charge": charge["id"],
            "created": ledger.now,
            "currency": charge["currency"],
            "customer": charge["customer"],
            "destination_details": _to_card() if to_card else {"type": charge["payment_method_details"]["type"]},
            "metadata": metadata,
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "pending_reason": None if to_card else "processing",
            "reason": reason,
            "status": "succeeded" if to_card else "pending",
        }
    )
    if not to_card:
        ledger.schedule(key, ledger.now + SETTLES_AFTER)
    total = charge["amount_refunded"] + given_back
    emit(ledger, "refund.created", refunded)
    change(ledger, charge, "charge.refunded", amount_refunded=total, refunded=total == charge["amount"])
    return refunded


def _to_card() -> Json:
    return {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"}


def _refundable(ledger: Ledger, charge: Json, amount: int | None) -> int:
    """Return the amount to give back, or refuse what was not paid, is gone already, or is too much."""
    if charge["status"] == "pending":
        raise ApiError(f"This charge is still pending and cannot be refunded: {charge['id']}", param="charge")
    if charge["status"] != "succeeded":
        raise ApiError(f"This charge has failed and cannot be refunded: {charge['id']}", param="charge")
    if any(dispute["status"] != "won" for dispute in ledger.select("dispute", {"charge": charge["id"]})):
        raise ApiError(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    left: int = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise ApiError(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount is None:
        return left
    if amount < 1:
        raise ApiError("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        asked, rest = written(amount, charge["currency"]), written(left, charge["currency"])
        raise ApiError(f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})", param="amount")
    return amount


def arrive(ledger: Ledger, refunded: Json) -> Json:
    """Let a refund that was on its way to a bank arrive there."""
    if refunded["status"] != "pending":
        raise ApiError(f"This refund is {refunded['status']}, not pending: {refunded['id']}", param="id")
    ledger.schedule(refunded["id"], None)
    return _changed(ledger, refunded, pending_reason=None, status="succeeded")


def fail_refund(ledger: Ledger, refunded: Json, why: str) -> Json:
    """Let the bank send a refund back, also one that had succeeded: the money returns to the balance and the charge."""
    if refunded["status"] not in {"pending", "succeeded"}:
        raise ApiError(f"This refund is {refunded['status']} and cannot fail: {refunded['id']}", param="id")
    ledger.schedule(refunded["id"], None)
    moved = Movement(refunded["amount"], "refund_failure", "refund_failure", "REFUND FAILURE")
    booked = book(ledger, refunded["id"], refunded["currency"], moved)["id"]
    failed = _changed(
        ledger, refunded, failure_balance_transaction=booked, failure_reason=why, pending_reason=None, status="failed"
    )
    emit(ledger, "refund.failed", failed)
    charge = ledger.get("charge", refunded["charge"])
    left = charge["amount_refunded"] - refunded["amount"]
    change(ledger, charge, "charge.updated", amount_refunded=left, refunded=False)
    return failed


def _changed(ledger: Ledger, refunded: Json, **values: object) -> Json:
    """Change a refund and say so under both of the names that Stripe uses."""
    changed = change(ledger, refunded, "refund.updated", **values)
    previous = {name: refunded[name] for name in values if refunded[name] != changed[name]}
    emit(ledger, "charge.refund.updated", changed, previous)
    return changed
