"""Who may vote, as a pure function of paid periods, the subscriptions' projection and the instant (DESIGN §4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from membership.patronage.models import PaidPeriod, Subscription

GRACE = timedelta(days=14)
# At a renewal Stripe drafts the invoice first and charges an hour later; a late event must not cost anybody their vote either.
RENEWAL_SLACK = timedelta(days=3)
RUNNING = frozenset({"active", "trialing"})
# Subscriptions that are not over.
LIVE = RUNNING | {"past_due", "unpaid", "incomplete", "paused"}
# Those that take money by themselves: nobody is sold a second one.
TAKING = RUNNING | {"incomplete"}
# Those whose paid time is over already: stopped, they end at once.
LAPSED = frozenset({"past_due", "unpaid", "paused"})

REFUNDED = "refunded"
UNPAID = "first_payment_failed"
NOT_A_PATRON = "not_a_patron"


@dataclass(frozen=True)
class Standing:
    """What somebody is at an instant; until is the end of what is known, None where there is none."""

    may_vote: bool
    code: str  # patron, cancelling, grace, pending, paused, payment_failed, refunded, ended, never, staff
    until: datetime | None = None


def standing(
    periods: Iterable[PaidPeriod], subscriptions: Iterable[Subscription], *, is_staff: bool = False, at: datetime
) -> Standing:
    """Return what somebody with these periods and subscriptions is at this instant."""
    if is_staff:
        return Standing(False, "staff")
    periods, subscriptions = list(periods), list(subscriptions)
    return (
        _by_periods(periods, subscriptions, at)
        or _by_subscriptions(periods, subscriptions, at)
        or _reason_against(periods, subscriptions, at)
    )


def counts_at_check(
    periods: Iterable[PaidPeriod],
    subscriptions: Iterable[Subscription],
    *,
    cast_entitled: bool = True,
    at: datetime,
    since: datetime | None = None,
) -> str | None:
    """Return why a ballot is set aside when the box is checked, None if it counts.

    since is the vote's opening: what was paid and given back before it says nothing about this vote. A patronage that has merely
    ended since the ballot was cast does not matter; money that came back, or a first payment that never arrived, does.
    """
    if not cast_entitled:
        return NOT_A_PATRON
    periods = [period for period in periods if period.starts_at <= at]
    within = [period for period in periods if since is None or period.ends_at > since]
    if any(not _is_reversed(period, at) for period in within):
        return None
    if within:
        return REFUNDED
    # Nothing paid within the vote: grace after an earlier paid month counts, a first payment that never came does not.
    paid_before = {
        period.subscription_id
        for period in periods
        if not _is_reversed(period, at) and (since is None or period.ends_at + GRACE > since)
    }
    own = list(subscriptions)
    if any(subscription.stripe_id in paid_before for subscription in own):
        return None
    return UNPAID if own else NOT_A_PATRON


def paid_until(periods: Iterable[PaidPeriod], at: datetime) -> datetime | None:
    """Return the end of the unbroken time paid for that covers this instant, None if nothing does."""
    end: datetime | None = None
    for period in sorted((p for p in periods if not _is_reversed(p, at)), key=lambda p: p.starts_at):
        if period.starts_at <= (end or at) and period.ends_at > (end or at):
            end = period.ends_at
    return end


def _by_periods(periods: Sequence[PaidPeriod], subscriptions: Sequence[Subscription], at: datetime) -> Standing | None:
    until = paid_until(periods, at)
    if until is None:
        return None
    covering = {p.subscription_id for p in periods if not _is_reversed(p, at) and p.starts_at <= at < p.ends_at}
    stopping = {s.stripe_id for s in subscriptions if s.cancel_at is not None or s.status == "canceled"}
    # Somebody who also gave once, or by bank, is stopping nothing that this date would end.
    return Standing(True, "cancelling" if covering <= stopping else "patron", until)


def _by_subscriptions(periods: Sequence[PaidPeriod], subscriptions: Sequence[Subscription], at: datetime) -> Standing | None:
    found = [_by_subscription(periods, subscription, at) for subscription in subscriptions]
    order = ("patron", "grace", "pending")
    return min((one for one in found if one), key=lambda one: order.index(one.code), default=None)


def _by_subscription(periods: Sequence[PaidPeriod], subscription: Subscription, at: datetime) -> Standing | None:
    own = [period for period in periods if period.subscription_id == subscription.stripe_id]
    if subscription.cancel_at is not None and subscription.cancel_at <= at:
        return None
    if any(_is_reversed(period, at) and period.ends_at > at for period in own):
        return None
    if not own:
        return Standing(True, "pending") if subscription.status in RUNNING | {"incomplete"} else None
    if subscription.status == "past_due":
        ends = (subscription.past_due_since or max(period.ends_at for period in own)) + GRACE
        return Standing(True, "grace", ends) if at < ends else None
    if subscription.status in RUNNING:
        # Not until current_period_end: it moves on by itself while collecting is paused or a bill is voided.
        ends = max((period.ends_at + RENEWAL_SLACK for period in own if not _is_reversed(period, at)), default=at)
        return Standing(True, "patron", ends) if at < ends else None
    return None


def _reason_against(periods: Sequence[PaidPeriod], subscriptions: Sequence[Subscription], at: datetime) -> Standing:
    if any(_is_reversed(period, at) and period.starts_at <= at < period.ends_at for period in periods):
        return Standing(False, "refunded")
    statuses = {subscription.status for subscription in subscriptions}
    paid = {period.subscription_id for period in periods}
    if "paused" in statuses:
        return Standing(False, "paused")
    if "past_due" in statuses or any(s.status == "incomplete_expired" and s.stripe_id not in paid for s in subscriptions):
        return Standing(False, "payment_failed")
    over = [period.ends_at for period in periods if period.ends_at <= at]
    if over or statuses & {"canceled", "unpaid"}:
        return Standing(False, "ended", max(over, default=None))
    return Standing(False, "never")


def _is_reversed(period: PaidPeriod, at: datetime) -> bool:
    return period.reversed_at is not None and period.reversed_at <= at
