"""Disputes: a payer's bank takes a charge back, until it is decided or for good."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from membership.patronage.shapes.reading import Json, fee_of, inside, instant, optional_instant, rows

OPEN = frozenset({"needs_response", "under_review"})
LOST = "lost"
# An inquiry (warning_…) takes nothing; "prevented" was refunded before it became one.
CLOSED = frozenset({"won", LOST, "warning_closed", "prevented"})


@dataclass(frozen=True)
class Movement:
    """One booking on our balance: money that left is negative."""

    id: str
    amount_minor: int
    fee_minor: int | None
    at: datetime


@dataclass(frozen=True)
class DisputeFacts:
    """One dispute and what it moved."""

    id: str
    amount_minor: int
    currency: str
    status: str
    reason: str
    created_at: datetime
    evidence_due_at: datetime | None
    movements: tuple[Movement, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether the money is away and nothing is decided."""
        return self.status in OPEN

    @property
    def is_lost(self) -> bool:
        """Whether the payer's bank keeps the money."""
        return self.status == LOST

    @property
    def is_closed(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status in CLOSED

    @property
    def withdrawn_at(self) -> datetime:
        """When the money left: an inquiry may have come long before."""
        return min((movement.at for movement in self.movements if movement.amount_minor < 0), default=self.created_at)


def read_dispute(body: Json) -> DisputeFacts:
    """Read a dispute; its balance transactions are always there in full."""
    amount, currency = int(body["amount"]), body["currency"]
    booked = body.get("balance_transactions")
    return DisputeFacts(
        id=body["id"],
        amount_minor=amount,
        currency=currency,
        status=body.get("status") or "unknown",
        reason=body.get("reason") or "",
        created_at=instant(body["created"]),
        evidence_due_at=optional_instant(inside(body.get("evidence_details")).get("due_by")),
        movements=tuple(_read_movement(row, amount, currency) for row in (booked if isinstance(booked, list) else rows(booked))),
    )


def _read_movement(booked: Json, disputed: int, currency: str) -> Movement:
    amount: Any = int(booked["amount"])
    if booked["currency"] != currency:  # booked in the account's own currency
        amount = disputed if amount > 0 else -disputed
    return Movement(booked["id"], amount, fee_of(booked, disputed, currency), instant(booked["created"]))
