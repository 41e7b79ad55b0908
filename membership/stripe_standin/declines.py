"""Why a payment does not go through: what card networks, banks and Stripe say about it."""

from dataclasses import dataclass

from membership.stripe_standin.errors import ApiError, Json


@dataclass(frozen=True)
class Decline:
    """One reason, in the words of error, charge and dashboard."""

    code: str
    decline_code: str | None
    message: str
    seller_message: str = "The bank did not return any further details with this decline."
    advice_code: str | None = "try_again_later"
    type_: str = "card_error"

    @property
    def reason(self) -> str:
        """What a failed charge gives as its reason."""
        return self.decline_code or self.code


DECLINES: dict[str, Decline] = {
    "declined": Decline("card_declined", "generic_decline", "Your card was declined."),
    "insufficient": Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "expired": Decline("expired_card", None, "Your card has expired.", advice_code="confirm_card_data"),
}
# Not a failure but a question: the payer must confirm with the bank.
AUTHENTICATION = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    advice_code=None,
)
NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
    advice_code=None,
    type_="invalid_request_error",
)
DEBIT_FAILED = Decline(
    "insufficient_funds",
    "insufficient_funds",
    "The customer's account has insufficient funds to cover this payment.",
    seller_message="The customer's account has insufficient funds to cover this payment.",
    advice_code=None,
    type_="invalid_request_error",
)


def payment_error(decline: Decline, method: Json, charge: Json | None = None) -> Json:
    """Return the last_payment_error of a payment intent."""
    return {
        "advice_code": decline.advice_code,
        "charge": charge["id"] if charge else None,
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": f"https://docs.stripe.com/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": method,
        "payment_method_type": method["type"],
        "type": decline.type_,
    }


def refused(intent: Json, *, keep: bool) -> ApiError:
    """Return the 402 of a request whose payment failed or waits for the payer; keep leaves what was done on the books."""
    if intent["status"] == "requires_action":
        return ApiError(
            "This payment requires additional user action before it can be completed successfully. Payment can be completed "
            "using the PaymentIntent associated with the invoice.",
            code="invoice_payment_intent_requires_action",
            status=402,
            type_="card_error",
            keep=keep,
            payment_intent=intent,
        )
    error = intent["last_payment_error"]
    return ApiError(
        error["message"],
        code=error["code"],
        status=402,
        type_="card_error",
        keep=keep,
        advice_code=error["advice_code"],
        decline_code=error["decline_code"],
        charge=error["charge"],
        payment_intent=intent,
        payment_method=error["payment_method"],
    )
