"""Which payments of somebody's are with a bank that takes its days: whatever we end, their money may still come."""

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from membership.patronage.models import CheckoutAttempt, Subscription
from membership.patronage.shapes.subscriptions import OVER


def is_subscription_of(member_id: int) -> ColumnElement[bool]:
    """Say which subscriptions are a member's; until a first bill is paid only the attempt says whose it will be."""
    begun = select(CheckoutAttempt.id).where(CheckoutAttempt.member_id == member_id)
    unpaid = and_(Subscription.member_id.is_(None), Subscription.attempt_id.in_(begun))
    return or_(Subscription.member_id == member_id, unpaid)


def may_take_money() -> ColumnElement[bool]:
    """Say which subscriptions may take money: they run, or they are over and a debit of theirs is with the bank."""
    return or_(Subscription.status.not_in(OVER), Subscription.open_invoice_id.is_not(None))


def delayed_attempts(member_id: int, *, mailbox: str | None) -> ColumnElement[bool]:
    """Say which of a member's attempts are completed and neither paid nor failed; mailbox is their proved address, for gifts."""
    own = CheckoutAttempt.member_id == member_id
    return and_(or_(own, CheckoutAttempt.buyer_email == mailbox) if mailbox else own, is_with_bank())


def is_with_bank() -> ColumnElement[bool]:
    """Say which attempts are completed and neither paid nor failed."""
    attempt = CheckoutAttempt
    return and_(attempt.completed_at.is_not(None), attempt.paid_at.is_(None), attempt.failed_at.is_(None))


def has_payment_with_bank(session: Session, member_id: int, *, mailbox: str | None) -> bool:
    """Return whether money of somebody whose support has ended may still come."""
    late = exists().where(is_subscription_of(member_id), Subscription.status.in_(OVER), Subscription.open_invoice_id.is_not(None))
    return bool(session.scalar(select(or_(late, exists().where(delayed_attempts(member_id, mailbox=mailbox))))))
