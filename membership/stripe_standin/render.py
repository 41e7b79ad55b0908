"""Turn stored objects into what the API shows: prices in full, delivery counts, lists that are only included on demand."""

from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.resources import complete
from membership.stripe_standin.store import Ledger

FIRST_PAGE = 10  # of a list inside an object


def public(ledger: Ledger, body: Json) -> Json:
    """Return the object as Stripe sends it."""
    if body["object"] == "subscription":
        items = [_subscription_item(ledger, item) for item in body["items"]["data"]]
        return {**body, "items": {**body["items"], "data": items}, "pending_update": _pending_update(ledger, body)}
    if body["object"] == "item":
        return {**body, "price": ledger.get("price", body["price"])}
    if body["object"] == "invoice" and len(body["lines"]["data"]) > FIRST_PAGE:
        return {**body, "lines": {**body["lines"], "data": body["lines"]["data"][:FIRST_PAGE], "has_more": True}}
    if body["object"] == "event":
        return {**body, "pending_webhooks": pending_webhooks(ledger, body["id"])}
    return body


def pending_webhooks(ledger: Ledger, event_id: str) -> int:
    """Return to how many endpoints the event has still to be delivered."""
    sql = "SELECT count(*) FROM delivery WHERE event = ? AND state = 'pending'"
    return int(ledger.execute(sql, event_id).fetchone()[0])


def _subscription_item(ledger: Ledger, item: Json) -> Json:
    price = ledger.get("price", item["price"])
    return {**item, "price": price, "plan": plan_of(price)}


def _pending_update(ledger: Ledger, subscription: Json) -> Json | None:
    pending = subscription["pending_update"]
    items = [_subscription_item(ledger, item) for item in pending["subscription_items"]] if pending else []
    return {**pending, "subscription_items": items} if pending else None


def plan_of(price: Json) -> Json:
    """Return the legacy plan that Stripe still sends beside a recurring price."""
    recurring = price["recurring"]
    return complete(
        {
            "id": price["id"],
            "object": "plan",
            "active": price["active"],
            "amount": price["unit_amount"],
            "amount_decimal": price["unit_amount_decimal"],
            "billing_scheme": price["billing_scheme"],
            "created": price["created"],
            "currency": price["currency"],
            "interval": recurring["interval"],
            "interval_count": recurring["interval_count"],
            "metadata": price["metadata"],
            "nickname": price["nickname"],
            "product": price["product"],
            "usage_type": recurring["usage_type"],
        }
    )


def list_of(ledger: Ledger, rows: list[Json], url: str, *, has_more: bool = False) -> Json:
    """Return a list object."""
    return {"object": "list", "data": [public(ledger, row) for row in rows], "has_more": has_more, "url": url}


def included(ledger: Ledger, body: Json, field: str) -> Json:
    """Return a list that Stripe sends only when it is expanded."""
    key = body["id"]
    match (body["object"], field):
        case ("checkout.session", "line_items"):
            ids = ledger.private(key)["line_items"]
            rows = [ledger.get("item", item_id) for item_id in ids]
            return list_of(ledger, rows, f"/v1/checkout/sessions/{key}/line_items")
        case ("invoice", "payments"):
            rows = ledger.select("invoice_payment", {"invoice": key})
            return list_of(ledger, rows, f"/v1/invoice_payments?invoice={key}")
        case ("charge", "refunds"):
            rows = ledger.select("refund", {"charge": key})
            more = len(rows) > FIRST_PAGE
            return list_of(ledger, rows[:FIRST_PAGE], f"/v1/charges/{key}/refunds", has_more=more)
        case ("customer", "subscriptions"):
            rows = [row for row in ledger.select("subscription", {"customer": key}) if row["status"] != "canceled"]
            return list_of(ledger, rows, f"/v1/customers/{key}/subscriptions")
    raise ApiError(f"The stand-in does not implement the expansion of '{field}'; Stripe would.", param="expand")
