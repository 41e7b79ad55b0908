"""Show an event as version 2024-06-20 did: periods on the subscription, invoices that name their payment, and back."""

from membership.stripe_standin.errors import Json
from membership.stripe_standin.store import Ledger

OLD_VERSION = "2024-06-20"
_PERIOD = ("current_period_start", "current_period_end")


def as_of_2024(ledger: Ledger, event: Json) -> Json:
    """Return the event as an endpoint of the old version gets it; kinds that have not changed since stay as they are."""
    data = event["data"]
    thing = data["object"]
    old = {**data, "object": old_object(ledger, thing)}
    if "previous_attributes" in data and thing["object"] == "subscription":
        old["previous_attributes"] = _previous(data["previous_attributes"])
    return {**event, "api_version": OLD_VERSION, "data": old}


def old_object(ledger: Ledger, thing: Json) -> Json:
    """Return an object in the shape of the old version."""
    match thing["object"]:
        case "subscription":
            return _subscription(thing)
        case "invoice":
            return _invoice(ledger, thing)
        case "charge" | "payment_intent":
            intent = thing["payment_intent"] if thing["object"] == "charge" else thing["id"]
            return {**thing, "invoice": _invoice_paid_by(ledger, intent)}
    return thing


def _subscription(thing: Json) -> Json:
    items = thing["items"]
    first = items["data"][0]
    ends_with_period = thing["cancel_at"] is not None and thing["cancel_at"] == first["current_period_end"]
    return {
        **_without(thing, "billing_mode", "billing_schedules"),
        **{name: first[name] for name in _PERIOD},
        "cancel_at_period_end": thing["cancel_at_period_end"] or ends_with_period,
        "discount": None,
        "items": {**items, "data": [_item(item) for item in items["data"]]},
        "plan": first["plan"],
        "quantity": first["quantity"],
    }


def _item(item: Json) -> Json:
    return _without(item, *_PERIOD, "billed_until", "current_trial")


def _previous(previous: Json) -> Json:
    """Return the previous attributes of a subscription: a period that moved on stood on the subscription itself."""
    if "items" not in previous:
        return previous
    items = previous["items"]["data"]
    old = {**previous, **{name: items[0][name] for name in _PERIOD}}
    return {**old, "items": {**previous["items"], "data": [_item(item) for item in items]}}


def _invoice(ledger: Ledger, thing: Json) -> Json:
    details = (thing["parent"] or {}).get("subscription_details") or {}
    intent, charge = _payment(ledger, thing)
    return {
        **_without(thing, "amount_overpaid", "parent", "total_pretax_credit_amounts", "total_taxes"),
        "charge": charge,
        "discount": None,
        "lines": {**thing["lines"], "data": [_line(ledger, line) for line in thing["lines"]["data"]]},
        "paid": thing["status"] == "paid",
        "paid_out_of_band": False,
        "payment_intent": intent,
        "quote": None,
        "subscription": details.get("subscription"),
        "subscription_details": {"metadata": details.get("metadata")},
        "tax": None,
        "total_tax_amounts": [],
        "transfer_data": None,
    }


def _payment(ledger: Ledger, invoice: Json) -> tuple[str | None, str | None]:
    """Return the invoice's payment intent and latest charge; a draft has neither."""
    if invoice["status"] == "draft":
        return None, None
    for payment in ledger.select("invoice_payment", {"invoice": invoice["id"]}):
        intent = ledger.find("payment_intent", payment["payment"].get("payment_intent") or "")
        if intent:
            return intent["id"], intent["latest_charge"] if invoice["attempted"] else None
    return None, None


def _line(ledger: Ledger, line: Json) -> Json:
    parent = line["parent"] or {}
    details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    price = ledger.find("price", ((line["pricing"] or {}).get("price_details") or {}).get("price") or "")
    return {
        **_without(line, "parent", "pretax_credit_amounts", "pricing", "quantity_decimal", "subtotal", "taxes"),
        "invoice_item": details.get("invoice_item"),
        "price": price,
        "proration": bool(details.get("proration")),
        "proration_details": details.get("proration_details") or {"credited_items": None},
        "subscription": details.get("subscription"),
        "subscription_item": details.get("subscription_item"),
        "tax_amounts": [],
        "type": "subscription" if details.get("subscription_item") else "invoiceitem",
    }


def _invoice_paid_by(ledger: Ledger, intent_id: str | None) -> str | None:
    for payment in ledger.select("invoice_payment", {"payment.payment_intent": intent_id}):
        return str(payment["invoice"])
    return None


def _without(thing: Json, *names: str) -> Json:
    return {name: value for name, value in thing.items() if name not in names}
