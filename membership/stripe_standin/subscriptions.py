"""Subscriptions: how one is made, and when it must be looked at next."""

from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.periods import period_start
from membership.stripe_standin.store import Ledger

LIVE = frozenset({"active", "incomplete", "past_due", "unpaid"})
OVER = frozenset({"canceled", "incomplete_expired"})
FIRST_PAYMENT_WITHIN = 23 * 3600


def new_subscription(
    ledger: Ledger, customer: str, method: str | None, lines: list[Json], metadata: Json, description: str | None
) -> Json:
    """Make a subscription that waits for its first payment; lines are checkout line items."""
    key = new_id("subscription")
    items = [_new_item(ledger, key, line) for line in lines]
    subscription = ledger.add(
        {
            "id": key,
            **_constant(),
            "billing_cycle_anchor": ledger.now,
            "created": ledger.now,
            "currency": lines[0]["currency"],
            "customer": customer,
            "default_payment_method": method,
            "description": description,
            "items": {
                "object": "list",
                "data": items,
                "has_more": False,
                "url": f"/v1/subscription_items?subscription={key}",
            },
            "metadata": metadata,
            "start_date": ledger.now,
        },
        {"period": 0, "previous_start": ledger.now},
    )
    look_again(ledger, subscription)
    return subscription


def _constant() -> Json:
    """Return what is the same in every new subscription."""
    return {
        "object": "subscription",
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "feedback_option": None, "reason": None},
        "collection_method": "charge_automatically",
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "status": "incomplete",
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    }


def _new_item(ledger: Ledger, subscription_id: str, line: Json) -> Json:
    recurring = ledger.get("price", line["price"])["recurring"]
    return {
        "id": new_id("subscription_item"),
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": ledger.now,
        "current_period_end": period_start(ledger.now, recurring["interval"], recurring["interval_count"], 1),
        "current_period_start": ledger.now,
        "current_trial": None,
        "discounts": [],
        "metadata": {},
        "price": line["price"],
        "quantity": line["quantity"],
        "subscription": subscription_id,
        "tax_rates": [],
    }


def period_end(subscription: Json) -> int:
    """Return the end of the current period, which stands on the items."""
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])


def next_items(ledger: Ledger, subscription: Json) -> Json:
    """Return the items in their next period, counted from the billing anchor so that a month's end stays one."""
    number, anchor = ledger.private(subscription["id"])["period"] + 1, subscription["billing_cycle_anchor"]
    moved = []
    for item in subscription["items"]["data"]:
        recurring = ledger.get("price", item["price"])["recurring"]
        begin, end = (period_start(anchor, recurring["interval"], recurring["interval_count"], n) for n in (number, number + 1))
        moved.append({**item, "current_period_start": begin, "current_period_end": end})
    return {**subscription["items"], "data": moved}


def look_again(ledger: Ledger, subscription: Json) -> None:
    """Schedule what comes next: renewal, planned end, end of a pause or of a pending update; nothing for one that is over."""
    pause, pending = subscription["pause_collection"] or {}, subscription["pending_update"] or {}
    given_up = subscription["created"] + FIRST_PAYMENT_WITHIN if subscription["status"] == "incomplete" else None
    planned = (
        *(period_end(subscription), subscription["cancel_at"], given_up),
        *(pause.get("resumes_at"), pending.get("expires_at")),
    )
    soonest = min(at for at in planned if at is not None)
    ledger.schedule(subscription["id"], None if subscription["status"] in OVER else soonest)


def paying_method(ledger: Ledger, subscription: Json) -> Json | None:
    """Return what is charged: the subscription's own payment method, else its customer's default, else None."""
    customer = ledger.get("customer", subscription["customer"])
    default = (customer.get("invoice_settings") or {}).get("default_payment_method")
    key = subscription["default_payment_method"] or default
    return ledger.get("payment_method", key) if key else None


def own_method(ledger: Ledger, customer_id: str, method_id: str, param: str = "default_payment_method") -> str | None:
    """Return the id of a payment method that is attached to the customer, None for ''."""
    if not method_id:
        return None
    method = ledger.find("payment_method", method_id)
    if method is None or method["customer"] != customer_id:
        message = f"The customer does not have a payment method with the ID {method_id}. It must be attached to the customer."
        raise ApiError(message, code="resource_missing", param=param)
    return method_id
