"""One connection to Stripe: the client that the parts of the gateway share, and its errors in our words."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import stripe
import structlog

from membership.config import Settings
from membership.errors import Conflict, NotFound, Unavailable

log = structlog.get_logger()
stripe.enable_telemetry = False

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS, RETRIES = 8.0, 2
# A webhook makes three calls or four: together about the four seconds that Stripe may be kept waiting.
QUICK_TIMEOUT_SECONDS = 1.3
REFUSED = "Stripe refused this. Nothing was taken. Please write to us."


class Declined(Conflict):
    """The card was declined; code is Stripe's reason, such as expired_card or authentication_required."""

    def __init__(self, code: str) -> None:
        super().__init__("Your bank declined this, and nothing was changed. Please try another card.")
        self.code = code


class KeyInUse(Conflict):
    """Another request holds this idempotency key: whether ours was done nobody knows."""

    def __init__(self) -> None:
        super().__init__(REFUSED)


@dataclass(frozen=True)
class Account:
    """Our own account: what bank statements show unless a payment says otherwise, and what begins them if it says more.

    Empty where our key may not ask.
    """

    id: str = ""
    descriptor: str = ""
    prefix: str = ""


class Connection:
    """Speaks to one Stripe account. Every method of the gateway may raise Unavailable, Conflict or NotFound."""

    def __init__(self, settings: Settings, *, timeout: float = TIMEOUT_SECONDS, retries: int = RETRIES) -> None:
        self._secrets = settings.stripe_webhook_secrets
        self._descriptor = settings.statement_descriptor
        self._account: Account | None = None
        self._stripe = stripe.StripeClient(
            settings.stripe_secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout),
        )

    def account_id(self) -> str:
        """Return our account's id; "" where our key may not ask."""
        return self.account().id

    def account(self) -> Account:
        """Return our account, asked for once."""
        if self._account is None:
            with translated():
                try:
                    self._account = _read_account(self._stripe.v1.accounts.retrieve_current().to_dict())
                except stripe.PermissionError:
                    self._account = Account()
        return self._account


def one_key(name: str, *parts: object) -> str:
    """Return an idempotency key that follows from our own row's id and from what is asked for."""
    return f"{name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:40]}"


@contextmanager
def translated() -> Iterator[None]:
    """Turn Stripe's errors into ours; its own words stay in the log, without what somebody typed."""
    try:
        yield
    except stripe.StripeError as error:
        log.warning("stripe.refused", error=type(error).__name__, code=error.code, status=error.http_status, id=error.request_id)
        if isinstance(error, stripe.InvalidRequestError) and error.code == "resource_missing":
            raise NotFound("Stripe doesn’t know this any more.") from error
        if isinstance(error, stripe.CardError):
            raise Declined(_decline_code(error)) from error
        if isinstance(error, stripe.IdempotencyError):
            raise KeyInUse from error
        if isinstance(error, stripe.InvalidRequestError):
            raise Conflict(REFUSED) from error
        raise Unavailable("Payments can’t be reached just now. Nothing was taken. Please try again in a minute.") from error


def _read_account(body: dict[str, Any]) -> Account:
    settings = body.get("settings") or {}
    descriptor = (settings.get("payments") or {}).get("statement_descriptor") or ""
    prefix = (settings.get("card_payments") or {}).get("statement_descriptor_prefix") or ""
    return Account(body["id"], descriptor, prefix)


def _decline_code(error: stripe.CardError) -> str:
    detail = error.error
    return str((detail.decline_code if detail else None) or error.code or "card_declined")
