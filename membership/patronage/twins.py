"""Reading who pays twice: two running subscriptions of one member, two memberships under one address."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from membership.accounts.models import Member
from membership.accounts.queries import find_member_who_may_prove
from membership.db import is_postgresql
from membership.errors import NotFound
from membership.patronage import refundable
from membership.patronage.duplicates import takes_money
from membership.patronage.entitlement import LAPSED, RUNNING
from membership.patronage.models import (
    CheckoutAttempt,
    DuplicateSubscription,
    PaidPeriod,
    Payment,
    RefundOrder,
    Subscription,
    TwinNotice,
)

DUPLICATE = "duplicate"
# As long as somebody may wonder about a line on their bank statement.
SHOWN_FOR = timedelta(days=60)


@dataclass(frozen=True)
class Ended:
    """A subscription that was ended because another one of the same member runs, and which of its charges go back."""

    subscription: Subscription
    kept: Subscription
    ended_at: datetime
    charges: tuple[Payment, ...]

    @property
    def is_later(self) -> bool:
        """Whether it was the later one; else the earlier one, which took nothing any more, made way for it."""
        mine, other = self.subscription, self.kept
        return (mine.created_at, mine.stripe_id) > (other.created_at, other.stripe_id)

    @property
    def amount_minor(self) -> int:
        """What goes back in all."""
        return sum(charge.amount_minor for charge in self.charges)


def members_paying_twice(session: Session) -> list[int]:
    """Return the members of whom, as far as we know, more than one subscription takes money."""
    live = Subscription.status.in_(RUNNING | LAPSED)
    several = (
        select(Subscription.member_id)
        .where(Subscription.member_id.is_not(None), live, Subscription.ended_at.is_(None), ~_is_decided())
        .group_by(Subscription.member_id)
        .having(func.count() > 1)
        .order_by(Subscription.member_id)
    )
    found = [member_id for member_id in session.scalars(several) if member_id is not None]
    return [member_id for member_id in found if sum(map(takes_money, undecided_subscriptions_of(session, member_id))) > 1]


def undecided_subscriptions_of(session: Session, member_id: int) -> list[Subscription]:
    """Return a member's subscriptions without those that we end already, oldest first."""
    own = select(Subscription).where(Subscription.member_id == member_id, ~_is_decided())
    oldest_first = own.order_by(Subscription.created_at, Subscription.stripe_id)
    return list(session.scalars(oldest_first.execution_options(populate_existing=True)))


def duplicates_to_end(session: Session) -> list[str]:
    """Return the subscriptions that we have decided to end and that have not ended, oldest decision first."""
    waiting = select(DuplicateSubscription.subscription_id).where(DuplicateSubscription.ended_at.is_(None))
    return list(session.scalars(waiting.order_by(DuplicateSubscription.found_at, DuplicateSubscription.subscription_id)))


def duplicates_that_took_money(session: Session) -> list[str]:
    """Return the ended ones for which a payment has arrived that is not ordered to go back yet."""
    late = _taken().where(DuplicateSubscription.ended_at.is_not(None))
    return sorted({charge.subscription_id or "" for charge in _with_something_left(session, session.scalars(late))})


def charges_to_give_back(session: Session, subscription_id: str) -> list[Payment]:
    """Return what a duplicate took and is not ordered to go back yet."""
    own = _taken().where(DuplicateSubscription.subscription_id == subscription_id)
    return _with_something_left(session, session.scalars(own.order_by(Payment.occurred_at, Payment.id)))


def ended_duplicates_of(session: Session, member_id: int, *, at: datetime) -> list[Ended]:
    """Return what was ended lately because the member paid twice, newest first."""
    own = (
        select(DuplicateSubscription)
        .join(Subscription, Subscription.stripe_id == DuplicateSubscription.subscription_id)
        .where(Subscription.member_id == member_id, DuplicateSubscription.ended_at > at - SHOWN_FOR)
        .order_by(DuplicateSubscription.ended_at.desc(), DuplicateSubscription.subscription_id)
    )
    return [_told(session, duplicate) for duplicate in session.scalars(own)]


def get_duplicate(session: Session, subscription_id: str) -> Ended:
    """Return what there is to tell about one that we end; raises NotFound."""
    duplicate = session.get(DuplicateSubscription, subscription_id)
    if duplicate is None:
        raise NotFound("This support is no duplicate.")
    return _told(session, duplicate)


def _told(session: Session, duplicate: DuplicateSubscription) -> Ended:
    orders = select(RefundOrder.charge_reference).where(RefundOrder.cause == DUPLICATE)
    own = select(Payment).where(
        Payment.subscription_id == duplicate.subscription_id, Payment.kind == "charge", Payment.reference.in_(orders)
    )
    return Ended(
        subscription=session.get_one(Subscription, duplicate.subscription_id),
        kept=session.get_one(Subscription, duplicate.kept_id),
        ended_at=duplicate.ended_at or duplicate.found_at,
        charges=tuple(session.scalars(own.order_by(Payment.occurred_at, Payment.id))),
    )


def unnoticed_twins(session: Session) -> list[tuple[int, int]]:
    """Return each membership under an address that lets somebody else in, and whom; those whose mailbox was asked are left out.

    Only what was paid for or given is a membership: a typed address alone asks nobody anything.
    """
    later, other = Member, aliased(Member)
    owned = exists().where(
        or_(
            other.email == later.typed_email,
            (other.typed_email == later.typed_email) & other.email.is_(None) & (other.id != later.id),
        ),
    )
    # Asked about the address that it has now: who corrects a typed one asks another mailbox.
    asked = exists().where(
        TwinNotice.member_id == later.id,
        or_(later.address_changed_at.is_(None), TwinNotice.noticed_at > later.address_changed_at),
    )
    unproved = select(later).where(later.typed_email.is_not(None), later.email.is_(None), ~asked, owned, _has_membership())
    found = []
    for member in session.scalars(unproved.order_by(later.id)).all():
        earlier = find_member_who_may_prove(session, member.typed_email or "")
        if earlier is not None and earlier.id != member.id:
            found.append((member.id, earlier.id))
    return found


def find_payer_in_browser(session: Session, attempt: CheckoutAttempt) -> int | None:
    """Return who came of another checkout of the same browser that was begun, as this one was, before either was paid.

    That is one person with two tabs; somebody who pays in a shared browser afterwards is not. Never somebody with a proved address:
    a cookie is no proof, and what stands behind a mailbox is joined by that mailbox only. Of two tabs at once one waits here.
    """
    if not attempt.browser_hash:  # forgotten, as those of many others are: which browser it was nobody knows any more
        return None
    if is_postgresql(session):
        browser = f"browser:{attempt.browser_hash.hex()}"
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(browser, 0))))
    other = CheckoutAttempt
    # A bank's payment may be on its way before Stripe has told us that its session is complete.
    on_its_way = other.completed_at.is_(None) & exists().where(Subscription.attempt_id == other.id)
    parallel = (
        select(other.member_id)
        .join(Member, Member.id == other.member_id)
        .where(
            other.browser_hash == attempt.browser_hash,
            other.id != attempt.id,
            Member.email.is_(None),
            Member.closed_at.is_(None),
            (other.completed_at >= attempt.created_at) | on_its_way,
        )
        .order_by(other.created_at, other.id)
    )
    return session.scalars(parallel.limit(1)).first()


def find_notice(session: Session, key: UUID, *, lock: bool = False) -> TwinNotice | None:
    """Return the notice that a mailed link names."""
    if lock:
        # And those that call its later one the earlier: they may be answered at once, and the answer is written to them too.
        later = select(TwinNotice.member_id).where(TwinNotice.key == key).scalar_subquery()
        concerned = select(TwinNotice.member_id).where((TwinNotice.key == key) | (TwinNotice.earlier_member_id == later))
        session.execute(concerned.order_by(TwinNotice.member_id).with_for_update()).all()
    return session.scalar(select(TwinNotice).where(TwinNotice.key == key).execution_options(populate_existing=True))


def _is_decided() -> ColumnElement[bool]:
    return exists().where(DuplicateSubscription.subscription_id == Subscription.stripe_id)


def _taken() -> Select[Payment]:
    """Select the charges of duplicates that are to go back and were not ordered to."""
    ordered = exists().where(RefundOrder.charge_reference == Payment.reference, RefundOrder.cause == DUPLICATE)
    return (
        select(Payment)
        .join(DuplicateSubscription, DuplicateSubscription.subscription_id == Payment.subscription_id)
        .where(Payment.kind == "charge", Payment.occurred_at >= DuplicateSubscription.refunds_from, ~ordered)
    )


def _with_something_left(session: Session, charges: Iterable[Payment]) -> list[Payment]:
    return [charge for charge in charges if refundable.left_of(session, charge)]


def _has_membership() -> ColumnElement[bool]:
    running = Subscription.status.in_(RUNNING | LAPSED)
    return or_(
        exists().where(PaidPeriod.member_id == Member.id),
        exists().where(Subscription.member_id == Member.id, running),
    )
