"""The product's only way to Stripe: our types in and out, Stripe's errors translated."""

from membership.config import Settings


class Gateway:
    """Speaks to one Stripe account."""


def make_gateway(settings: Settings) -> Gateway:
    """Return the gateway for these settings."""
    return Gateway()
