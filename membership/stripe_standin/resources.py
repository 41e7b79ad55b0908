"""Which kinds of object there are, their SDK classes, and their full set of fields."""

from functools import cache
from typing import Any

import stripe
from stripe import StripeObject

from membership.stripe_standin.annotations import alternatives, fields, is_literal, resource_classes
from membership.stripe_standin.errors import Json

CLASSES: dict[str, type[StripeObject]] = {
    "account": stripe.Account,
    "balance_transaction": stripe.BalanceTransaction,
    "billing_portal.configuration": stripe.billing_portal.Configuration,
    "billing_portal.session": stripe.billing_portal.Session,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "customer_balance_transaction": stripe.CustomerBalanceTransaction,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "invoiceitem": stripe.InvoiceItem,
    "item": stripe.LineItem,
    "line_item": stripe.InvoiceLineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "plan": stripe.Plan,
    "price": stripe.Price,
    "product": stripe.Product,
    "refund": stripe.Refund,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "webhook_endpoint": stripe.WebhookEndpoint,
}

# Sent only when a request expands them.
INCLUDABLE: dict[str, frozenset[str]] = {
    "charge": frozenset({"refunds"}),
    "checkout.session": frozenset({"line_items"}),
    "customer": frozenset({"cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids"}),
    "invoice": frozenset({"confirmation_secret", "payments"}),
    "price": frozenset({"currency_options", "tiers"}),
    "plan": frozenset({"tiers"}),
}

# Sent only where they mean something.
_OCCASIONAL: dict[str, frozenset[str]] = {
    "charge": frozenset({"authorization_code", "level3"}),
    "event": frozenset({"account", "context"}),
    "webhook_endpoint": frozenset({"secret"}),
    "refund": frozenset({"instructions_email", "next_action"}),
}


@cache
def _blank(kind: str) -> tuple[frozenset[str], Json]:
    """Return the annotated fields of one kind, and the optional ones that Stripe sends as null."""
    absent = INCLUDABLE.get(kind, frozenset()) | _OCCASIONAL.get(kind, frozenset()) | {"deleted"}
    annotated = fields(CLASSES[kind])
    if kind == "payment_method":
        absent |= {str(value) for o in alternatives_of(kind, "type") if is_literal(o) for value in o.__args__}
    nulls: Json = {name: None for name, options in annotated.items() if type(None) in options and name not in absent}
    if "livemode" in annotated:
        nulls["livemode"] = False
    return frozenset(annotated), nulls


def alternatives_of(kind: str, field: str) -> list[Any]:
    """Return the alternatives of one annotated field."""
    return [o for option in fields(CLASSES[kind])[field] for o in alternatives(option)]


def complete(body: Json) -> Json:
    """Return the object with every field that Stripe sends; a field that the SDK does not know is our own mistake."""
    annotated, nulls = _blank(body["object"])
    whole = {**nulls, **body}
    unknown, lacking = whole.keys() - annotated, required_fields(body["object"]) - whole.keys()
    if unknown or lacking:
        raise AssertionError(f"{body['object']}: unknown {sorted(unknown)}, lacking {sorted(lacking)}")
    return whole


@cache
def required_fields(kind: str) -> frozenset[str]:
    """Return the fields that are never null and always there."""
    return frozenset(name for name, options in fields(CLASSES[kind]).items() if type(None) not in options)


def is_expandable(options: list[Any]) -> bool:
    """Tell whether a field holds an id that can be expanded."""
    return str in options and bool(resource_classes(options))
