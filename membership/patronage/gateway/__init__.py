"""The product's only way to Stripe: our types in and out, Stripe's errors translated."""

from datetime import datetime

from membership.config import Settings
from membership.patronage.gateway.catalogue import Catalogue
from membership.patronage.gateway.checkouts import Checkouts, NewCheckout
from membership.patronage.gateway.connection import API_VERSION, QUICK_TIMEOUT_SECONDS, Declined, KeyInUse
from membership.patronage.gateway.customers import Customers
from membership.patronage.gateway.invoices import ChangePreview, Invoices, NewPrice
from membership.patronage.gateway.listing import ListedSubscription, Listing
from membership.patronage.gateway.portal import Cards, Portal
from membership.patronage.gateway.refunds import MadeRefund, RefundRefused, Refunds
from membership.patronage.gateway.subscriptions import Subscriptions
from membership.patronage.gateway.truth import Truth
from membership.patronage.signature import ParsedEvent, parse_event

__all__ = [
    "API_VERSION",
    "Cards",
    "ChangePreview",
    "Declined",
    "Gateway",
    "KeyInUse",
    "ListedSubscription",
    "MadeRefund",
    "NewCheckout",
    "NewPrice",
    "RefundRefused",
    "make_gateway",
    "make_quick_gateway",
]


class Gateway(Catalogue, Checkouts, Customers, Invoices, Listing, Portal, Refunds, Subscriptions, Truth):
    """Speaks to one Stripe account."""

    def parse_event(self, raw: bytes, header: str, now: datetime) -> ParsedEvent:
        """Return a webhook's event; raises BadSignature."""
        return parse_event(raw, header, self._secrets, now)


def make_gateway(settings: Settings) -> Gateway:
    """Return the gateway for these settings."""
    return Gateway(settings)


def make_quick_gateway(settings: Settings) -> Gateway:
    """Return a gateway for while somebody waits: short timeouts, nothing tried twice."""
    return Gateway(settings, timeout=QUICK_TIMEOUT_SECONDS, retries=0)
