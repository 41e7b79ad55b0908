"""Refunds, in full or in part."""

from stripe import params as p

from membership.stripe_standin.balance import book_refund
from membership.stripe_standin.errors import ApiError, Json, parameter_missing
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.money import written
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger


def refund(ledger: Ledger, charge: Json, amount: int | None, reason: str | None, metadata: Json) -> Json:
    """Give back an amount of a charge, all that is left unless said otherwise."""
    given_back = _refundable(charge, amount)
    key = new_id("refund")
    refunded = ledger.add(
        {
            "id": key,
            "object": "refund",
            "amount": given_back,
            "balance_transaction": book_refund(ledger, key, given_back, charge["currency"]),
            "charge": charge["id"],
            "created": ledger.now,
            "currency": charge["currency"],
            "customer": charge["customer"],
            "destination_details": {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
            "metadata": metadata,
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "reason": reason,
            "status": "succeeded",
        }
    )
    total = charge["amount_refunded"] + given_back
    emit(ledger, "refund.created", refunded)
    change(ledger, charge, "charge.refunded", amount_refunded=total, refunded=total == charge["amount"])
    return refunded


def _refundable(charge: Json, amount: int | None) -> int:
    """Return the amount to give back, or refuse what was not paid, is gone already, or is too much."""
    if charge["status"] != "succeeded":
        raise ApiError(f"This charge has failed and cannot be refunded: {charge['id']}", param="charge")
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


@operation("POST", "/v1/refunds", p.RefundCreateParams, "refund", "amount charge metadata payment_intent reason")
def create(ledger: Ledger, values: Json) -> Json:
    """Refund a charge, named by itself or by its payment intent."""
    if "charge" in values:
        charge = ledger.refer("charge", values["charge"], "charge")
    elif "payment_intent" in values:
        intent = ledger.refer("payment_intent", values["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise ApiError(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
        charge = ledger.get("charge", intent["latest_charge"])
    else:
        raise parameter_missing("charge")
    metadata = merged_metadata({}, values.get("metadata"))
    return refund(ledger, charge, values.get("amount"), values.get("reason"), metadata)


@operation("GET", "/v1/refunds/<refund_id>", p.RefundRetrieveParams, "refund")
def retrieve(ledger: Ledger, values: Json, refund_id: str) -> Json:
    """Return a refund."""
    return ledger.get("refund", refund_id)


@operation("GET", "/v1/refunds", p.RefundListParams, "refund", f"{PAGING} charge created payment_intent")
def list_refunds(ledger: Ledger, values: Json) -> Json:
    """List refunds."""
    wanted = filters(ledger, values, "charge", "payment_intent")
    rows = created_within(ledger.select("refund", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/refunds", "refund")
