"""When a support takes its next payment, and whether its card lasts until then. Pure."""

from datetime import datetime, timedelta

from membership.patronage.entitlement import RUNNING, is_paused
from membership.patronage.leaving import first_payment_from
from membership.patronage.models import Subscription

# A yearly renewal is told two weeks ahead: at least one is left when a mail needs its days.
REMIND_BEFORE = timedelta(days=14)


def next_payment(subscription: Subscription, at: datetime) -> datetime | None:
    """Return when a support takes its next payment by itself; None if it stops, is overdue, or is paused for good."""
    if subscription.status not in RUNNING or subscription.cancel_at is not None or subscription.current_period_end is None:
        return None
    if is_paused(subscription, at):
        return first_payment_from(subscription, subscription.resumes_at) if subscription.resumes_at else None
    return subscription.current_period_end


def card_expires_first(subscription: Subscription, at: datetime) -> bool:
    """Return whether the card that pays has run out before the next payment is due."""
    due = next_payment(subscription, at)
    return due is not None and subscription.card_expires is not None and subscription.card_expires < due.date()


def is_to_be_told(subscription: Subscription, at: datetime) -> bool:
    """Return whether the next payment is so near, and such, that its payer is told before: a year's, or one its card misses."""
    due = next_payment(subscription, at)
    if due is None or not at < due <= at + REMIND_BEFORE:
        return False
    return subscription.interval == "year" or card_expires_first(subscription, at)
