"""The API of payment methods: attach a test card to a customer, detach it, list them."""

from stripe import params as p

from membership.stripe_standin.cards import AUTHENTICATION, CARDS, DECLINES, FAILS_LATER, PAYS, new_payment_method
from membership.stripe_standin.declines import DECLINES as REASONS
from membership.stripe_standin.errors import ApiError, Json, resource_missing
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.operations import PAGING, operation
from membership.stripe_standin.pagination import filters, page
from membership.stripe_standin.store import Ledger

# Stripe's ids of payment methods for tests; each use makes a new one.
TOKENS = {
    "pm_card_visa": PAYS,
    "pm_card_authenticationRequired": AUTHENTICATION,
    "pm_card_chargeCustomerFail": FAILS_LATER,
    "pm_card_chargeDeclined": DECLINES,
}


def attach_to(ledger: Ledger, customer: Json, method_id: str, param: str = "payment_method") -> Json:
    """Attach a test card, or return the payment method if the customer has it already."""
    if method_id in TOKENS:
        number = TOKENS[method_id]
        decline = REASONS.get(CARDS[number].saved)
        if decline:
            code, reason = decline.code, decline.decline_code
            raise ApiError(decline.message, code=code, status=402, type_="card_error", decline_code=reason)
        return new_payment_method(ledger, number, customer["id"], customer["email"], customer["name"])
    method = ledger.find("payment_method", method_id)
    if method is None:
        raise resource_missing("payment_method", method_id, param=param, status=400)
    if method["customer"] != customer["id"]:
        raise ApiError(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and "
            "may not be used again."
            if method["customer"] is None
            else "The payment method you provided has already been attached to a customer.",
            param=param,
        )
    return method


@operation("POST", "/v1/payment_methods/<method_id>/attach", p.PaymentMethodAttachParams, "payment_method", "customer")
def attach(ledger: Ledger, values: Json, method_id: str) -> Json:
    """Attach a payment method to a customer."""
    return attach_to(ledger, ledger.refer("customer", values["customer"], "customer"), method_id)


@operation("POST", "/v1/payment_methods/<method_id>/detach", p.PaymentMethodDetachParams, "payment_method")
def detach(ledger: Ledger, values: Json, method_id: str) -> Json:
    """Detach a payment method for good; nothing is charged to it any more."""
    method = ledger.get("payment_method", method_id)
    if method["customer"] is None:
        raise ApiError("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = ledger.get("customer", method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == method_id:
        settings = {**customer["invoice_settings"], "default_payment_method": None}
        change(ledger, customer, "customer.updated", invoice_settings=settings)
    for subscription in ledger.select("subscription", {"customer": customer["id"], "default_payment_method": method_id}):
        if subscription["ended_at"] is None:
            change(ledger, subscription, "customer.subscription.updated", default_payment_method=None)
    detached = change(ledger, method, None, customer=None)
    emit(ledger, "payment_method.detached", detached, {"customer": customer["id"]})
    return detached


@operation("GET", "/v1/payment_methods", p.PaymentMethodListParams, "payment_method", f"{PAGING} customer type")
def list_methods(ledger: Ledger, values: Json) -> Json:
    """List payment methods."""
    rows = ledger.select("payment_method", filters(ledger, values, "customer", "type"))
    return page(ledger, rows, values, "/v1/payment_methods", "payment_method")


@operation(
    "GET", "/v1/customers/<customer_id>/payment_methods", p.CustomerPaymentMethodListParams, "payment_method", f"{PAGING} type"
)
def list_of_customer(ledger: Ledger, values: Json, customer_id: str) -> Json:
    """List a customer's payment methods."""
    ledger.get("customer", customer_id)
    rows = ledger.select("payment_method", {"customer": customer_id, **filters(ledger, values, "type")})
    return page(ledger, rows, values, f"/v1/customers/{customer_id}/payment_methods", "payment_method")
