"""Reading what the account page says: what makes somebody a patron, what is taken next, and what needs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.patronage import queries, twins
from membership.patronage.entitlement import RUNNING, Standing
from membership.patronage.models import CheckoutAttempt, Gift, PaidPeriod, Subscription, TransferReference
from membership.patronage.renewals import card_expires_first, next_payment


@dataclass(frozen=True)
class Support:
    """A support that runs, when it takes its next payment, and whether its card lasts until then."""

    row: Subscription
    next_payment: datetime | None
    card_expires_first: bool


@dataclass(frozen=True)
class Account:
    """One person's support at an instant."""

    standing: Standing
    supports: tuple[Support, ...]  # that run; those that stop stand last
    ended: Subscription | None  # the newest one, running or not
    trouble: Subscription | None  # the one whose payment needs its payer
    given: dict[str, datetime]  # by what else they are a patron, and until when
    is_on_its_way: bool  # a patron while the next payment is being collected
    gifts: list[Gift]
    transfer_reference: str | None
    duplicates: list[twins.Ended]
    is_closed: bool  # Stripe is closed to us

    @property
    def running(self) -> list[Subscription]:
        """The subscriptions that run."""
        return [support.row for support in self.supports]

    @property
    def paused(self) -> Subscription | None:
        """The one that is paused by choice."""
        return next((row for row in self.running if row.is_paused), None)

    @property
    def ways(self) -> list[str]:
        """By what they are a patron, each once."""
        by_card = [] if all(row.status not in RUNNING for row in self.running) else ["subscription"]
        return by_card + list(self.given)


def account_of(session: Session, member: Member, *, at: datetime) -> Account:
    """Return everything that a member's own page says of their support."""
    standing = queries.standing_of(session, member.id, at=at)
    periods = [each for each in queries.periods_of(session, member.id) if not each.reversed_at and not each.disputed_at]
    running = queries.live_subscriptions_of(session, member.id)
    return Account(
        standing=standing,
        supports=tuple(Support(row, next_payment(row, at), card_expires_first(row, at)) for row in running),
        ended=next(iter(queries.subscriptions_of(session, member.id)), None),
        trouble=next((row for row in running if needs_its_payer(row)), None),
        given=_given(periods, at),
        is_on_its_way=standing.code == "patron" and not any(each.starts_at <= at < each.ends_at for each in periods),
        gifts=gifts_bought_by(session, member.id),
        transfer_reference=find_transfer_reference(session, member.id),
        duplicates=twins.ended_duplicates_of(session, member.id, at=at),
        is_closed=queries.find_stripe_closure(session) is not None,
    )


def needs_its_payer(subscription: Subscription) -> bool:
    """Return whether a payment did not go through that its payer can still mend."""
    if subscription.status == "past_due":
        return True
    return subscription.attention is not None and subscription.status in RUNNING | {"incomplete"}


def gifts_bought_by(session: Session, member_id: int) -> list[Gift]:
    """Return the gifts that a member has paid for, newest first."""
    bought = select(CheckoutAttempt.id).where(CheckoutAttempt.member_id == member_id, CheckoutAttempt.purpose == "gift")
    newest_first = select(Gift).where(Gift.attempt_id.in_(bought)).order_by(Gift.created_at.desc(), Gift.id)
    return list(session.scalars(newest_first.execution_options(populate_existing=True)))


def find_transfer_reference(session: Session, member_id: int) -> str | None:
    """Return the personal reference that a member puts into transfers, if they have asked for one."""
    return session.scalar(select(TransferReference.reference).where(TransferReference.member_id == member_id))


def _given(periods: Sequence[PaidPeriod], at: datetime) -> dict[str, datetime]:
    given: dict[str, datetime] = {}
    for each in periods:
        if each.source != "subscription" and each.ends_at > at:
            given[each.source] = max(each.ends_at, given.get(each.source, each.ends_at))
    return given
