"""Charges: money taken, or not, with all that went back of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from membership.patronage.shapes.disputes import DisputeFacts
from membership.patronage.shapes.reading import Json, fee_of, inside, instant, read_attempt, reference, rows
from membership.patronage.shapes.refunds import Refund, read_refund

SUCCEEDED, FAILED, PENDING = "succeeded", "failed", "pending"


@dataclass(frozen=True)
class Charge:
    """One try to take money; fee_minor is None until Stripe has booked it."""

    id: str
    amount_minor: int
    currency: str
    fee_minor: int | None
    created_at: datetime
    payment_intent_id: str | None
    customer_id: str | None
    attempt: str | None
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[DisputeFacts, ...] = ()
    status: str = SUCCEEDED  # pending while a bank takes its days, failed
    decline_code: str = ""
    card_fingerprint: str = ""  # the same for every customer who pays with this card

    @property
    def given_back_at(self) -> datetime | None:
        """When the last of it was back with its payer, refunded or by a lost dispute; None as long as something is left."""
        back = [(refund.amount_minor, refund.created_at) for refund in self.refunds if refund.has_gone]
        back += [(dispute.amount_minor, dispute.withdrawn_at) for dispute in self.disputes if dispute.is_lost]
        if not back or sum(amount for amount, _ in back) < self.amount_minor:
            return None
        return max(at for _, at in back)

    @property
    def disputed_at(self) -> datetime | None:
        """Since when a dispute over it is undecided; None if none is."""
        return min((dispute.withdrawn_at for dispute in self.disputes if dispute.is_open), default=None)


@dataclass(frozen=True)
class Booking:
    """One movement of money as our books keep it: under a unique id, what went out negative."""

    kind: str
    reference: str
    amount_minor: int
    fee_minor: int | None
    at: datetime


def bookings_of(charge: Charge) -> Iterator[Booking]:
    """Give every movement of money that belongs to a charge; none for one that failed or is on its way."""
    if charge.status != SUCCEEDED:
        return
    yield Booking("charge", charge.id, charge.amount_minor, charge.fee_minor, charge.created_at)
    for refund in charge.refunds:
        if refund.is_booked:
            yield Booking("refund", refund.id, -refund.amount_minor, refund.fee_minor, refund.created_at)
        if refund.is_booked and refund.failure_reference and refund.failed_at:
            fee = refund.failure_fee_minor
            yield Booking("refund_failure", refund.failure_reference, refund.amount_minor, fee, refund.failed_at)
    for dispute in charge.disputes:
        for moved in dispute.movements:
            kind = "dispute" if moved.amount_minor < 0 else "dispute_reversal"
            yield Booking(kind, moved.id, moved.amount_minor, moved.fee_minor, moved.at)


def read_charge(body: Json, *, refunds: Iterable[Json] | None = None, disputes: Iterable[DisputeFacts] = ()) -> Charge:
    """Read a charge with its balance transaction and refunds expanded; refunds are given where its own list is not all of them."""
    own = rows(body.get("refunds")) if refunds is None else refunds
    return Charge(
        id=body["id"],
        amount_minor=body["amount"],
        currency=body["currency"],
        fee_minor=fee_of(body.get("balance_transaction"), body["amount"], body["currency"]),
        created_at=instant(body["created"]),
        payment_intent_id=reference(body.get("payment_intent")),
        customer_id=reference(body.get("customer")),
        attempt=read_attempt(body),
        refunds=tuple(read_refund(refund) for refund in own),
        disputes=tuple(disputes),
        status=body.get("status") or SUCCEEDED,
        decline_code=_decline_code(body),
        card_fingerprint=inside(inside(body.get("payment_method_details")).get("card")).get("fingerprint") or "",
    )


def _decline_code(body: Json) -> str:
    """Return why it failed, in the bank's word where there is one."""
    return inside(body.get("outcome")).get("reason") or body.get("failure_code") or ""
