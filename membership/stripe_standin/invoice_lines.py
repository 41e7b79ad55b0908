"""Invoice lines of subscriptions: a whole period, the credit for unused time, the rest of a period at a new price."""

from datetime import UTC, datetime

from membership.stripe_standin.debits import debit_of
from membership.stripe_standin.errors import Json
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.store import Ledger


def period_line(ledger: Ledger, subscription: Json, item: Json) -> Json:
    """Return the line for the item's whole current period."""
    price = ledger.get("price", item["price"])
    line = _line(ledger, subscription, item)
    return {
        **line,
        "amount": price["unit_amount"] * item["quantity"],
        "description": f"{item['quantity']} × {_name(ledger, price)}",
        "subtotal": price["unit_amount"] * item["quantity"],
    }


def proration_lines(ledger: Ledger, subscription: Json, before: Json, after: Json, at: int) -> list[Json]:
    """Return the credit for what was billed after `at`, and the debit for the same time at the new price.

    `after` in a new period gets no debit here: its whole period is billed as such.
    """
    lines = [_credit(ledger, subscription, before, at)]
    # A new period may begin in the very second in which the old one did; it ends on another day.
    if all(after[name] == before[name] for name in ("current_period_start", "current_period_end")):
        lines.append(_debit(ledger, subscription, after, at))
    return [line for line in lines if line["amount"]]


def _credit(ledger: Ledger, subscription: Json, item: Json, at: int) -> Json:
    debit = debit_of(ledger, item)
    begin, end = max(at, debit.start), debit.end
    amount = -share(debit.amount, end - begin, end - debit.start)
    line = _prorated(ledger, subscription, item, amount, begin, "Unused")
    invoice = _invoice_with(ledger, subscription, debit.line)
    if invoice:
        details = line["parent"]["subscription_item_details"]
        credited = {"invoice": invoice["id"], "invoice_line_items": [debit.line]}
        details["proration_details"] = {"credited_items": credited}
    return line


def _debit(ledger: Ledger, subscription: Json, item: Json, at: int) -> Json:
    begin, end = item["current_period_start"], item["current_period_end"]
    whole = ledger.get("price", item["price"])["unit_amount"] * item["quantity"]
    return _prorated(ledger, subscription, item, share(whole, end - at, end - begin), at, "Remaining")


def share(amount: int, seconds: int, of_seconds: int) -> int:
    """Return the amount's share of the time, counted by the second and rounded half up to minor units."""
    return (2 * amount * seconds + of_seconds) // (2 * of_seconds) if of_seconds > 0 else 0


def _prorated(ledger: Ledger, subscription: Json, item: Json, amount: int, at: int, kind: str) -> Json:
    price = ledger.get("price", item["price"])
    line = _line(ledger, subscription, item)
    line["parent"]["subscription_item_details"]["proration"] = True
    times = f"{item['quantity']} × " if item["quantity"] != 1 else ""
    day = datetime.fromtimestamp(at, UTC).strftime("%d %b %Y")
    return {
        **line,
        "amount": amount,
        "description": f"{kind} time on {times}{_name(ledger, price)} after {day}",
        "discountable": False,
        "period": {"end": item["current_period_end"], "start": at},
        "subtotal": amount,
    }


def _name(ledger: Ledger, price: Json) -> str:
    return str(ledger.get("product", price["product"])["name"])


def _invoice_with(ledger: Ledger, subscription: Json, line_id: str | None) -> Json | None:
    """Return the subscription's invoice that holds a line; None while the line is still pending."""
    for invoice in ledger.select("invoice", {"customer": subscription["customer"]}):
        if any(line["id"] == line_id for line in invoice["lines"]["data"]):
            return invoice
    return None


def _line(ledger: Ledger, subscription: Json, item: Json) -> Json:
    """Return what every line of an item has; its invoice is named when it is drawn up."""
    price = ledger.get("price", item["price"])
    return {
        "id": new_id("line_item"),
        "object": "line_item",
        "currency": price["currency"],
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": subscription["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"end": item["current_period_end"], "start": item["current_period_start"]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": subscription["id"],
        "taxes": [],
    }
