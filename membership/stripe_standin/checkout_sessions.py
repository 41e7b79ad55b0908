"""Checkout Sessions and their API."""

from stripe.params import checkout as p

from membership.stripe_standin.addresses import is_url
from membership.stripe_standin.bank_debits import CURRENCY
from membership.stripe_standin.cards import NO_ADDRESS
from membership.stripe_standin.checkout_lines import new_lines
from membership.stripe_standin.customers import is_email
from membership.stripe_standin.errors import ApiError, Json, parameter_missing
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id, token
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger

_CREATE = (
    "cancel_url client_reference_id customer customer_creation customer_email expires_at line_items.metadata "
    "line_items.price line_items.price_data.currency line_items.price_data.product "
    "line_items.price_data.product_data.description line_items.price_data.product_data.metadata "
    "line_items.price_data.product_data.name line_items.price_data.recurring.interval "
    "line_items.price_data.recurring.interval_count line_items.price_data.tax_behavior "
    "line_items.price_data.unit_amount line_items.quantity locale metadata mode payment_intent_data.description "
    "payment_intent_data.metadata payment_intent_data.receipt_email payment_intent_data.setup_future_usage "
    "payment_intent_data.statement_descriptor payment_intent_data.statement_descriptor_suffix submit_type "
    "subscription_data.description subscription_data.metadata success_url"
)
SHORTEST_LIFE, LONGEST_LIFE = 30 * 60, 24 * 3600
LONGEST_REFERENCE = 200
# parameter → the only mode that takes it
_MODE_OF = {
    "payment_intent_data": "payment",
    "customer_creation": "payment",
    "subscription_data": "subscription",
}


@operation("POST", "/v1/checkout/sessions", p.SessionCreateParams, "checkout.session", _CREATE)
def create(ledger: Ledger, values: Json) -> Json:
    """Open a session with its hosted page."""
    _check(values)
    customer = ledger.refer("customer", values["customer"], "customer") if "customer" in values else None
    expires_at = _checked_expiry(values.get("expires_at"), ledger.now)
    lines = new_lines(ledger, values)
    key = new_id("checkout.session")
    private = {
        "line_items": [line["id"] for line in lines],
        "payment_intent_data": values.get("payment_intent_data", {}),
        "subscription_data": values.get("subscription_data", {}),
    }
    session = ledger.add(
        {
            **_constant(),
            "id": key,
            "amount_subtotal": sum(line["amount_subtotal"] for line in lines),
            "amount_total": sum(line["amount_total"] for line in lines),
            "cancel_url": values.get("cancel_url"),
            "client_reference_id": values.get("client_reference_id"),
            "created": ledger.now,
            "currency": lines[0]["currency"],
            "customer": values.get("customer"),
            "customer_creation": _creation(values),
            "customer_details": prefilled(customer, values.get("customer_email")),
            "customer_email": values.get("customer_email"),
            "expires_at": expires_at,
            "locale": values.get("locale"),
            "metadata": merged_metadata({}, values.get("metadata")),
            "mode": values["mode"],
            **_methods(lines[0]["currency"]),
            "payment_method_collection": "always" if values["mode"] == "subscription" else "if_required",
            "submit_type": values.get("submit_type"),
            "success_url": values["success_url"],
            "url": f"{ledger.public_url}/c/pay/{key}#{token(24)}",
        },
        private,
    )
    ledger.schedule(key, expires_at)
    return session


def _constant() -> Json:
    """Return what is the same in every session of the stand-in."""
    return {
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "collected_information": {"business_name": None, "individual_name": None, "shipping_details": None},
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "discounts": [],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
    }


def _methods(currency: str) -> Json:
    """Return how the session can be paid: banks debit euros only."""
    card = {"card": {"request_three_d_secure": "automatic"}}
    if currency != CURRENCY:
        return {"payment_method_options": card, "payment_method_types": ["card"]}
    return {"payment_method_options": {**card, "sepa_debit": {}}, "payment_method_types": ["card", "sepa_debit"]}


def _check(values: Json) -> None:
    """Refuse what Stripe refuses beyond its types."""
    mode = values.get("mode")
    if mode is None:
        raise parameter_missing("mode")
    if mode == "setup":
        raise ApiError("The stand-in has no setup mode; Stripe would.", param="mode")
    if "success_url" not in values:
        raise parameter_missing("success_url")
    _check_combinations(values, mode)
    for name in ("success_url", "cancel_url"):
        if name in values and not is_url(values[name]):
            raise ApiError("Not a valid URL", code="url_invalid", param=name)
    if "customer_email" in values and not is_email(values["customer_email"]):
        message = f"Invalid email address: {values['customer_email']}"
        raise ApiError(message, code="email_invalid", param="customer_email")
    if len(values.get("client_reference_id", "")) > LONGEST_REFERENCE:
        message = f"Invalid string: client_reference_id has more than {LONGEST_REFERENCE} characters"
        raise ApiError(message, param="client_reference_id")


def _check_combinations(values: Json, mode: str) -> None:
    for name, only in _MODE_OF.items():
        if name in values and mode != only:
            raise ApiError(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    for name in ("customer_email", "customer_creation"):
        if "customer" in values and name in values:
            raise ApiError(f"You may only specify one of these parameters: customer, {name}.", param=name)


def _checked_expiry(wanted: int | None, now: int) -> int:
    if wanted is None:
        return now + LONGEST_LIFE
    if not now + SHORTEST_LIFE <= wanted <= now + LONGEST_LIFE:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."
        raise ApiError(message, param="expires_at")
    return wanted


def _creation(values: Json) -> str | None:
    if "customer" in values:
        return None
    return "always" if values["mode"] == "subscription" else str(values.get("customer_creation", "if_required"))


def prefilled(customer: Json | None, email: str | None) -> Json | None:
    """Return the details that are known before the buyer types any."""
    if customer is None:
        return details(email, None) if email else None
    return details(customer["email"], customer["name"])


def details(email: str | None, name: str | None) -> Json:
    """Return a session's customer_details."""
    return {
        "address": dict(NO_ADDRESS),
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def expire(ledger: Ledger, session: Json) -> Json:
    """End an open session unpaid."""
    ledger.schedule(session["id"], None)
    expired = change(ledger, session, None, status="expired", url=None)
    emit(ledger, "checkout.session.expired", expired)
    return expired


@operation("POST", "/v1/checkout/sessions/<session_id>/expire", p.SessionExpireParams, "checkout.session")
def expire_session(ledger: Ledger, values: Json, session_id: str) -> Json:
    """Expire an open session by hand."""
    session = ledger.get("checkout.session", session_id)
    if session["status"] != "open":
        raise ApiError(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session['status']}."
        )
    return expire(ledger, session)


@operation("GET", "/v1/checkout/sessions/<session_id>", p.SessionRetrieveParams, "checkout.session")
def retrieve(ledger: Ledger, values: Json, session_id: str) -> Json:
    """Return a session."""
    return ledger.get("checkout.session", session_id)


@operation("POST", "/v1/checkout/sessions/<session_id>", p.SessionUpdateParams, "checkout.session", "metadata")
def update(ledger: Ledger, values: Json, session_id: str) -> Json:
    """Change a session's metadata."""
    session = ledger.get("checkout.session", session_id)
    return change(ledger, session, None, metadata=merged_metadata(session["metadata"], values.get("metadata")))


@operation(
    "GET",
    "/v1/checkout/sessions",
    p.SessionListParams,
    "checkout.session",
    f"{PAGING} created customer customer_details.email payment_intent status subscription",
)
def list_sessions(ledger: Ledger, values: Json) -> Json:
    """List sessions."""
    wanted = filters(ledger, values, "customer", "payment_intent", "status", "subscription")
    if "customer_details" in values:
        wanted["customer_details.email"] = values["customer_details"]["email"]
    rows = created_within(ledger.select("checkout.session", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/checkout/sessions", "checkout.session")


@operation("GET", "/v1/checkout/sessions/<session_id>/line_items", p.SessionLineItemListParams, "item", PAGING)
def list_line_items(ledger: Ledger, values: Json, session_id: str) -> Json:
    """List what a session sells."""
    ledger.get("checkout.session", session_id)
    rows = [ledger.get("item", key) for key in ledger.private(session_id)["line_items"]]
    return page(ledger, rows, values, f"/v1/checkout/sessions/{session_id}/line_items", "item")
