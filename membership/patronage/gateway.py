"""The product's only way to Stripe: our types in and out, Stripe's errors translated."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import stripe
import structlog

from membership.config import Settings
from membership.errors import Conflict, NotFound, Unavailable
from membership.patronage.shapes import (
    ATTEMPT,
    Charge,
    Checkout,
    SubscriptionFacts,
    read_attempt,
    read_charge,
    read_checkout,
    read_subscription,
)
from membership.patronage.signature import ParsedEvent, parse_event

log = structlog.get_logger()
stripe.enable_telemetry = False

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS, RETRIES = 8.0, 2
# A webhook makes three calls or four: together about the four seconds that Stripe may be kept waiting.
QUICK_TIMEOUT_SECONDS = 1.3
_OF_A_CHARGE = ("balance_transaction", "refunds.data.balance_transaction")


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


class Gateway:
    """Speaks to one Stripe account. Every method may raise Unavailable, Conflict or NotFound."""

    def __init__(self, settings: Settings, *, timeout: float = TIMEOUT_SECONDS, retries: int = RETRIES) -> None:
        self._secrets = settings.stripe_webhook_secrets
        self._descriptor = settings.statement_descriptor
        self._stripe = stripe.StripeClient(
            settings.stripe_secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout),
        )

    def parse_event(self, raw: bytes, header: str, now: datetime) -> ParsedEvent:
        """Return a webhook's event; raises BadSignature."""
        return parse_event(raw, header, self._secrets, now)

    def ensure_product(self, *, key: str, name: str) -> str:
        """Find or create the product of a plan; its id follows from the plan's key."""
        product_id = f"membership_{key}"
        with _translated():
            try:
                return self._stripe.v1.products.retrieve(product_id).id
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
            return self._stripe.v1.products.create(
                {"id": product_id, "name": name, "statement_descriptor": self._descriptor},
                {"idempotency_key": product_id},
            ).id

    def ensure_price(self, *, product_id: str, plan_key: str, interval: str, currency: str, amount_minor: int, attempt: str) -> str:
        """Find or create a price by its lookup key, such as membership-main-month-eur-500; of two at once both get the same."""
        lookup_key = f"membership-{plan_key}-{interval}-{currency}-{amount_minor}"
        with _translated():
            for price in self._stripe.v1.prices.list({"lookup_keys": [lookup_key], "active": True, "limit": 1}).data:
                return price.id
            params: stripe.params.PriceCreateParams = {
                "product": product_id,
                "currency": currency,
                "unit_amount": amount_minor,
                "lookup_key": lookup_key,
                # A price that was put away by hand keeps its key: take it over.
                "transfer_lookup_key": True,
            }
            if interval != "once":
                params["recurring"] = {"interval": interval}
            return self._stripe.v1.prices.create(params, {"idempotency_key": f"price-{attempt}"}).id

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
        with _translated():
            created = self._stripe.v1.checkout.sessions.create(params, {"idempotency_key": f"checkout-{new.attempt}"})
        return read_checkout(created.to_dict())

    def fetch_checkout(self, session_id: str) -> Checkout:
        """Return a Checkout session as it is now."""
        with _translated():
            return read_checkout(self._stripe.v1.checkout.sessions.retrieve(session_id).to_dict())

    def expire_checkout(self, session_id: str) -> Checkout:
        """End an open Checkout session, so that nobody can pay it any more."""
        with _translated():
            return read_checkout(self._stripe.v1.checkout.sessions.expire(session_id).to_dict())

    def fetch_attempt_of(self, subscription_id: str) -> str | None:
        """Return the attempt that a subscription's metadata names; None for one that is not ours."""
        with _translated():
            found = self._stripe.v1.subscriptions.retrieve(subscription_id)
        return read_attempt(found.to_dict())

    def fetch_subscription(self, subscription_id: str) -> SubscriptionFacts:
        """Return a subscription with all its invoices and the money behind them."""
        with _translated():
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
        with _translated():
            return read_charge(self._stripe.v1.charges.retrieve(charge_id, {"expand": list(_OF_A_CHARGE)}).to_dict())

    def fetch_charges_of_payment(self, payment_intent_id: str) -> list[Charge]:
        """Return the charges that succeeded for one payment."""
        with _translated():
            return self._charges({"payment_intent": payment_intent_id})

    def stop_at_period_end(self, subscription_id: str, *, key: str) -> None:
        """Let a subscription end with its paid time; key names our own act, so that a retry does it once."""
        with _translated():
            self._stripe.v1.subscriptions.update(
                subscription_id,
                {"cancel_at_period_end": True},
                {"idempotency_key": key},
            )

    def cancel_now(self, subscription_id: str) -> None:
        """End a subscription at once; Stripe then collects none of its open bills any more. NotFound: it has ended already."""
        with _translated():
            self._stripe.v1.subscriptions.cancel(subscription_id)

    def resume(self, subscription_id: str, *, key: str) -> None:
        """Take the planned end back."""
        with _translated():
            self._stripe.v1.subscriptions.update(
                subscription_id,
                {"cancel_at_period_end": False},
                {"idempotency_key": key},
            )

    def _charges(self, which: stripe.params.ChargeListParams) -> list[Charge]:
        expand = [f"data.{name}" for name in _OF_A_CHARGE]
        found: Iterable[stripe.Charge] = self._stripe.v1.charges.list(
            {**which, "limit": 100, "expand": expand},
        ).auto_paging_iter()
        return [read_charge(charge.to_dict()) for charge in found if charge.status == "succeeded"]


def make_gateway(settings: Settings) -> Gateway:
    """Return the gateway for these settings."""
    return Gateway(settings)


def make_quick_gateway(settings: Settings) -> Gateway:
    """Return a gateway for while somebody waits: short timeouts, nothing tried twice."""
    return Gateway(settings, timeout=QUICK_TIMEOUT_SECONDS, retries=0)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn Stripe's errors into ours; its own words stay in the log, without what somebody typed."""
    try:
        yield
    except stripe.StripeError as error:
        log.warning("stripe.refused", error=type(error).__name__, code=error.code, status=error.http_status, id=error.request_id)
        if isinstance(error, stripe.InvalidRequestError) and error.code == "resource_missing":
            raise NotFound("Stripe doesn’t know this any more.") from error
        if isinstance(error, stripe.InvalidRequestError | stripe.CardError | stripe.IdempotencyError):
            raise Conflict("Stripe refused this. Nothing was taken. Please write to us.") from error
        raise Unavailable("Payments can’t be reached just now. Nothing was taken. Please try again in a minute.") from error
