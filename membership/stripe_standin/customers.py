"""Customers."""

from stripe import params as p

from membership.stripe_standin.endings import end
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id, token
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.payment_methods import attach_to
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import LIVE, own_method

_FIELDS = "description email invoice_settings.default_payment_method metadata name phone preferred_locales"


def new_customer(ledger: Ledger, **values: object) -> Json:
    """Create a customer and say so."""
    customer = ledger.add(
        {
            "id": new_id("customer"),
            "object": "customer",
            "balance": 0,
            "created": ledger.now,
            "delinquent": False,
            "invoice_prefix": token(8).upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "metadata": {},
            "next_invoice_sequence": 1,
            "preferred_locales": [],
            "tax_exempt": "none",
            **values,
        }
    )
    emit(ledger, "customer.created", customer)
    return customer


def _checked(values: Json) -> Json:
    email = values.get("email")
    if email is not None and not is_email(email):
        raise ApiError(f"Invalid email address: {email}", code="email_invalid", param="email")
    return values


def is_email(text: str) -> bool:
    """Tell whether Stripe would take the text for an address."""
    name, at, domain = text.rpartition("@")
    return bool(name and at and "." in domain.strip(".")) and not any(c.isspace() for c in text) and "@" not in name


@operation("POST", "/v1/customers", p.CustomerCreateParams, "customer", f"{_FIELDS} payment_method")
def create(ledger: Ledger, values: Json) -> Json:
    """Create a customer, with a test card if one is named."""
    metadata = merged_metadata({}, values.pop("metadata", None))
    card, default = values.pop("payment_method", None), values.pop("invoice_settings", {}).get("default_payment_method")
    customer = new_customer(ledger, **_checked(values), metadata=metadata)
    method = attach_to(ledger, customer, card)["id"] if card else None
    if not default:
        return customer
    wanted = method if method and default == card else default
    return change(ledger, customer, "customer.updated", **_default(ledger, customer, wanted))


@operation("GET", "/v1/customers/<customer_id>", p.CustomerRetrieveParams, "customer")
def retrieve(ledger: Ledger, values: Json, customer_id: str) -> Json:
    """Return a customer, also a deleted one."""
    return ledger.get("customer", customer_id)


@operation("POST", "/v1/customers/<customer_id>", p.CustomerUpdateParams, "customer", _FIELDS)
def update(ledger: Ledger, values: Json, customer_id: str) -> Json:
    """Change a customer."""
    customer = living(ledger, customer_id)
    metadata = merged_metadata(customer["metadata"], values.pop("metadata", None))
    if "default_payment_method" in (settings := values.pop("invoice_settings", {})):
        values |= _default(ledger, customer, settings["default_payment_method"])
    return change(ledger, customer, "customer.updated", **_checked(values), metadata=metadata)


def _default(ledger: Ledger, customer: Json, method_id: str) -> Json:
    """Return the invoice settings with another default payment method, '' for none."""
    method = own_method(ledger, customer["id"], method_id, "invoice_settings[default_payment_method]")
    return {"invoice_settings": {**customer["invoice_settings"], "default_payment_method": method}}


def living(ledger: Ledger, customer_id: str) -> Json:
    """Return a customer that was not deleted."""
    ledger.get("customer", customer_id)
    return ledger.refer("customer", customer_id, "id")


@operation("GET", "/v1/customers", p.CustomerListParams, "customer", f"{PAGING} email created")
def list_customers(ledger: Ledger, values: Json) -> Json:
    """List customers."""
    wanted = filters(ledger, values, "email")
    rows = created_within(ledger.select("customer", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/customers", "customer")


@operation("DELETE", "/v1/customers/<customer_id>", p.CustomerDeleteParams, "customer")
def delete(ledger: Ledger, values: Json, customer_id: str) -> Json:
    """Delete a customer."""
    return delete_customer(ledger, customer_id)


def delete_customer(ledger: Ledger, customer_id: str) -> Json:
    """Delete a customer for good and end the subscriptions; what was paid stays on the books."""
    customer = living(ledger, customer_id)
    for subscription in ledger.select("subscription", {"customer": customer_id}):
        if subscription["status"] in LIVE:
            end(ledger, subscription)
    emit(ledger, "customer.deleted", customer)
    return ledger.save({"id": customer_id, "object": "customer", "deleted": True})
