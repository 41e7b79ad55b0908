"""Refunds: money on its way back, and what becomes of it."""

from dataclasses import dataclass
from datetime import datetime

from membership.patronage.shapes.reading import Json, fee_of, inside, instant, optional_instant, reference

# What never reached its payer.
FAILED = frozenset({"failed", "canceled"})


@dataclass(frozen=True)
class Refund:
    """Money given back of one charge; one that failed keeps its booking, and a second booking brings the money back to us."""

    id: str
    amount_minor: int
    fee_minor: int | None
    created_at: datetime
    status: str = "succeeded"  # pending, requires_action, succeeded, failed, canceled
    is_booked: bool = True  # it has left our balance
    failure_reference: str | None = None
    failure_fee_minor: int | None = None
    failed_at: datetime | None = None

    @property
    def has_gone(self) -> bool:
        """Whether its payer has it, or will have by all that is known."""
        return self.is_booked and self.status not in FAILED


def read_refund(body: Json) -> Refund:
    """Read a refund with both of its balance transactions expanded."""
    status, amount, currency = body.get("status") or "succeeded", int(body["amount"]), body["currency"]
    booked, failure = body.get("balance_transaction"), body.get("failure_balance_transaction")
    created_at = instant(body["created"])
    return Refund(
        id=body["id"],
        amount_minor=amount,
        fee_minor=fee_of(booked, amount, currency),
        created_at=created_at,
        status=status,
        # Old shapes say only that it succeeded.
        is_booked=booked is not None or status == "succeeded",
        failure_reference=reference(failure),
        failure_fee_minor=fee_of(failure, amount, currency),
        failed_at=optional_instant(inside(failure).get("created")) or (created_at if failure else None),
    )
