"""Stripe's hosted payment page."""

from dataclasses import dataclass

import stripe

from membership.patronage.gateway.connection import Connection, translated
from membership.patronage.shapes import ATTEMPT, Checkout, read_checkout


@dataclass(frozen=True)
class NewCheckout:
    """What to sell: ids and amounts, and of the buyer only the attempt's opaque id."""

    attempt: str
    price_id: str
    interval: str
    success_url: str
    cancel_url: str
    language: str
    customer_id: str | None = None


class Checkouts(Connection):
    """Opens, reads and ends Checkout sessions."""

    def create_checkout(self, new: NewCheckout) -> Checkout:
        """Open a Checkout session; the same attempt always opens the same one."""
        params: stripe.params.checkout.SessionCreateParams = {
            "mode": "payment" if new.interval == "once" else "subscription",
            "line_items": [{"price": new.price_id, "quantity": 1}],
            "client_reference_id": new.attempt,
            "metadata": {ATTEMPT: new.attempt},
            "success_url": new.success_url,
            "cancel_url": new.cancel_url,
            # Stripe's pages have no Ukrainian: the browser's language is then the better guess.
            "locale": "en" if new.language == "en" else "auto",
        }
        if new.interval == "once":
            params["payment_intent_data"] = {"metadata": {ATTEMPT: new.attempt}}
        else:
            params["subscription_data"] = {"metadata": {ATTEMPT: new.attempt}}
        if new.customer_id:
            params["customer"] = new.customer_id
        with translated():
            created = self._stripe.v1.checkout.sessions.create(params, {"idempotency_key": f"checkout-{new.attempt}"})
        return read_checkout(created.to_dict())

    def fetch_checkout(self, session_id: str) -> Checkout:
        """Return a Checkout session as it is now."""
        with translated():
            return read_checkout(self._stripe.v1.checkout.sessions.retrieve(session_id).to_dict())

    def expire_checkout(self, session_id: str) -> Checkout:
        """End an open Checkout session, so that nobody can pay it any more."""
        with translated():
            return read_checkout(self._stripe.v1.checkout.sessions.expire(session_id).to_dict())
