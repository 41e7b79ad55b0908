"""What we ask Stripe to do with a subscription."""

from membership.patronage.gateway.connection import Connection, translated


class Subscriptions(Connection):
    """Stops subscriptions and takes a stop back."""

    def stop_at_period_end(self, subscription_id: str, *, key: str) -> None:
        """Let a subscription end with its paid time; key names our own act, so that a retry does it once."""
        with translated():
            self._stripe.v1.subscriptions.update(
                subscription_id,
                {"cancel_at_period_end": True},
                {"idempotency_key": key},
            )

    def cancel_now(self, subscription_id: str) -> None:
        """End a subscription at once; Stripe then collects none of its open bills any more. NotFound: it has ended already."""
        with translated():
            self._stripe.v1.subscriptions.cancel(subscription_id)

    def resume(self, subscription_id: str, *, key: str) -> None:
        """Take the planned end back."""
        with translated():
            self._stripe.v1.subscriptions.update(
                subscription_id,
                {"cancel_at_period_end": False},
                {"idempotency_key": key},
            )
