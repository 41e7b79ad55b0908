"""What we ask Stripe to do with a subscription."""

from datetime import datetime

import stripe

from membership.patronage.gateway.connection import Connection, translated


class Subscriptions(Connection):
    """Stops, pauses and changes subscriptions; key names our own act, so that a retry does it once."""

    def stop_at_period_end(self, subscription_id: str, *, key: str) -> None:
        """Let a subscription end with its paid time."""
        self._update(subscription_id, {"cancel_at_period_end": True}, key)

    def cancel_now(self, subscription_id: str) -> None:
        """End a subscription at once; Stripe then collects none of its open bills by itself. NotFound: it has ended already."""
        with translated():
            self._stripe.v1.subscriptions.cancel(subscription_id)

    def resume(self, subscription_id: str, *, key: str) -> None:
        """Take the planned end back."""
        self._update(subscription_id, {"cancel_at_period_end": False}, key)

    def pause(self, subscription_id: str, *, resumes_at: datetime, key: str) -> None:
        """Collect nothing until then: bills of that time are void, and Stripe goes on by itself afterwards."""
        self._update(subscription_id, {"pause_collection": {"behavior": "void", "resumes_at": int(resumes_at.timestamp())}}, key)

    def unpause(self, subscription_id: str, *, key: str) -> None:
        """Collect again from the next bill on."""
        self._update(subscription_id, {"pause_collection": ""}, key)

    def change_price(self, subscription_id: str, *, price_id: str, at_once: bool, at: datetime, key: str) -> None:
        """Let a subscription cost something else: at once, with what that takes or credits as of an instant, or from its next bill.

        Raises Declined; then nothing was changed.
        """
        params: stripe.params.SubscriptionUpdateParams = {
            "items": [{"id": self.item_of(subscription_id), "price": price_id}],
            "proration_behavior": "always_invoice" if at_once else "none",
            # Refused as a whole if the card does not pay: nobody has a raised amount and an open bill for it.
            "payment_behavior": "error_if_incomplete",
        }
        if at_once:
            params["proration_date"] = int(at.timestamp())
        self._update(subscription_id, params, key)

    def charge_card(self, subscription_id: str, card_id: str, *, key: str) -> None:
        """Let a subscription be paid by this card."""
        self._update(subscription_id, {"default_payment_method": card_id}, key)

    def item_of(self, subscription_id: str) -> str:
        """Return the id of the one thing that a subscription of ours consists of."""
        with translated():
            return str(self._stripe.v1.subscriptions.retrieve(subscription_id).to_dict()["items"]["data"][0]["id"])

    def _update(self, subscription_id: str, params: stripe.params.SubscriptionUpdateParams, key: str) -> None:
        with translated():
            self._stripe.v1.subscriptions.update(subscription_id, params, {"idempotency_key": key})
