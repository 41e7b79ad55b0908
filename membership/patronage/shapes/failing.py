"""Why a bill was not paid, told apart by what its payer can do about it."""

from datetime import date, datetime

from membership.patronage.shapes.reading import Json, inside

DECLINED, EXPIRED, AUTHENTICATION = "declined", "expired", "authentication"
# Subscriptions with a bill that was tried in vain.
FAILING = frozenset({"past_due", "unpaid", "incomplete"})


def attention_of(intent: Json, *, card_expires: date | None, tried_at: datetime) -> str | None:
    """Return declined, expired or authentication for the payment intent of an open bill; None while the bank works on it."""
    if intent.get("status") == "processing":
        return None
    error = inside(intent.get("last_payment_error"))
    codes = {error.get("code"), error.get("decline_code")}
    if intent.get("status") == "requires_action" or "authentication_required" in codes:
        return AUTHENTICATION
    # Many banks call an expired card just declined.
    if "expired_card" in codes or (card_expires is not None and card_expires < tried_at.date()):
        return EXPIRED
    return DECLINED
