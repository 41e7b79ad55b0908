"""The API of subscriptions: retrieve, update, cancel, list; and paying their invoices."""

from typing import Any

from stripe import params as p

from membership.stripe_standin.billing import UPDATED, collect, end, refuse_ended, subscription_of
from membership.stripe_standin.errors import ApiError, Json, resource_missing, unsupported
from membership.stripe_standin.events import change
from membership.stripe_standin.invoices import payment_of
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.payments import DECLINED
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import look_again, period_end

_UPDATE = (
    "cancel_at cancel_at_period_end cancellation_details.comment cancellation_details.feedback description items.id "
    "items.price items.quantity metadata proration_behavior"
)


@operation("GET", "/v1/subscriptions/<subscription_id>", p.SubscriptionRetrieveParams, "subscription")
def retrieve(ledger: Ledger, values: Json, subscription_id: str) -> Json:
    """Return a subscription."""
    return ledger.get("subscription", subscription_id)


@operation("POST", "/v1/subscriptions/<subscription_id>", p.SubscriptionUpdateParams, "subscription", _UPDATE)
def update(ledger: Ledger, values: Json, subscription_id: str) -> Json:
    """Change metadata, description, the planned end, or an item's price from the next period on."""
    subscription = ledger.get("subscription", subscription_id)
    if values.keys() - {"metadata", "cancellation_details"}:
        refuse_ended(subscription)
    changes: Json = {"metadata": merged_metadata(subscription["metadata"], values.get("metadata"))}
    if "description" in values:
        changes["description"] = values["description"] or None
    if "items" in values:
        changes["items"] = _with_new_prices(ledger, subscription, values)
    if "cancellation_details" in values:
        given = {name: text or None for name, text in values["cancellation_details"].items()}
        changes["cancellation_details"] = {**subscription["cancellation_details"], **given}
    changes |= _planned_end(ledger, subscription, values)
    changed = change(ledger, subscription, UPDATED, **changes)
    look_again(ledger, changed)
    return changed


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


def _with_new_prices(ledger: Ledger, subscription: Json, values: Json) -> Json:
    """Return the items under their new prices; only without proration and with the interval unchanged."""
    if values.get("proration_behavior") != "none":
        raise ApiError(
            "The stand-in has no prorations: pass proration_behavior=none. Stripe would prorate.",
            param="proration_behavior",
        )
    items = {item["id"]: item for item in subscription["items"]["data"]}
    for index, wanted in enumerate(values["items"]):
        if wanted.get("id") not in items:
            raise resource_missing("subscription_item", str(wanted.get("id")), param=f"items[{index}][id]", status=400)
        item = items[wanted["id"]]
        price_id = wanted.get("price", item["price"])
        price = ledger.refer("price", price_id, f"items[{index}][price]")
        if _cadence(price) != _cadence(ledger.get("price", item["price"])):
            raise unsupported(f"items[{index}][price] with another interval or currency")
        items[item["id"]] = {**item, "price": price_id, "quantity": wanted.get("quantity", item["quantity"])}
    return {**subscription["items"], "data": list(items.values())}


def _cadence(price: Json) -> tuple[str, str | None, int | None]:
    recurring = price["recurring"] or {}
    return price["currency"], recurring.get("interval"), recurring.get("interval_count")


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
    elif status != "all":
        rows = [row for row in rows if row["status"] == ("canceled" if status == "ended" else status)]
    if filters(ledger, values, "price"):
        rows = [row for row in rows if values["price"] in {item["price"] for item in row["items"]["data"]}]
    return page(ledger, rows, values, "/v1/subscriptions", "subscription")


@operation("POST", "/v1/invoices/<invoice_id>/pay", p.InvoicePayParams, "invoice", "off_session")
def pay_invoice(ledger: Ledger, values: Json, invoice_id: str) -> Json:
    """Collect an open invoice from the subscription's card; a decline is a 402 that stays on the books."""
    invoice = ledger.get("invoice", invoice_id)
    if invoice["status"] == "paid":
        raise ApiError("Invoice is already paid", code="invoice_already_paid")
    if ledger.get("subscription", subscription_of(invoice))["status"] == "canceled":
        raise unsupported("paying an invoice of a canceled subscription")
    outcome = collect(ledger, invoice)
    if outcome["status"] == "paid":
        return outcome
    intent = ledger.get("payment_intent", payment_of(ledger, invoice)["payment"]["payment_intent"])
    raise ApiError(
        DECLINED,
        code="card_declined",
        status=402,
        type_="card_error",
        keep=True,
        decline_code="generic_decline",
        charge=intent["latest_charge"],
        payment_intent=intent,
    )
