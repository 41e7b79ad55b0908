"""Which of one member's subscriptions is one too many: of those that take money one is kept (DESIGN §4.6). Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from membership.patronage.entitlement import LAPSED, RUNNING, is_paused
from membership.patronage.models import Subscription


@dataclass(frozen=True)
class Surplus:
    """A subscription to end, the one that is kept, and from when on what it took goes back."""

    subscription_id: str
    kept_id: str
    refunds_from: datetime


def takes_money(subscription: Subscription) -> bool:
    """Return whether a subscription takes money by itself, now or when it is mended or resumed.

    One that stops with its paid time takes none any more: somebody may start anew before that end, and loses neither. It counts
    where something is still collected: a bill that failed, or further ones before a later end. One whose first payment was not
    begun (incomplete) has no member yet, and Stripe ends it within a day.
    """
    if subscription.ended_at is not None or subscription.status not in RUNNING | LAPSED:
        return False
    if subscription.cancel_at is None or subscription.status == "past_due":
        return True
    period_end = subscription.current_period_end
    return subscription.status in RUNNING and period_end is not None and subscription.cancel_at > period_end


def surplus_of(subscriptions: Iterable[Subscription], *, paid: Collection[str], at: datetime) -> list[Surplus]:
    """Return which of one member's subscriptions end so that one is left; paid are the ids of those that were ever paid.

    The earliest is kept, unless it takes nothing at the moment (a payment failed, it is paused, its first payment is still on its
    way) while a later one does: then it is the earlier one that ends.
    """
    several = sorted((s for s in subscriptions if takes_money(s)), key=lambda s: (s.created_at, s.stripe_id))
    if len(several) < 2:
        return []
    kept = _kept(several, paid, at)
    before = several[: several.index(kept)]
    return [
        Surplus(s.stripe_id, kept.stripe_id, _refunds_from(s, paid, at) if s in before else s.created_at)
        for s in several
        if s is not kept
    ]


def _kept(several: list[Subscription], paid: Collection[str], at: datetime) -> Subscription:
    well = [s for s in several if s.status in RUNNING and not is_paused(s, at)]
    settled = [s for s in well if s.stripe_id in paid]
    # Where every one of them lapsed, the newest is what the reader wanted last.
    return (settled or well or several[-1:])[0]


def _refunds_from(subscription: Subscription, paid: Collection[str], at: datetime) -> datetime:
    """Return from when on an earlier one's money goes back: the months that it was paid for were used."""
    if subscription.stripe_id not in paid:
        return subscription.created_at
    return subscription.past_due_since or at
