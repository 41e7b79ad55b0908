"""The API of subscriptions: retrieve, update, cancel, list."""

from typing import Any

from stripe import params as p

from membership.stripe_standin.endings import UPDATED, end, refuse_ended
from membership.stripe_standin.errors import ApiError, Json, resource_missing, unsupported
from membership.stripe_standin.events import change
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscription_changes import carry_out, planned
from membership.stripe_standin.subscriptions import OVER, look_again, own_method, period_end

_UPDATE = (
    "cancel_at cancel_at_period_end cancellation_details.comment cancellation_details.feedback default_payment_method "
    "description items.id items.price items.quantity metadata off_session pause_collection pause_collection.behavior "
    "pause_collection.resumes_at payment_behavior proration_behavior proration_date"
)
# What a pending update may carry, and what goes with it.
_PENDING = frozenset({"items", "proration_behavior", "proration_date", "payment_behavior", "off_session"})

_INCOMPLETE = frozenset({"metadata", "default_payment_method", "cancellation_details"})


@operation("GET", "/v1/subscriptions/<subscription_id>", p.SubscriptionRetrieveParams, "subscription")
def retrieve(ledger: Ledger, values: Json, subscription_id: str) -> Json:
    """Return a subscription."""
    return ledger.get("subscription", subscription_id)


@operation("POST", "/v1/subscriptions/<subscription_id>", p.SubscriptionUpdateParams, "subscription", _UPDATE)
def update(ledger: Ledger, values: Json, subscription_id: str) -> Json:
    """Change what it sells, how and whether it is collected, its planned end, or its metadata."""
    subscription = ledger.get("subscription", subscription_id)
    if values.keys() - {"metadata", "cancellation_details"}:
        refuse_ended(subscription)
    if subscription["status"] == "incomplete" and values.keys() - _INCOMPLETE:
        raise ApiError("When a subscription is incomplete, only its metadata and payment method can be updated.")
    behavior = values.get("payment_behavior", "allow_incomplete")
    if behavior == "default_incomplete":
        raise unsupported("payment_behavior=default_incomplete on an update")
    if behavior == "pending_if_incomplete" and values.keys() - _PENDING:
        names = ", ".join(sorted(values.keys() - _PENDING))
        raise ApiError(f"`payment_behavior=pending_if_incomplete` takes no {names}.", param="payment_behavior")
    changes = _simple_changes(ledger, subscription, values)
    if "items" in values:
        return carry_out(ledger, subscription, planned(ledger, subscription, values), changes, behavior)
    changed = change(ledger, subscription, UPDATED, **changes)
    look_again(ledger, changed)
    return changed


def _simple_changes(ledger: Ledger, subscription: Json, values: Json) -> Json:
    """Return the new fields that need no invoice."""
    changes: Json = {"metadata": merged_metadata(subscription["metadata"], values.get("metadata"))}
    if "description" in values:
        changes["description"] = values["description"] or None
    if "default_payment_method" in values:
        changes["default_payment_method"] = own_method(ledger, subscription["customer"], values["default_payment_method"])
    if "pause_collection" in values:
        changes["pause_collection"] = _pause(ledger, values["pause_collection"])
    if "cancellation_details" in values:
        given = {name: text or None for name, text in values["cancellation_details"].items()}
        changes["cancellation_details"] = {**subscription["cancellation_details"], **given}
    return changes | _planned_end(ledger, subscription, values)


def _pause(ledger: Ledger, wanted: Json | str) -> Json | None:
    """Return the wished pause, None for '': collection goes on."""
    if isinstance(wanted, str):
        return None
    resumes_at = wanted.get("resumes_at")
    if resumes_at is not None and resumes_at <= ledger.now:
        message = "`pause_collection[resumes_at]` must be in the future."
        raise ApiError(message, param="pause_collection[resumes_at]")
    return {"behavior": wanted["behavior"], "resumes_at": resumes_at}


def _planned_end(ledger: Ledger, subscription: Json, values: Json) -> Json:
    """Return what a wished end changes: at the period's end, at an instant, or no longer."""
    if "cancel_at" in values and "cancel_at_period_end" in values:
        raise ApiError("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    if "cancel_at" in values:
        at, flag = _instant(ledger, subscription, values["cancel_at"]), False
    elif "cancel_at_period_end" in values:
        flag = values["cancel_at_period_end"]
        at = period_end(subscription) if flag else None
    else:
        return {}
    reason = None if at is None else "cancellation_requested"
    return {
        "cancel_at": at,
        "cancel_at_period_end": flag,
        "canceled_at": None if at is None else ledger.now,
        "cancellation_details": {**subscription["cancellation_details"], "reason": reason},
    }


def _instant(ledger: Ledger, subscription: Json, wanted: Any) -> int | None:
    if wanted == "":
        return None
    if wanted in {"min_period_end", "max_period_end"}:
        return period_end(subscription)
    if not isinstance(wanted, int):
        raise unsupported("cancel_at")
    if wanted <= ledger.now:
        raise ApiError("The cancel_at timestamp must be in the future.", param="cancel_at")
    return wanted


@operation(
    "DELETE",
    "/v1/subscriptions/<subscription_id>",
    p.SubscriptionCancelParams,
    "subscription",
    "cancellation_details.comment cancellation_details.feedback",
)
def cancel(ledger: Ledger, values: Json, subscription_id: str) -> Json:
    """End a subscription now."""
    subscription = ledger.get("subscription", subscription_id)
    if subscription["status"] == "canceled":
        raise resource_missing("subscription", subscription_id)
    details = values.get("cancellation_details", {})
    return end(ledger, subscription, details.get("comment"), details.get("feedback"))


@operation("GET", "/v1/subscriptions", p.SubscriptionListParams, "subscription", f"{PAGING} created customer price status")
def list_subscriptions(ledger: Ledger, values: Json) -> Json:
    """List subscriptions; those that ended only if the status asks for them."""
    wanted = filters(ledger, values, "customer")
    rows = created_within(ledger.select("subscription", wanted), values.get("created"))
    status = values.get("status")
    if status is None:
        rows = [row for row in rows if row["status"] != "canceled"]
    elif status == "ended":
        rows = [row for row in rows if row["status"] in OVER]
    elif status != "all":
        rows = [row for row in rows if row["status"] == status]
    if filters(ledger, values, "price"):
        rows = [row for row in rows if values["price"] in {item["price"] for item in row["items"]["data"]}]
    return page(ledger, rows, values, "/v1/subscriptions", "subscription")
