"""The API of disputes: look at them, answer them, give in."""

from stripe import params as p

from membership.stripe_standin.disputes import answer, close
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger

_UPDATE = (
    "evidence.access_activity_log evidence.cancellation_policy_disclosure evidence.cancellation_rebuttal "
    "evidence.customer_email_address evidence.customer_name evidence.duplicate_charge_explanation "
    "evidence.duplicate_charge_id evidence.product_description evidence.refund_policy_disclosure "
    "evidence.refund_refusal_explanation evidence.service_date evidence.uncategorized_text metadata submit"
)


@operation("GET", "/v1/disputes/<dispute_id>", p.DisputeRetrieveParams, "dispute")
def retrieve(ledger: Ledger, values: Json, dispute_id: str) -> Json:
    """Return a dispute."""
    return ledger.get("dispute", dispute_id)


@operation("POST", "/v1/disputes/<dispute_id>", p.DisputeUpdateParams, "dispute", _UPDATE)
def update(ledger: Ledger, values: Json, dispute_id: str) -> Json:
    """Keep evidence, and send it to the bank with submit; change metadata."""
    opened = ledger.get("dispute", dispute_id)
    metadata = merged_metadata(opened["metadata"], values.get("metadata"))
    opened = change(ledger, opened, "charge.dispute.updated", metadata=metadata)
    evidence = {name: text or None for name, text in values.get("evidence", {}).items()}
    if values.get("submit", True) and "evidence" in values:
        return answer(ledger, opened, evidence)
    if evidence and opened["status"] != "needs_response":
        raise ApiError(f"This dispute is {opened['status']} and takes no evidence: {dispute_id}", param="evidence")
    return change(ledger, opened, "charge.dispute.updated", evidence={**opened["evidence"], **evidence})


@operation("POST", "/v1/disputes/<dispute_id>/close", p.DisputeCloseParams, "dispute")
def give_in(ledger: Ledger, values: Json, dispute_id: str) -> Json:
    """Accept a dispute as lost."""
    return close(ledger, ledger.get("dispute", dispute_id), "lost")


@operation("GET", "/v1/disputes", p.DisputeListParams, "dispute", f"{PAGING} charge created payment_intent")
def list_disputes(ledger: Ledger, values: Json) -> Json:
    """List disputes by charge, payment intent or time."""
    wanted = filters(ledger, values, "charge", "payment_intent")
    rows = created_within(ledger.select("dispute", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/disputes", "dispute")
