"""Invoices: what a subscription asks for, and the time that it pays for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from membership.patronage.shapes.charges import FAILED, PENDING, SUCCEEDED, Charge
from membership.patronage.shapes.reading import Json, inside, instant, optional_instant, reference, rows


@dataclass(frozen=True)
class Invoice:
    """One bill of a subscription; period is the time it pays for, None where it only evens out a change of amount."""

    id: str
    status: str  # draft, open, paid, void, uncollectible
    created_at: datetime
    period: tuple[datetime, datetime] | None
    charges: tuple[Charge, ...] = ()
    declined: tuple[Charge, ...] = ()
    payment_intent_id: str | None = None
    url: str | None = None  # Stripe's own page where it can be paid
    next_attempt_at: datetime | None = None
    is_with_bank: bool = False  # a debit of it takes its days; Stripe voids no such bill without recalling it

    @property
    def given_back_at(self) -> datetime | None:
        """When all that was paid for it was back with its payer; what credit has paid stays paid."""
        given_back = [charge.given_back_at for charge in self.charges]
        return max((at for at in given_back if at), default=None) if all(given_back) else None

    @property
    def disputed_at(self) -> datetime | None:
        """Since when a dispute over it is undecided."""
        return min((at for at in (charge.disputed_at for charge in self.charges) if at), default=None)


def read_invoice(body: Json, charges: Sequence[Charge]) -> Invoice:
    """Read an invoice with its payments expanded, and pick its own charges out of these."""
    intents, paid_by = _payments(body)
    own = [charge for charge in charges if charge.id in paid_by or charge.payment_intent_id in intents]
    return Invoice(
        id=body["id"],
        status=body.get("status") or "draft",
        created_at=instant(body["created"]),
        period=_period(body),
        charges=tuple(charge for charge in own if charge.status == SUCCEEDED),
        declined=tuple(charge for charge in own if charge.status == FAILED),
        payment_intent_id=next(iter(intents), None),
        url=body.get("hosted_invoice_url"),
        next_attempt_at=optional_instant(body.get("next_payment_attempt")),
        is_with_bank=body.get("status") != "void" and any(charge.status == PENDING for charge in own),
    )


def _payments(body: Json) -> tuple[list[str], set[str]]:
    """Return the payment intents, the latest first, and the charges that an invoice names; older shapes name one of each."""
    payments = [inside(row.get("payment")) for row in rows(body.get("payments"))]
    intents = [reference(payment.get("payment_intent")) for payment in payments] + [reference(body.get("payment_intent"))]
    charges = [reference(payment.get("charge")) for payment in payments] + [reference(body.get("charge"))]
    return [intent for intent in intents if intent], {charge for charge in charges if charge}


def _period(body: Json) -> tuple[datetime, datetime] | None:
    """Return the time that an invoice pays for: that of its lines, not its own, which looks back."""
    periods = [inside(line.get("period")) for line in rows(body.get("lines")) if not _is_proration(line)]
    starts = [period["start"] for period in periods if period.get("start")]
    ends = [period["end"] for period in periods if period.get("end")]
    if not starts or not ends or min(starts) >= max(ends):
        return None
    return instant(min(starts)), instant(max(ends))


def _is_proration(line: Json) -> bool:
    parent = inside(line.get("parent"))
    kinds = (inside(parent.get(kind)) for kind in ("subscription_item_details", "invoice_item_details"))
    return bool(line.get("proration") or any(details.get("proration") for details in kinds))
