"""The mails before a payment: a year's renewal, and a card that runs out before the next one. Nobody is told twice."""

from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from membership import outbox
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage import queries
from membership.patronage.entitlement import RUNNING
from membership.patronage.models import DuplicateSubscription, Subscription
from membership.patronage.renewals import REMIND_BEFORE, is_to_be_told, next_payment

BEFORE_RENEWAL, CARD_EXPIRES = "renewal_reminder", "card_expires"


def remind(session: Session, *, now: datetime) -> int:
    """Tell each payer once what is taken soon, late too if this did not run for days; return how many are told.

    While Stripe is closed to us nothing is taken, and nobody is told.
    """
    if queries.find_stripe_closure(session) is not None:
        return 0
    with transaction(session):
        told = {reminder_key(row, now): row for row in session.scalars(_may_be_told(now)) if is_to_be_told(row, now)}
        known = set(session.scalars(select(OutboxItem.key).where(OutboxItem.key.in_(told))))
        for key, row in told.items():
            if key not in known:
                payload = {"subscription_id": row.stripe_id, "key": key}
                outbox.enqueue(session, kind=_kind(row), key=key, payload=payload, member_id=row.member_id, now=now)
    return len(told.keys() - known)


def reminder_key(subscription: Subscription, now: datetime) -> str:
    """Return what names a reminder: a year by the day it renews, a card by the last day it works."""
    if subscription.interval == "year":
        due = next_payment(subscription, now)
        return f"renewal:{subscription.stripe_id}:{due.date() if due else None}"
    return f"card-expires:{subscription.stripe_id}:{subscription.card_last4}:{subscription.card_expires}"


def _may_be_told(now: datetime) -> Select[Subscription]:
    """Select the few that the rule can apply to; of two of the same person one is ended, and that has a mail of its own."""
    is_duplicate = exists().where(DuplicateSubscription.subscription_id == Subscription.stripe_id)
    running = (Subscription.member_id.is_not(None), Subscription.status.in_(RUNNING), Subscription.cancel_at.is_(None))
    soon = now + REMIND_BEFORE
    renews = (Subscription.interval == "year") & (Subscription.is_paused | (Subscription.current_period_end <= soon))
    expires = Subscription.card_expires < soon.date()
    return select(Subscription).where(*running, renews | expires, ~is_duplicate).order_by(Subscription.stripe_id)


def _kind(subscription: Subscription) -> str:
    # The mail about a year says of its card too that it runs out.
    return BEFORE_RENEWAL if subscription.interval == "year" else CARD_EXPIRES
