"""Stripe's objects as we see them: small frozen facts, read from the pinned API's shapes and from older ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]
ATTEMPT = "attempt"  # the one key of our metadata: the attempt's opaque id


@dataclass(frozen=True)
class Refund:
    """Money given back of one charge."""

    id: str
    amount_minor: int
    fee_minor: int | None
    created_at: datetime


@dataclass(frozen=True)
class Charge:
    """Money taken; fee_minor is None until Stripe has booked it."""

    id: str
    amount_minor: int
    currency: str
    fee_minor: int | None
    created_at: datetime
    payment_intent_id: str | None
    customer_id: str | None
    attempt: str | None
    refunds: tuple[Refund, ...] = ()
    has_more_refunds: bool = False  # Stripe answered with the newest only

    @property
    def given_back_at(self) -> datetime | None:
        """When the last of it was given back; None as long as something is left."""
        if sum(refund.amount_minor for refund in self.refunds) < self.amount_minor or not self.refunds:
            return None
        return max(refund.created_at for refund in self.refunds)


@dataclass(frozen=True)
class Invoice:
    """One bill of a subscription; period is what it pays for."""

    id: str
    status: str
    created_at: datetime
    period: tuple[datetime, datetime] | None
    charges: tuple[Charge, ...] = ()


@dataclass(frozen=True)
class SubscriptionFacts:
    """One subscription with all its bills and the money behind them, as Stripe answered."""

    id: str
    attempt: str | None
    status: str
    customer_id: str | None
    email: str | None
    amount_minor: int
    currency: str
    interval: str
    current_period_end: datetime | None
    cancel_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    invoices: tuple[Invoice, ...] = ()

    @property
    def past_due_since(self) -> datetime | None:
        """When the oldest bill that is still open was made."""
        return min((invoice.created_at for invoice in self.invoices if invoice.status == "open"), default=None)


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

    @property
    def is_paid(self) -> bool:
        """Whether this may be granted."""
        return self.status == "complete" and self.payment_status in ("paid", "no_payment_required")


def read_checkout(body: Json) -> Checkout:
    """Read a Checkout session."""
    return Checkout(
        id=body["id"],
        url=body.get("url"),
        status=body.get("status") or "open",
        payment_status=body.get("payment_status") or "unpaid",
        attempt=read_attempt(body) or body.get("client_reference_id"),
        customer_id=reference(body.get("customer")),
        email=_inside(body.get("customer_details")).get("email"),
        subscription_id=reference(body.get("subscription")),
        payment_intent_id=reference(body.get("payment_intent")),
    )


def read_charge(body: Json) -> Charge:
    """Read a charge with its balance transaction and refunds expanded."""
    refunds = _rows(body.get("refunds"))
    return Charge(
        id=body["id"],
        amount_minor=body["amount"],
        currency=body["currency"],
        fee_minor=_fee(body),
        created_at=instant(body["created"]),
        payment_intent_id=reference(body.get("payment_intent")),
        customer_id=reference(body.get("customer")),
        attempt=read_attempt(body),
        refunds=tuple(_read_refund(refund) for refund in refunds if refund.get("status") in ("succeeded", "pending", None)),
        has_more_refunds=bool(_inside(body.get("refunds")).get("has_more")),
    )


def read_subscription(body: Json, invoices: Sequence[Json], charges: Iterable[Charge]) -> SubscriptionFacts:
    """Read a subscription with its invoices and its customer's charges."""
    items = _rows(body.get("items"))
    price = _inside(_inside(items[0] if items else None).get("price"))
    # The pinned API has the period on the item, older ones on the subscription.
    ends = [item["current_period_end"] for item in items if item.get("current_period_end")]
    period_end = optional_instant(min(ends) if ends else body.get("current_period_end"))
    stops_with_period = body.get("cancel_at_period_end") and not body.get("cancel_at")
    charges = tuple(charges)
    return SubscriptionFacts(
        id=body["id"],
        attempt=read_attempt(body),
        status=body["status"],
        customer_id=reference(body.get("customer")),
        email=_inside(body.get("customer")).get("email"),
        amount_minor=sum((_inside(item.get("price")).get("unit_amount") or 0) * (item.get("quantity") or 1) for item in items),
        currency=body.get("currency") or price.get("currency") or "",
        interval="year" if _inside(price.get("recurring")).get("interval") == "year" else "month",
        current_period_end=period_end,
        cancel_at=period_end if stops_with_period else optional_instant(body.get("cancel_at")),
        ended_at=optional_instant(body.get("ended_at")),
        created_at=instant(body["created"]),
        invoices=tuple(_read_invoice(invoice, charges) for invoice in invoices),
    )


def read_attempt(body: Json) -> str | None:
    """Return the attempt that a thing's metadata names; None for what is not ours."""
    value = _inside(body.get("metadata")).get(ATTEMPT)
    return value if isinstance(value, str) else None


def reference(value: Any) -> str | None:
    """Return the id of what is given by its id or, expanded, as an object."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else None


def instant(seconds: int) -> datetime:
    """Return the instant of Stripe's whole seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def optional_instant(seconds: int | None) -> datetime | None:
    """Return the instant, None for none."""
    return None if seconds is None else instant(seconds)


def _read_invoice(body: Json, charges: Sequence[Charge]) -> Invoice:
    paid_by = {reference(body.get("payment_intent")), reference(body.get("charge"))}  # older shapes
    for row in _rows(body.get("payments")):
        payment = _inside(row.get("payment"))
        paid_by |= {reference(payment.get("payment_intent")), reference(payment.get("charge"))}
    own = tuple(charge for charge in charges if {charge.id, charge.payment_intent_id} & (paid_by - {None}))
    return Invoice(body["id"], body.get("status") or "draft", instant(body["created"]), _period(body), own)


def _period(body: Json) -> tuple[datetime, datetime] | None:
    """Return the time that an invoice pays for: that of its lines, not its own, which looks back."""
    periods = [_inside(line.get("period")) for line in _rows(body.get("lines")) if not _is_proration(line)]
    starts = [period["start"] for period in periods if period.get("start")]
    ends = [period["end"] for period in periods if period.get("end")]
    if not starts or not ends or min(starts) >= max(ends):
        return None
    return instant(min(starts)), instant(max(ends))


def _is_proration(line: Json) -> bool:
    details = _inside(_inside(line.get("parent")).get("subscription_item_details"))
    return bool(details.get("proration") or line.get("proration"))


def _read_refund(body: Json) -> Refund:
    return Refund(body["id"], body["amount"], _fee(body), instant(body["created"]))


def _fee(body: Json) -> int | None:
    """Return what Stripe took, in the currency of the movement itself."""
    booked = body.get("balance_transaction")
    if not isinstance(booked, Mapping):
        return None
    fee, amount = int(booked["fee"]), int(booked["amount"])
    if booked["currency"] == body["currency"] or not amount:
        return fee
    # Booked in the account's own currency: the same share of the amount, to the nearest minor unit.
    return round(fee * int(body["amount"]) / abs(amount))


def _inside(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def _rows(listing: Any) -> list[Json]:
    rows = _inside(listing).get("data")
    return list(rows) if isinstance(rows, list) else []
