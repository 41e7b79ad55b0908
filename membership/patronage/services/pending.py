"""First payments that take their days: Stripe is asked again, in case its word of them never reached us."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from membership.db import release
from membership.errors import NotFound
from membership.patronage.delayed import is_with_bank
from membership.patronage.entitlement import RUNNING
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Subscription
from membership.patronage.services.syncing import sync_checkout, sync_subscription


def sync_first_payments(session: Session, gateway: Gateway, *, member_ids: Collection[int], now: datetime) -> int:
    """Bring each first payment of these members that has neither come nor failed up to date; return how many.

    Raises Unavailable.
    """
    among = set(member_ids)
    subscriptions = [stripe_id for stripe_id, member_id in _pending_subscriptions(session) if member_id in among]
    checkouts = [session_id for session_id, member_id in _pending_checkouts(session) if member_id in among]
    release(session)
    for stripe_id in subscriptions:
        with suppress(NotFound):  # nothing is left of it there
            sync_subscription(session, gateway, stripe_id=stripe_id, now=now)
    for session_id in checkouts:
        with suppress(NotFound):
            sync_checkout(session, gateway, stripe_session_id=session_id, now=now)
    return len(subscriptions) + len(checkouts)


def _pending_subscriptions(session: Session) -> list[tuple[str, int | None]]:
    was_paid = exists().where(PaidPeriod.subscription_id == Subscription.stripe_id)
    begun = select(Subscription.stripe_id, Subscription.member_id).where(
        Subscription.status.in_(RUNNING | {"incomplete"}), Subscription.member_id.is_not(None), ~was_paid
    )
    return [(row.stripe_id, row.member_id) for row in session.execute(begun.order_by(Subscription.stripe_id))]


def _pending_checkouts(session: Session) -> list[tuple[str, int | None]]:
    """Return the completed single payments that were neither paid nor declined."""
    begun = select(CheckoutAttempt.stripe_session_id, CheckoutAttempt.member_id).where(
        CheckoutAttempt.interval == "once",
        CheckoutAttempt.purpose == "membership",
        CheckoutAttempt.member_id.is_not(None),
        CheckoutAttempt.stripe_session_id.is_not(None),
        is_with_bank(),
    )
    rows = session.execute(begun.order_by(CheckoutAttempt.id))
    return [(row.stripe_session_id, row.member_id) for row in rows if row.stripe_session_id]
