"""What Stripe says is true: a subscription with its invoices, and the money behind them."""

from collections.abc import Iterable
from typing import Any

import stripe

from membership.patronage.gateway.connection import Connection, translated
from membership.patronage.shapes import Charge, SubscriptionFacts, read_attempt, read_charge, read_subscription

_OF_A_CHARGE = ("balance_transaction", "refunds.data.balance_transaction")


class Truth(Connection):
    """Reads; changes nothing."""

    def fetch_attempt_of(self, subscription_id: str) -> str | None:
        """Return the attempt that a subscription's metadata names; None for one that is not ours."""
        with translated():
            found = self._stripe.v1.subscriptions.retrieve(subscription_id)
        return read_attempt(found.to_dict())

    def fetch_subscription(self, subscription_id: str) -> SubscriptionFacts:
        """Return a subscription with all its invoices and the money behind them."""
        with translated():
            found = self._stripe.v1.subscriptions.retrieve(subscription_id, {"expand": ["customer"]}).to_dict()
            invoices = self._stripe.v1.invoices.list(
                {"subscription": subscription_id, "limit": 100, "expand": ["data.payments"]},
            )
            bodies = [invoice.to_dict() for invoice in invoices.auto_paging_iter()]
            customer: Any = found.get("customer")
            customer_id = customer["id"] if isinstance(customer, dict) else customer
            charges = self._charges({"customer": customer_id}) if customer_id else []
        return read_subscription(found, bodies, charges)

    def fetch_charge(self, charge_id: str) -> Charge:
        """Return a charge with its fee and refunds."""
        with translated():
            return read_charge(self._stripe.v1.charges.retrieve(charge_id, {"expand": list(_OF_A_CHARGE)}).to_dict())

    def fetch_charges_of_payment(self, payment_intent_id: str) -> list[Charge]:
        """Return the charges that succeeded for one payment."""
        with translated():
            return self._charges({"payment_intent": payment_intent_id})

    def _charges(self, which: stripe.params.ChargeListParams) -> list[Charge]:
        expand = [f"data.{name}" for name in _OF_A_CHARGE]
        found: Iterable[stripe.Charge] = self._stripe.v1.charges.list(
            {**which, "limit": 100, "expand": expand},
        ).auto_paging_iter()
        return [read_charge(charge.to_dict()) for charge in found if charge.status == "succeeded"]
