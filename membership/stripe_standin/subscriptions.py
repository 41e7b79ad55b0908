"""Subscriptions: how one is made, and when it must be looked at next."""

from membership.stripe_standin.errors import Json
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.periods import period_start
from membership.stripe_standin.store import Ledger

LIVE = frozenset({"active", "past_due"})


def new_subscription(
    ledger: Ledger, customer: str, method: str, lines: list[Json], metadata: Json, description: str | None
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


def look_again(ledger: Ledger, subscription: Json) -> None:
    """Schedule the subscription's next renewal or end; never for one that is over."""
    cancel_at = subscription["cancel_at"]
    soonest = period_end(subscription) if cancel_at is None else min(cancel_at, period_end(subscription))
    ledger.schedule(subscription["id"], None if subscription["status"] == "canceled" else soonest)
