"""The API of refunds."""

from stripe import params as p

from membership.stripe_standin.errors import ApiError, Json, parameter_missing
from membership.stripe_standin.events import change
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.refunds import refund
from membership.stripe_standin.store import Ledger


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


@operation("POST", "/v1/refunds/<refund_id>", p.RefundUpdateParams, "refund", "metadata")
def update(ledger: Ledger, values: Json, refund_id: str) -> Json:
    """Change a refund's metadata."""
    refunded = ledger.get("refund", refund_id)
    return change(ledger, refunded, "refund.updated", metadata=merged_metadata(refunded["metadata"], values.get("metadata")))


@operation("GET", "/v1/refunds", p.RefundListParams, "refund", f"{PAGING} charge created payment_intent")
def list_refunds(ledger: Ledger, values: Json) -> Json:
    """List refunds."""
    wanted = filters(ledger, values, "charge", "payment_intent")
    rows = created_within(ledger.select("refund", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/refunds", "refund")
