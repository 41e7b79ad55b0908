"""Reading what somebody has agreed to: the support that runs, what can be withdrawn from, and what a signed link names."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Exists, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from membership.accounts.models import Member
from membership.errors import NotFound
from membership.patronage.calendar import add_months
from membership.patronage.entitlement import LIVE
from membership.patronage.leaving import WITHDRAWAL_DAYS, may_withdraw
from membership.patronage.models import CancelRequest, CheckoutAttempt, Payment, Plan, RefundOrder, Subscription


@dataclass(frozen=True)
class Contract:
    """One paid attempt, and the support that runs by it; None where it was paid once, or is over."""

    attempt: CheckoutAttempt
    running: Subscription | None


def get_attempt(session: Session, attempt_id: UUID) -> CheckoutAttempt:
    """Return the attempt as it is now; raises NotFound."""
    found = session.get(CheckoutAttempt, attempt_id, populate_existing=True)
    if found is None:
        raise NotFound("There is no such payment.")
    return found


def get_subscription(session: Session, stripe_id: str) -> Subscription:
    """Return a subscription as it is now; raises NotFound."""
    found = session.get(Subscription, stripe_id, populate_existing=True)
    if found is None:
        raise NotFound("There is no such support.")
    return found


def get_plan_of(session: Session, subscription: Subscription) -> Plan:
    """Return the plan that a subscription is paid by, offered still or not."""
    attempt = session.get(CheckoutAttempt, subscription.attempt_id) if subscription.attempt_id else None
    plan = session.get(Plan, attempt.plan_id) if attempt else None
    if plan is None:
        raise NotFound("There is no such support.")
    return plan


def find_attempt_by_link(session: Session, link_key: UUID) -> CheckoutAttempt | None:
    """Return what a signed link names; None once it was revoked."""
    named = select(CheckoutAttempt).where(CheckoutAttempt.link_key == link_key)
    return session.scalar(named.execution_options(populate_existing=True))


def find_subscription_of(session: Session, attempt_id: UUID) -> Subscription | None:
    """Return the newest support that an attempt led to, running or not."""
    own = select(Subscription).where(Subscription.attempt_id == attempt_id)
    newest = own.order_by(Subscription.created_at.desc(), Subscription.stripe_id).limit(1)
    return session.scalars(newest.execution_options(populate_existing=True)).first()


def withdrawable_of(session: Session, member_id: int, *, at: datetime) -> list[CheckoutAttempt]:
    """Return what a member can still withdraw from, newest first."""
    recent = select(CheckoutAttempt).where(
        CheckoutAttempt.member_id == member_id,
        CheckoutAttempt.paid_at > at - timedelta(days=WITHDRAWAL_DAYS + 1),
    )
    newest_first = recent.order_by(CheckoutAttempt.paid_at.desc(), CheckoutAttempt.id)
    found = session.scalars(newest_first.execution_options(populate_existing=True))
    return [attempt for attempt in found if may_withdraw(attempt, at)]


def charges_of_attempt(session: Session, attempt_id: UUID) -> list[Payment]:
    """Return every card payment that an attempt led to, renewals too, oldest first."""
    subscriptions = select(Subscription.stripe_id).where(Subscription.attempt_id == attempt_id)
    own = select(Payment).where(
        Payment.kind == "charge",
        or_(Payment.attempt_id == attempt_id, Payment.subscription_id.in_(subscriptions)),
    )
    return list(session.scalars(own.order_by(Payment.occurred_at, Payment.id).execution_options(populate_existing=True)))


def months_of_support(session: Session, member_id: int, *, at: datetime) -> int:
    """Return over how many months somebody has given something, the present one included; 0 if they never have."""
    own = select(func.min(Payment.occurred_at)).where(Payment.member_id == member_id, Payment.amount_minor > 0)
    first = session.scalar(own)
    if first is None:
        return 0
    months = (at.year - first.year) * 12 + at.month - first.month
    return months + 1 if add_months(first, months) <= at else months


def contracts_of_mailbox(session: Session, address: str, *, at: datetime) -> list[Contract]:
    """Return all that runs or can be withdrawn from of everybody who has this address, proved or only typed, newest first."""
    people = select(Member.id).where(or_(Member.email == address, (Member.typed_email == address) & Member.email.is_(None)))
    paid = select(CheckoutAttempt).where(
        or_(CheckoutAttempt.member_id.in_(people), CheckoutAttempt.buyer_email == address),
        or_(CheckoutAttempt.paid_at.is_not(None), CheckoutAttempt.completed_at.is_not(None)),
    )
    newest_first = paid.order_by(CheckoutAttempt.created_at.desc(), CheckoutAttempt.id)
    found = [Contract(attempt, _running(session, attempt)) for attempt in session.scalars(newest_first)]
    return [each for each in found if each.running is not None or may_withdraw(each.attempt, at)]


def language_of_mailbox(session: Session, address: str) -> str | None:
    """Return the language of whoever has this address; None if nobody has."""
    people = select(Member.language).where(or_(Member.email == address, Member.typed_email == address))
    return session.scalars(people.order_by(Member.email.is_(None), Member.id).limit(1)).first()


def withdrawals_to_finish(session: Session) -> list[UUID]:
    """Return what was withdrawn from while it still runs, or took something that is not ordered back; the longest ago first."""
    own = Subscription.attempt_id == CheckoutAttempt.id
    runs = exists().where(own, Subscription.status.in_(LIVE))
    ordered = exists().where(RefundOrder.charge_reference == Payment.reference)
    took = exists().where(Payment.attempt_id == CheckoutAttempt.id, Payment.kind == "charge", ~ordered, ~_went_back())
    withdrawn = select(CheckoutAttempt.id).where(CheckoutAttempt.withdrawn_at.is_not(None), runs | took)
    return list(session.scalars(withdrawn.order_by(CheckoutAttempt.withdrawn_at, CheckoutAttempt.id)))


def count_cancel_requests_of_last_hour(session: Session, address: str, *, now: datetime) -> int:
    """Return how many mails with the way out were asked for this address in the last hour."""
    recent = (CancelRequest.email == address, CancelRequest.requested_at > now - timedelta(hours=1))
    return session.scalar(select(func.count()).select_from(CancelRequest).where(*recent)) or 0


def _went_back() -> Exists:
    back = aliased(Payment)
    return exists().where(back.charge_reference == Payment.reference, back.kind.in_(("refund", "dispute")))


def _running(session: Session, attempt: CheckoutAttempt) -> Subscription | None:
    found = find_subscription_of(session, attempt.id)
    return found if found is not None and found.status in LIVE and found.cancel_at is None else None
