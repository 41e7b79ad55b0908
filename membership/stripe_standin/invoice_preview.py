"""Preview an invoice: what a change would bill, or what the next renewal will."""

from stripe import params as p

from membership.stripe_standin.endings import refuse_ended
from membership.stripe_standin.errors import ApiError, Json, parameter_missing
from membership.stripe_standin.ids import token
from membership.stripe_standin.invoice_items import pending_lines
from membership.stripe_standin.invoices import draft, next_lines
from membership.stripe_standin.operations import operation
from membership.stripe_standin.resources import complete
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscription_changes import Plan, planned
from membership.stripe_standin.subscriptions import next_items, period_end

_PREVIEW = (
    "customer preview_mode subscription subscription_details.items.id subscription_details.items.price "
    "subscription_details.items.quantity subscription_details.proration_behavior subscription_details.proration_date"
)


@operation("POST", "/v1/invoices/create_preview", p.InvoiceCreatePreviewParams, "invoice", _PREVIEW)
def create_preview(ledger: Ledger, values: Json) -> Json:
    """Return the invoice that the change would make at once, else the next renewal's with the change in it; keeps nothing."""
    if "subscription" not in values:
        raise parameter_missing("subscription")
    if values.get("preview_mode", "next") != "next":
        raise ApiError("The stand-in previews the next invoice only; Stripe would show a recurring one.", param="preview_mode")
    subscription = ledger.refer("subscription", values["subscription"], "subscription")
    if values.get("customer", subscription["customer"]) != subscription["customer"]:
        raise ApiError("The subscription does not belong to this customer.", param="customer")
    refuse_ended(subscription)
    details = values.get("subscription_details", {})
    plan = planned(ledger, subscription, details) if "items" in details else Plan({})
    if plan.is_billed_now:
        lines = [*pending_lines(ledger, subscription["id"]), *plan.prorations, *plan.periods]
        return _shown(draft(ledger, subscription, "subscription_update", lines, _key()))
    return _renewal(ledger, {**subscription, **plan.changes}, plan.prorations)


def _renewal(ledger: Ledger, subscription: Json, prorations: list[Json]) -> Json:
    """Return the invoice of the next period, dated when it begins."""
    begins = period_end(subscription)
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= begins:
        message = f"No upcoming invoices for customer: {subscription['customer']}"
        raise ApiError(message, code="invoice_upcoming_none", status=404)
    moved = {**subscription, "items": next_items(ledger, subscription)}
    waiting = pending_lines(ledger, subscription["id"])
    lines = [*waiting, *prorations, *next_lines(ledger, moved)[len(waiting) :]]
    shown = _shown(draft(ledger, moved, "subscription_cycle", lines, _key()))
    start = subscription["items"]["data"][0]["current_period_start"]
    return {**shown, "created": begins, "next_payment_attempt": begins, "period_end": begins, "period_start": start}


def _key() -> str:
    return f"upcoming_in_1{token(23)}"


def _shown(invoice: Json) -> Json:
    return complete({**invoice, "billing_reason": "upcoming"})
