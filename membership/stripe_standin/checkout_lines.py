"""Line items of a Checkout Session: which prices they name or make, and whether they fit the mode."""

from membership.stripe_standin.errors import ApiError, Json, parameter_missing
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.money import SMALLEST, written
from membership.stripe_standin.operations import merged_metadata
from membership.stripe_standin.prices import new_price
from membership.stripe_standin.products import new_product
from membership.stripe_standin.store import Ledger

MOST_LINES = {"payment": 100, "subscription": 20}


def new_lines(ledger: Ledger, values: Json) -> list[Json]:
    """Make the session's line items; raises where Stripe would not sell this in this mode."""
    mode, wanted = values["mode"], values.get("line_items", [])
    if not wanted:
        raise parameter_missing("line_items")
    if len(wanted) > MOST_LINES[mode]:
        raise ApiError(f"A session in {mode} mode has up to {MOST_LINES[mode]} line items.", param="line_items")
    prices = [_price(ledger, line, f"line_items[{index}]") for index, line in enumerate(wanted)]
    _check_mode(mode, prices)
    lines = [_line(ledger, line, price) for line, price in zip(wanted, prices, strict=True)]
    total = sum(line["amount_total"] for line in lines)
    if total < SMALLEST:
        least = written(SMALLEST, lines[0]["currency"])
        raise ApiError(f"The Checkout Session's total amount must be at least {least}.", code="amount_too_small")
    return lines


def _price(ledger: Ledger, line: Json, path: str) -> Json:
    """Return the price that a line names, or makes for itself."""
    if ("price" in line) == ("price_data" in line):
        raise ApiError(f"Specify exactly one of `price` and `price_data` in {path}.", param=path)
    if "price" in line:
        price = ledger.refer("price", line["price"], f"{path}[price]")
        if not price["active"]:
            message = "The price specified is inactive. This field only accepts active prices."
            raise ApiError(message, code="price_inactive", param=f"{path}[price]")
        return price
    data = dict(line["price_data"])
    if ("product" in data) == ("product_data" in data):
        raise ApiError(f"Specify exactly one of `product` and `product_data` in {path}.", param=f"{path}[price_data]")
    if "product" in data:
        ledger.refer("product", data["product"], f"{path}[price_data][product]")
    else:
        made = data.pop("product_data")
        metadata = merged_metadata({}, made.get("metadata"))
        data["product"] = new_product(ledger, **{**made, "metadata": metadata}, active=False)["id"]
    # A price made on the spot is for this session alone.
    return new_price(ledger, data, f"{path}[price_data]", active=False)


def _check_mode(mode: str, prices: list[Json]) -> None:
    recurring = [price["recurring"] for price in prices]
    if mode == "payment" and any(recurring):
        raise ApiError(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only "
            "one-time prices.",
            param="line_items",
        )
    if mode == "subscription" and not any(recurring):
        raise ApiError(
            "You must provide at least one recurring price in `subscription` mode when using prices.", param="line_items"
        )
    if mode == "subscription" and not all(recurring):
        raise ApiError("The stand-in takes no one-time price beside a recurring one; Stripe would.", param="line_items")
    if len({price["currency"] for price in prices}) > 1:
        raise ApiError("All line items must use the same currency.", param="line_items")
    if len({(r["interval"], r["interval_count"]) for r in recurring if r}) > 1:
        raise ApiError("All recurring prices of a session must have the same interval.", param="line_items")


def _line(ledger: Ledger, line: Json, price: Json) -> Json:
    quantity = line.get("quantity", 1)
    if quantity < 1:
        raise ApiError("Invalid positive integer", code="parameter_invalid_integer", param="line_items[0][quantity]")
    amount = price["unit_amount"] * quantity
    return ledger.add(
        {
            "id": new_id("item"),
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": amount,
            "amount_tax": 0,
            "amount_total": amount,
            "currency": price["currency"],
            "description": ledger.get("product", price["product"])["name"],
            "discounts": [],
            "metadata": merged_metadata({}, line.get("metadata")),
            "price": price["id"],
            "quantity": quantity,
            "taxes": [],
        }
    )
