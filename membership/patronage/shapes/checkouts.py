"""Checkout sessions."""

from dataclasses import dataclass

from membership.patronage.shapes.reading import Json, inside, read_attempt, reference

# A payment that was begun and will not come: Stripe says of the session only that it is unpaid, before as after.
FAILED_INTENTS = frozenset({"requires_payment_method", "canceled"})


@dataclass(frozen=True)
class Checkout:
    """One Checkout session."""

    id: str
    url: str | None
    status: str  # open, complete, expired
    payment_status: str  # paid, unpaid, no_payment_required
    attempt: str | None
    customer_id: str | None
    email: str | None
    subscription_id: str | None
    payment_intent_id: str | None
    payment_failed: bool = False  # known where the payment intent was expanded

    @property
    def is_complete(self) -> bool:
        """Whether the buyer has done their part."""
        return self.status == "complete"

    @property
    def is_paid(self) -> bool:
        """Whether this may be granted."""
        return self.is_complete and self.payment_status in ("paid", "no_payment_required")


def read_checkout(body: Json) -> Checkout:
    """Read a Checkout session."""
    status, payment_status = body.get("status") or "open", body.get("payment_status") or "unpaid"
    is_waiting = status == "complete" and payment_status == "unpaid"
    return Checkout(
        id=body["id"],
        url=body.get("url"),
        status=status,
        payment_status=payment_status,
        attempt=read_attempt(body) or body.get("client_reference_id"),
        customer_id=reference(body.get("customer")),
        email=inside(body.get("customer_details")).get("email"),
        subscription_id=reference(body.get("subscription")),
        payment_intent_id=reference(body.get("payment_intent")),
        payment_failed=is_waiting and inside(body.get("payment_intent")).get("status") in FAILED_INTENTS,
    )
