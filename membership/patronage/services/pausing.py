"""A patron pauses until a day, or goes on before it."""

from datetime import datetime

from sqlalchemy.orm import Session

from membership.errors import Conflict
from membership.patronage.calendar import add_months
from membership.patronage.entitlement import RUNNING
from membership.patronage.gateway import Gateway
from membership.patronage.gateway.connection import one_key
from membership.patronage.leaving import LONGEST_PAUSE_MONTHS
from membership.patronage.models import Subscription
from membership.patronage.services.stopping import fetch_support, record_act, refuse_unbegun
from membership.patronage.services.syncing import sync_subscription


def pause_support(
    session: Session, gateway: Gateway, *, subscription_id: str, resumes_at: datetime, actor_id: int | None, now: datetime
) -> None:
    """Take nothing until an instant, from which on Stripe collects again by itself; a running pause gets the new end.

    Raises NotFound, Conflict (nothing would be left out, longer than a year, overdue, stopped), Unavailable. Safe to repeat.
    """
    running = fetch_support(session, gateway, subscription_id, now)
    refuse_pause(running)
    _refuse_day(running, resumes_at, now)
    if running.is_paused and running.resumes_at == resumes_at:
        return
    record_act(session, "support.pause_asked", running, actor_id, now, until=resumes_at.isoformat())
    key = one_key("pause", running.stripe_id, running.claim, resumes_at.timestamp())
    gateway.pause(running.stripe_id, resumes_at=resumes_at, key=key)
    sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)


def unpause_support(session: Session, gateway: Gateway, *, subscription_id: str, actor_id: int | None, now: datetime) -> None:
    """Go on before the pause ends; raises NotFound, Unavailable. Safe to repeat."""
    running = fetch_support(session, gateway, subscription_id, now)
    if not running.is_paused:
        return
    record_act(session, "support.unpause_asked", running, actor_id, now)
    gateway.unpause(running.stripe_id, key=f"unpause-{running.stripe_id}-{running.claim}")
    sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)


def refuse_pause(running: Subscription) -> None:
    """Raise why a support can't be paused now, if it can't."""
    refuse_unbegun(running)
    if running.status in ("past_due", "unpaid"):
        raise Conflict("The last payment did not go through. Please look after it first, or stop your support.")
    if running.status not in RUNNING or running.cancel_at is not None or running.current_period_end is None:
        raise Conflict("Nothing more is taken from you, so there is nothing to pause.")


def _refuse_day(running: Subscription, resumes_at: datetime, now: datetime) -> None:
    assert running.current_period_end is not None
    if resumes_at <= running.current_period_end and not running.is_paused:
        raise Conflict("Choose a day after your next payment; until then nothing is taken anyway.")
    if resumes_at > add_months(now, LONGEST_PAUSE_MONTHS):
        raise Conflict("A pause can last 12 months at most. You can stop, and start again whenever you like.")
