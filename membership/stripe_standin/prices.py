"""Prices, with lookup keys."""

from stripe import params as p

from membership.stripe_standin.errors import ApiError, Json, parameter_missing
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.money import checked_amount, checked_currency
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.products import new_product
from membership.stripe_standin.store import Ledger

_CREATE = (
    "active billing_scheme currency lookup_key metadata nickname product product_data.active product_data.metadata "
    "product_data.name product_data.statement_descriptor recurring.interval recurring.interval_count recurring.usage_type "
    "tax_behavior transfer_lookup_key unit_amount"
)
_LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}
MOST_LOOKUP_KEYS, LONGEST_LOOKUP_KEY = 10, 200


def new_price(ledger: Ledger, values: Json, prefix: str = "", **more: object) -> Json:
    """Create a price and say so; values are checked parameters, prefix names them in errors."""
    currency = checked_currency(values["currency"], f"{prefix}currency")
    if "unit_amount" not in values:
        raise parameter_missing(f"{prefix}unit_amount")
    amount = checked_amount(values["unit_amount"], f"{prefix}unit_amount")
    recurring = values.get("recurring")
    price = ledger.add(
        {
            "id": new_id("price"),
            "object": "price",
            "active": values.get("active", True),
            "billing_scheme": "per_unit",
            "created": ledger.now,
            "currency": currency,
            "metadata": merged_metadata({}, values.get("metadata")),
            "nickname": values.get("nickname"),
            "product": values["product"],
            "recurring": _recurring(recurring, prefix) if recurring else None,
            "tax_behavior": values.get("tax_behavior", "unspecified"),
            "type": "recurring" if recurring else "one_time",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
            **more,
        }
    )
    emit(ledger, "price.created", price)
    return price


def _recurring(values: Json, prefix: str) -> Json:
    count, interval = values.get("interval_count", 1), values["interval"]
    if not 1 <= count <= _LONGEST[interval]:
        name = f"{prefix}recurring[interval_count]"
        raise ApiError(f"Invalid {name}: must be between 1 and {_LONGEST[interval]} {interval}s.", param=name)
    if values.get("usage_type", "licensed") != "licensed":
        raise ApiError("The stand-in has no metered prices; Stripe would.", param=f"{prefix}recurring[usage_type]")
    return {
        "interval": interval,
        "interval_count": count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


@operation("POST", "/v1/prices", p.PriceCreateParams, "price", _CREATE)
def create(ledger: Ledger, values: Json) -> Json:
    """Create a price for a product, or with a product of its own."""
    if ("product" in values) == ("product_data" in values):
        raise ApiError("Specify exactly one of `product` and `product_data`.", param="product")
    if values.get("billing_scheme", "per_unit") != "per_unit":
        raise ApiError("The stand-in has no tiered prices; Stripe would.", param="billing_scheme")
    if "product" in values:
        ledger.refer("product", values["product"], "product")
    else:
        data = values["product_data"]
        values["product"] = new_product(ledger, **{**data, "metadata": merged_metadata({}, data.get("metadata"))})["id"]
    lookup_key = _taken_over(ledger, values)
    return new_price(ledger, values, lookup_key=lookup_key)


@operation("GET", "/v1/prices/<price_id>", p.PriceRetrieveParams, "price")
def retrieve(ledger: Ledger, values: Json, price_id: str) -> Json:
    """Return a price."""
    return ledger.get("price", price_id)


@operation(
    "POST",
    "/v1/prices/<price_id>",
    p.PriceUpdateParams,
    "price",
    "active lookup_key metadata nickname tax_behavior transfer_lookup_key",
)
def update(ledger: Ledger, values: Json, price_id: str) -> Json:
    """Change what may change in a price: its amount and interval never do."""
    price = ledger.get("price", price_id)
    metadata = merged_metadata(price["metadata"], values.pop("metadata", None))
    if values.get("lookup_key", price["lookup_key"]) != price["lookup_key"]:
        values["lookup_key"] = _taken_over(ledger, values)
    values.pop("transfer_lookup_key", None)
    return change(ledger, price, "price.updated", **values, metadata=metadata)


def _taken_over(ledger: Ledger, values: Json) -> str | None:
    """Return the wanted lookup key, taken from another price if the request says so."""
    key: str | None = values.get("lookup_key")
    if key is None:
        return None
    if len(key) > LONGEST_LOOKUP_KEY:
        raise ApiError(f"Invalid string: lookup_key has more than {LONGEST_LOOKUP_KEY} characters", param="lookup_key")
    for other in ledger.select("price", {"lookup_key": key}):
        if not values.get("transfer_lookup_key"):
            message = f"A price (`{other['id']}`) already uses that lookup key. Pass `transfer_lookup_key` to take it over."
            raise ApiError(message, param="lookup_key", code="resource_already_exists")
        change(ledger, other, "price.updated", lookup_key=None)
    return key


@operation(
    "GET",
    "/v1/prices",
    p.PriceListParams,
    "price",
    f"{PAGING} active created currency lookup_keys product recurring.interval type",
)
def list_prices(ledger: Ledger, values: Json) -> Json:
    """List prices by lookup key, product, currency, type or interval."""
    wanted = filters(ledger, values, "product", "currency", "type")
    if "recurring" in values:
        wanted["recurring.interval"] = values["recurring"].get("interval")
    rows = created_within(ledger.select("price", wanted), values.get("created"))
    if "active" in values:
        rows = [row for row in rows if row["active"] == values["active"]]
    if "lookup_keys" in values:
        if len(values["lookup_keys"]) > MOST_LOOKUP_KEYS:
            raise ApiError(f"You may list up to {MOST_LOOKUP_KEYS} lookup keys.", param="lookup_keys")
        rows = [row for row in rows if row["lookup_key"] in values["lookup_keys"]]
    return page(ledger, rows, values, "/v1/prices", "price")
