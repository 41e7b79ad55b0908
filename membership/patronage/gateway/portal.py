"""Stripe's own page for a new card, and which card pays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import stripe

from membership.patronage.gateway.connection import Connection, translated

# Tells our configuration from those that the newsroom uses for itself.
MARK = {"membership": "card"}


@dataclass(frozen=True)
class Cards:
    """Which card a subscription charges, and which one its customer gave last."""

    charged: str | None
    newest: str | None


class Portal(Connection):
    """Sends somebody to Stripe for a new card, and nothing else."""

    def card_page_url(self, customer_id: str, *, return_url: str, language: str) -> str:
        """Return the address of Stripe's page for a new card; it leads back to return_url."""
        params: stripe.params.billing_portal.SessionCreateParams = {
            "customer": customer_id,
            "configuration": self._card_configuration(),
            "return_url": return_url,
            "locale": "en" if language == "en" else "auto",
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {"type": "redirect", "redirect": {"return_url": return_url}},
            },
        }
        with translated():
            return self._stripe.v1.billing_portal.sessions.create(params).url

    def fetch_cards(self, subscription_id: str) -> Cards:
        """Return which card pays, and the customer's newest if it was given later."""
        expand = ["default_payment_method", "customer.invoice_settings.default_payment_method"]
        with translated():
            found = self._stripe.v1.subscriptions.retrieve(subscription_id, {"expand": expand}).to_dict()
        charged = found.get("default_payment_method") or {}
        newest = ((found.get("customer") or {}).get("invoice_settings") or {}).get("default_payment_method") or {}
        return Cards(charged.get("id"), newest.get("id") if _given(newest) >= _given(charged) else charged.get("id"))

    def _card_configuration(self) -> str:
        """Find or create what the page may do; of two at once both get the same."""
        with translated():
            known = self._stripe.v1.billing_portal.configurations.list({"active": True, "limit": 100}).auto_paging_iter()
            for configuration in known:
                if (configuration.to_dict().get("metadata") or {}).get("membership") == MARK["membership"]:
                    return configuration.id
            off: stripe.params.billing_portal.ConfigurationCreateParams = {
                "features": {
                    "payment_method_update": {"enabled": True},
                    "customer_update": {"enabled": False},
                    "invoice_history": {"enabled": False},
                    "subscription_cancel": {"enabled": False},
                },
                "metadata": MARK,
            }
            return self._stripe.v1.billing_portal.configurations.create(off, {"idempotency_key": "portal-card"}).id


def _given(card: Mapping[str, Any]) -> int:
    return int(card.get("created") or 0)
