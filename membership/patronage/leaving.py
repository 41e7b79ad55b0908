"""The rules of pausing, stopping and withdrawing. Pure."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from membership.patronage.calendar import add_months
from membership.patronage.entitlement import LAPSED
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Subscription

WITHDRAWAL_DAYS = 14
LONGEST_PAUSE_MONTHS = 12
# How many payments the pauses on offer leave out.
LEFT_OUT = {"month": (1, 2, 3), "year": (1,)}
MONTHS = {"month": 1, "year": 12}


def withdrawable_until(attempt: CheckoutAttempt) -> datetime | None:
    """Return the last day on which somebody can withdraw from what they paid for; None if that was never so."""
    if attempt.paid_at is None or attempt.withdrawn_at is not None:
        return None
    return attempt.paid_at + timedelta(days=WITHDRAWAL_DAYS)


def may_withdraw(attempt: CheckoutAttempt, at: datetime) -> bool:
    """Return whether the contract can be withdrawn from; its last day counts whole, wherever the reader is."""
    until = withdrawable_until(attempt)
    return until is not None and at < until + timedelta(days=1)


def ends_at_once(subscription: Subscription, periods: Iterable[PaidPeriod], at: datetime) -> bool:
    """Return whether a stopped subscription has no paid time left to end with: a payment failed, it is paused, it was given back.

    While a renewal is being collected there is none either: ended later, the next month would still be taken.
    """
    if subscription.status in LAPSED:
        return True
    if subscription.past_due_since is not None:  # a bank that takes its days collects for time that will be paid then
        return False
    own = [period for period in periods if period.subscription_id == subscription.stripe_id]
    return bool(own) and not any(period.reversed_at is None and period.starts_at <= at < period.ends_at for period in own)


def pause_days(subscription: Subscription, *, zone: ZoneInfo, at: datetime) -> list[date]:
    """Return the days on offer until which to pause, one payment left out more by each; none while the next is too far away."""
    next_payment = subscription.current_period_end
    if next_payment is None:
        return []
    days = [_pause_day(subscription, next_payment, number, zone) for number in LEFT_OUT[subscription.interval]]
    return [day for day in days if day <= last_pause_day(zone=zone, at=at)]


def last_pause_day(*, zone: ZoneInfo, at: datetime) -> date:
    """Return the latest day until which somebody can pause."""
    return add_months(at, LONGEST_PAUSE_MONTHS).astimezone(zone).date()


def beginning_of(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins in the newsroom's zone."""
    return datetime.combine(day, time(), zone)


def first_payment_from(subscription: Subscription, instant: datetime) -> datetime | None:
    """Return when a subscription takes its first payment that is not before this instant."""
    next_payment = subscription.current_period_end
    if next_payment is None:
        return None
    left_out = 0
    while (payment := _payment_after(subscription, next_payment, left_out)) < instant:
        left_out += 1
    return payment


def _pause_day(subscription: Subscription, next_payment: datetime, left_out: int, zone: ZoneInfo) -> date:
    """Return the day of the first payment after the pause; of a yearly one, too far away, the day after the one left out."""
    if subscription.interval == "year":
        return next_payment.astimezone(zone).date() + timedelta(days=1)
    return _payment_after(subscription, next_payment, left_out).astimezone(zone).date()


def _payment_after(subscription: Subscription, next_payment: datetime, left_out: int) -> datetime:
    """Return the payment that follows when so many are left out; one begun on a 31st falls on a month's last day, and back."""
    step = MONTHS[subscription.interval]
    begun = subscription.created_at
    so_far = (next_payment.year - begun.year) * 12 + next_payment.month - begun.month
    if add_months(begun, so_far) == next_payment:
        return add_months(begun, so_far + left_out * step)
    return add_months(next_payment, left_out * step)
