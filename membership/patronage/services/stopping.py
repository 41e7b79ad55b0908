"""A patron stops, or starts again."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy.orm import Session

from membership import audit
from membership.db import release, transaction
from membership.errors import Conflict, NotFound
from membership.patronage import queries
from membership.patronage.entitlement import LAPSED
from membership.patronage.gateway import Gateway
from membership.patronage.models import Subscription
from membership.patronage.services.syncing import sync_subscription


def stop_support(session: Session, gateway: Gateway, *, member_id: int, reason: str = "", now: datetime) -> None:
    """Let everything that takes the member's money end with its paid time, at once where none is left.

    Raises NotFound, Conflict, Unavailable. Safe to repeat: what stops already is only asked about again.
    """
    for running in _own(session, member_id):
        if running.status in LAPSED:
            _record(session, "support.stop_asked", running, member_id, now, reason)
            with suppress(NotFound):  # ended at Stripe since
                gateway.cancel_now(running.stripe_id)
        elif running.cancel_at is None:
            _record(session, "support.stop_asked", running, member_id, now, reason)
            gateway.stop_at_period_end(running.stripe_id, key=f"stop-{running.stripe_id}-{running.claim}")
        sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)


def resume_support(session: Session, gateway: Gateway, *, member_id: int, now: datetime) -> None:
    """Take back a stop whose end has not come yet, of the newest support; raises NotFound, Conflict, Unavailable."""
    running = _own(session, member_id)[0]
    if running.cancel_at is not None:
        _record(session, "support.resume_asked", running, member_id, now)
        gateway.resume(running.stripe_id, key=f"resume-{running.stripe_id}-{running.claim}")
    sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)


def _own(session: Session, member_id: int) -> list[Subscription]:
    live = queries.live_subscriptions_of(session, member_id)
    release(session)
    if not live:
        raise NotFound("You have no running support, so there is nothing to stop.")
    begun = [subscription for subscription in live if subscription.status != "incomplete"]
    if not begun:
        raise Conflict("Your first payment is still on its way. Please try again when it has arrived.")
    return begun


def _record(session: Session, act: str, running: Subscription, member_id: int, now: datetime, reason: str = "") -> None:
    with transaction(session):
        audit.record(session, act=act, subject=("subscription", running.stripe_id), actor_id=member_id, now=now, reason=reason)
