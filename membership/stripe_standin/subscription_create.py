"""The API of starting a subscription for a customer who has a payment method, past any Checkout."""

from stripe import params as p

from membership.stripe_standin.billing import subscribe
from membership.stripe_standin.errors import ApiError, Json, parameter_missing, unsupported
from membership.stripe_standin.operations import merged_metadata, operation
from membership.stripe_standin.payment_errors import payment_refused
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import own_method

_CREATE = "customer default_payment_method description items.price items.quantity metadata off_session payment_behavior"


@operation("POST", "/v1/subscriptions", p.SubscriptionCreateParams, "subscription", _CREATE)
def create(ledger: Ledger, values: Json) -> Json:
    """Start a subscription and collect its first invoice from the method given, else the customer's default."""
    if "customer" not in values:
        raise parameter_missing("customer")
    customer = ledger.refer("customer", values["customer"], "customer")
    behavior = values.get("payment_behavior", "allow_incomplete")
    if behavior not in {"allow_incomplete", "error_if_incomplete"}:
        raise unsupported(f"payment_behavior={behavior}")
    key = own_method(ledger, customer["id"], values.get("default_payment_method", ""))
    method = ledger.get("payment_method", key) if key else None
    if method is None and customer["invoice_settings"]["default_payment_method"] is None:
        raise ApiError(
            "This customer has no attached payment source or default payment method. Please consider adding a default payment "
            "method.",
            code="resource_missing",
        )
    metadata = merged_metadata({}, values.get("metadata"))
    lines = _lines(ledger, values.get("items", []))
    description = values.get("description") or None
    subscription, invoice = subscribe(ledger, customer["id"], method, lines, metadata, description)
    if behavior == "error_if_incomplete" and invoice["status"] == "open":
        # Everything that this request did is undone with the refusal.
        raise payment_refused(ledger, invoice, keep=False)
    return subscription


def _lines(ledger: Ledger, items: list[Json]) -> list[Json]:
    """Return what is sold: active recurring prices in one currency and one interval."""
    if not items:
        raise parameter_missing("items")
    prices = []
    for index, item in enumerate(items):
        path = f"items[{index}][price]"
        if "price" not in item:
            raise parameter_missing(path)
        price = ledger.refer("price", item["price"], path)
        if not price["active"] or not price["recurring"]:
            raise ApiError("This field only accepts active recurring prices.", param=path)
        prices.append(price)
    if len({(price["currency"], str(price["recurring"])) for price in prices}) > 1:
        raise unsupported("items with different currencies or intervals")
    return [
        {"price": price["id"], "quantity": item.get("quantity", 1), "currency": price["currency"]}
        for item, price in zip(items, prices, strict=True)
    ]
