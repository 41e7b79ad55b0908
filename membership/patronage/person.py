"""Reading one person's support for those who look after payments. Never anything of a ballot."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from membership.accounts.address_changes import changes_of
from membership.accounts.models import AddressChange, Member
from membership.accounts.queries import get_member
from membership.db import Base
from membership.errors import NotFound
from membership.outbox import OutboxItem
from membership.patronage import queries, twins
from membership.patronage.entitlement import Standing
from membership.patronage.models import (
    CheckoutAttempt,
    DeclinedCharge,
    Dispute,
    Gift,
    MemberNote,
    PaidPeriod,
    Payment,
    RefundOrder,
    StripeCustomer,
    Subscription,
    TwinNotice,
)

Row = TypeVar("Row", bound=Base)

# A dispute that asks nothing of anybody any more.
CLOSED = frozenset({"won", "lost", "warning_closed", "prevented"})


@dataclass(frozen=True)
class Note:
    """What was noted and the name of who wrote it; without name somebody who is no longer here."""

    row: MemberNote
    author: str


@dataclass(frozen=True)
class Person:
    """Everything about one person's support, each list newest first."""

    member: Member
    standing: Standing
    periods: list[PaidPeriod]
    subscriptions: list[Subscription]
    payments: list[Payment]
    declined: list[DeclinedCharge]
    orders: list[RefundOrder]
    disputes: list[Dispute]
    redeemed: list[Gift]
    bought: list[Gift]
    notes: list[Note]
    mails: list[OutboxItem]
    duplicates: list[twins.Ended]
    customers: list[StripeCustomer]
    later_twins: list[TwinNotice]  # memberships begun later under this address
    twin_of: TwinNotice | None  # this membership was begun later under somebody's address
    address_change: AddressChange | None  # the newest


def person_of(session: Session, member_id: int, *, at: datetime) -> Person:
    """Return everything about one person's support; raises NotFound."""
    bought = select(CheckoutAttempt.id).where(CheckoutAttempt.member_id == member_id)
    return Person(
        member=get_member(session, member_id),
        standing=queries.standing_of(session, member_id, at=at),
        periods=queries.periods_of(session, member_id)[::-1],
        subscriptions=queries.subscriptions_of(session, member_id),
        payments=queries.payments_of(session, member_id),
        declined=_rows(session, DeclinedCharge, DeclinedCharge.member_id == member_id, DeclinedCharge.occurred_at),
        orders=_rows(session, RefundOrder, RefundOrder.member_id == member_id, RefundOrder.ordered_at),
        disputes=_rows(session, Dispute, Dispute.member_id == member_id, Dispute.opened_at),
        redeemed=_rows(session, Gift, Gift.redeemed_by == member_id, Gift.created_at),
        bought=_rows(session, Gift, Gift.attempt_id.in_(bought), Gift.created_at),
        notes=notes_of(session, member_id),
        mails=_rows(session, OutboxItem, OutboxItem.member_id == member_id, OutboxItem.id),
        duplicates=twins.ended_duplicates_of(session, member_id, at=at),
        customers=_rows(session, StripeCustomer, StripeCustomer.member_id == member_id, StripeCustomer.created_at),
        later_twins=_rows(session, TwinNotice, TwinNotice.earlier_member_id == member_id, TwinNotice.noticed_at),
        twin_of=session.get(TwinNotice, member_id),
        address_change=next(iter(changes_of(session, member_id)), None),
    )


def notes_of(session: Session, member_id: int) -> list[Note]:
    """Return what was noted about a member, newest first."""
    rows = (
        select(MemberNote, Member.display_name, Member.id)
        .outerjoin(Member, Member.id == MemberNote.author_id)
        .where(MemberNote.member_id == member_id)
        .order_by(MemberNote.written_at.desc(), MemberNote.id.desc())
    )
    return [Note(note, name or (f"#{author_id}" if author_id else "")) for note, name, author_id in session.execute(rows)]


def open_disputes(session: Session) -> list[Dispute]:
    """Return the disputes that are not decided, the one whose evidence is due first in front."""
    undecided = select(Dispute).where(Dispute.closed_at.is_(None), Dispute.status.not_in(CLOSED))
    due_first = undecided.order_by(Dispute.evidence_due_at.is_(None), Dispute.evidence_due_at, Dispute.stripe_id)
    return list(session.scalars(due_first))


def get_charge_of(session: Session, member_id: int, payment_id: int) -> Payment:
    """Return a member's card payment; raises NotFound for what is none, or not theirs."""
    own = (Payment.id == payment_id, Payment.member_id == member_id, Payment.kind == "charge", Payment.source == "stripe")
    found = session.scalar(select(Payment).where(*own).execution_options(populate_existing=True))
    if found is None:
        raise NotFound("There is no such card payment.")
    return found


def last_payment_of(session: Session, member_id: int) -> Payment | None:
    """Return a member's newest payment, the one that a receipt is sent for."""
    own = select(Payment).where(Payment.member_id == member_id, Payment.kind.in_(("charge", "manual")))
    return session.scalars(own.order_by(Payment.occurred_at.desc(), Payment.id.desc()).limit(1)).first()


def _rows(session: Session, model: type[Row], own: ColumnElement[bool], by: Any) -> list[Row]:
    return list(session.scalars(select(model).where(own).order_by(by.desc()).execution_options(populate_existing=True)))
