"""Reading what of a charge can still go back, and which orders to give money back wait or went wrong."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session, aliased

from membership.patronage.models import Dispute, MemberNote, Payment, RefundOrder

# A dispute in which money may be, or was, taken back; a mere inquiry may still be answered by a refund.
TAKEN_BACK = frozenset({"needs_response", "under_review", "lost"})


@dataclass(frozen=True)
class RefundTrouble:
    """Money that was to go back and did not, so that a person has to find another way. code is Stripe's reason, "" if unknown."""

    charge_reference: str
    member_id: int | None
    amount_minor: int | None  # None: all that was left of the charge
    currency: str
    at: datetime
    code: str


def left_of(session: Session, charge: Payment) -> int:
    """Return what of a charge has not gone back and is not ordered to."""
    moved = select(Payment.reference, Payment.amount_minor).where(
        Payment.charge_reference == charge.reference,
        Payment.kind.in_(("refund", "refund_failure")),
    )
    rows = {row.reference: row.amount_minor for row in session.execute(moved)}
    left: int = charge.amount_minor + sum(rows.values())
    for order in orders_of(session, [charge.reference]):
        # One that Stripe has carried out counts once: as long as its own row is not there.
        if not order.refused and order.stripe_refund_id not in rows:
            left = left - order.amount_minor if order.amount_minor is not None else 0
    return max(0, left)


def is_disputed(session: Session, charge_reference: str) -> bool:
    """Return whether the payer's bank may take, or has taken, this charge back."""
    disputes = select(Dispute.stripe_id).where(Dispute.charge_reference == charge_reference, Dispute.status.in_(TAKEN_BACK))
    return session.scalars(disputes.limit(1)).first() is not None


def orders_of(session: Session, charge_references: Collection[str]) -> list[RefundOrder]:
    """Return the orders to give these charges back, oldest first."""
    own = select(RefundOrder).where(RefundOrder.charge_reference.in_(charge_references))
    oldest_first = own.order_by(RefundOrder.ordered_at, RefundOrder.id)
    return list(session.scalars(oldest_first.execution_options(populate_existing=True)))


def is_ordered(session: Session, order_id: UUID) -> bool:
    """Return whether this order was given already."""
    return session.scalar(select(RefundOrder.id).where(RefundOrder.id == order_id)) is not None


def waiting_orders(session: Session) -> list[RefundOrder]:
    """Return the orders that Stripe has neither carried out nor refused, oldest first."""
    waiting = select(RefundOrder).where(RefundOrder.done_at.is_(None), RefundOrder.refused == "")
    return list(session.scalars(waiting.order_by(RefundOrder.ordered_at, RefundOrder.id)))


def refund_troubles(session: Session) -> list[RefundTrouble]:
    """Return what was refused or came back from the bank and nobody has looked after, oldest first.

    Looked after is what was ordered again since, or about whose payer somebody has written a note since.
    """
    found = [RefundTrouble(*row) for row in (*session.execute(_refused()), *session.execute(_failed()))]
    return sorted(found, key=lambda trouble: (trouble.at, trouble.charge_reference))


def _refused() -> Select[str, int | None, int | None, str, datetime, str]:
    later = aliased(RefundOrder)
    again = select(later.id).where(
        later.charge_reference == RefundOrder.charge_reference, later.ordered_at > RefundOrder.ordered_at
    )
    noted = select(MemberNote.id).where(
        MemberNote.member_id == RefundOrder.member_id, MemberNote.written_at > RefundOrder.ordered_at
    )
    return (
        select(
            RefundOrder.charge_reference,
            RefundOrder.member_id,
            RefundOrder.amount_minor,
            func.coalesce(Payment.currency, ""),
            RefundOrder.ordered_at,
            RefundOrder.refused,
        )
        .outerjoin(Payment, (Payment.reference == RefundOrder.charge_reference) & (Payment.kind == "charge"))
        .where(RefundOrder.refused != "", ~again.exists(), ~noted.exists())
    )


def _failed() -> Select[str, int | None, int, str, datetime, str]:
    again = select(RefundOrder.id).where(
        RefundOrder.charge_reference == Payment.charge_reference, RefundOrder.ordered_at > Payment.occurred_at
    )
    noted = select(MemberNote.id).where(MemberNote.member_id == Payment.member_id, MemberNote.written_at > Payment.occurred_at)
    return select(
        func.coalesce(Payment.charge_reference, Payment.reference),
        Payment.member_id,
        Payment.amount_minor,
        Payment.currency,
        Payment.occurred_at,
        literal(""),
    ).where(Payment.kind == "refund_failure", ~again.exists(), ~noted.exists())
