"""Who may vote, as a pure function of paid periods, the subscriptions' projection and the instant (DESIGN §4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from membership.patronage.models import PaidPeriod, Subscription

GRACE = timedelta(days=14)
# At a renewal Stripe drafts the invoice first and charges an hour later; a late event must not cost anybody their vote either.
RENEWAL_SLACK = timedelta(days=3)
# If Stripe is closed to us nobody can renew for a while.
CLOSURE_GRACE = timedelta(days=30)
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

# What becomes of a single payment by a method that takes days.
PENDING, FAILED = "pending", "failed"


@dataclass(frozen=True)
class Standing:
    """What somebody is at an instant; until is the end of what is known, None where there is none."""

    may_vote: bool
    code: str  # patron, cancelling, grace, pending, paused, payment_failed, refunded, disputed, ended, never, staff, closed
    until: datetime | None = None


def standing(
    periods: Iterable[PaidPeriod],
    subscriptions: Iterable[Subscription],
    *,
    is_staff: bool = False,
    is_closed: bool = False,
    once: str | None = None,
    stripe_closed_at: datetime | None = None,
    at: datetime,
) -> Standing:
    """Return what somebody with these periods and subscriptions is at this instant.

    once is PENDING or FAILED if a single payment of theirs takes its days or did not come.
    """
    if is_closed or is_staff:
        return Standing(False, "closed" if is_closed else "staff")
    periods, subscriptions = list(periods), list(subscriptions)
    closed_at = stripe_closed_at if stripe_closed_at and stripe_closed_at <= at else None
    return (
        _by_periods(periods, subscriptions, at)
        or _by_subscriptions(periods, subscriptions, closed_at, at)
        or (Standing(True, "pending") if once == PENDING else None)
        or _reason_against(periods, subscriptions, once, at)
    )


def counts_at_check(
    periods: Iterable[PaidPeriod],
    subscriptions: Iterable[Subscription],
    *,
    cast_entitled: bool = True,
    once: str | None = None,
    stripe_closed_at: datetime | None = None,
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
    if any(not _is_void(period, at) for period in within):
        return None
    if within:
        return REFUNDED
    # Nothing paid within the vote: grace after an earlier paid month counts, a first payment that never came does not.
    grace = CLOSURE_GRACE if stripe_closed_at else GRACE
    paid_before = {
        period.subscription_id
        for period in periods
        if not _is_void(period, at) and (since is None or period.ends_at + grace > since)
    }
    own = list(subscriptions)
    if any(subscription.stripe_id in paid_before for subscription in own):
        return None
    return UNPAID if own or once else NOT_A_PATRON


def paid_until(periods: Iterable[PaidPeriod], at: datetime) -> datetime | None:
    """Return the end of the unbroken time paid for that covers this instant, None if nothing does."""
    end: datetime | None = None
    for period in sorted((p for p in periods if not _is_void(p, at)), key=lambda p: p.starts_at):
        if period.starts_at <= (end or at) and period.ends_at > (end or at):
            end = period.ends_at
    return end


def is_paused(subscription: Subscription, at: datetime) -> bool:
    """Return whether a subscription collects nothing by choice; Stripe ends a pause by itself on its day."""
    if subscription.status not in LIVE or not subscription.is_paused:
        return subscription.status == "paused"
    return subscription.resumes_at is None or subscription.resumes_at > at


def _by_periods(periods: Sequence[PaidPeriod], subscriptions: Sequence[Subscription], at: datetime) -> Standing | None:
    until = paid_until(periods, at)
    if until is None:
        return None
    covering = {p.subscription_id for p in periods if not _is_void(p, at) and p.starts_at <= at < p.ends_at}
    stopping = {s.stripe_id for s in subscriptions if s.cancel_at is not None or s.status == "canceled"}
    # Somebody who also gave once, or by bank, is stopping nothing that this date would end.
    return Standing(True, "cancelling" if covering <= stopping else "patron", until)


def _by_subscriptions(
    periods: Sequence[PaidPeriod], subscriptions: Sequence[Subscription], closed_at: datetime | None, at: datetime
) -> Standing | None:
    found = [_by_subscription(periods, subscription, closed_at, at) for subscription in subscriptions]
    order = ("patron", "grace", "pending")
    return min((one for one in found if one), key=lambda one: order.index(one.code), default=None)


def _by_subscription(
    periods: Sequence[PaidPeriod], subscription: Subscription, closed_at: datetime | None, at: datetime
) -> Standing | None:
    own = [period for period in periods if period.subscription_id == subscription.stripe_id]
    if any(_is_void(period, at) and period.ends_at > at for period in own):
        return None
    if not own:
        return Standing(True, "pending") if _may_still_begin(subscription, at) else None
    last = max((period.ends_at for period in own if not _is_void(period, at)), default=None)
    if closed_at and last and _was_running(subscription, closed_at) and at < last + CLOSURE_GRACE:
        return Standing(True, "patron", last + CLOSURE_GRACE)
    if subscription.cancel_at is not None and subscription.cancel_at <= at:
        return None
    if subscription.status == "past_due":
        ends = (subscription.past_due_since or max(period.ends_at for period in own)) + GRACE
        return Standing(True, "grace", ends) if at < ends else None
    if subscription.status not in RUNNING or is_paused(subscription, at) or last is None:
        return None
    # Not until current_period_end: it moves on by itself while collecting is paused or a bill is voided.
    ends = last + RENEWAL_SLACK
    if subscription.past_due_since is not None:  # a bank that takes its days has the bill
        ends = max(ends, subscription.past_due_since + GRACE)
    return Standing(True, "patron", ends) if at < ends else None


def _may_still_begin(subscription: Subscription, at: datetime) -> bool:
    """Return whether a first payment is on its way."""
    if subscription.cancel_at is not None and subscription.cancel_at <= at:
        return False
    return subscription.status == "incomplete" or (subscription.status in RUNNING and subscription.attention is None)


def _was_running(subscription: Subscription, closed_at: datetime) -> bool:
    """Return whether a subscription would have gone on if Stripe had not been closed; it may have ended there since."""
    if subscription.created_at > closed_at or subscription.cancel_at is not None or is_paused(subscription, closed_at):
        return False
    if subscription.status == "unpaid":
        return subscription.past_due_since is not None and subscription.past_due_since + GRACE > closed_at
    if subscription.status == "canceled":
        return subscription.ended_at is not None and subscription.ended_at >= closed_at
    return subscription.status in RUNNING or subscription.status == "past_due"


def _reason_against(
    periods: Sequence[PaidPeriod], subscriptions: Sequence[Subscription], once: str | None, at: datetime
) -> Standing:
    covering = [period for period in periods if period.starts_at <= at < period.ends_at]
    if any(_is_disputed(period, at) for period in covering):
        return Standing(False, "disputed")
    if covering:  # and none of them gives anything
        return Standing(False, "refunded")
    if any(is_paused(subscription, at) for subscription in subscriptions):
        return Standing(False, "paused")
    paid = {period.subscription_id for period in periods}
    if any(_payment_failed(s, was_paid=s.stripe_id in paid) for s in subscriptions) or (once == FAILED and not periods):
        return Standing(False, "payment_failed")
    over = [period.ends_at for period in periods if period.ends_at <= at]
    if over or any(subscription.status in ("canceled", "unpaid") for subscription in subscriptions):
        return Standing(False, "ended", max(over, default=None))
    return Standing(False, "never")


def _payment_failed(subscription: Subscription, *, was_paid: bool) -> bool:
    if subscription.status == "past_due":
        return True
    is_first = subscription.status == "incomplete_expired" or (
        subscription.status in RUNNING and subscription.attention is not None
    )
    return is_first and not was_paid


def _is_void(period: PaidPeriod, at: datetime) -> bool:
    """Return whether a period gives nothing: its money went back, or is away while a dispute lasts."""
    return _is_reversed(period, at) or _is_disputed(period, at)


def _is_reversed(period: PaidPeriod, at: datetime) -> bool:
    return period.reversed_at is not None and period.reversed_at <= at


def _is_disputed(period: PaidPeriod, at: datetime) -> bool:
    return period.disputed_at is not None and period.disputed_at <= at and not _is_reversed(period, at)
