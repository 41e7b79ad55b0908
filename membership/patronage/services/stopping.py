"""A patron stops, or starts again."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy.orm import Session

from membership import audit
from membership.db import release, transaction
from membership.errors import Conflict, NotFound
from membership.patronage import contracts, queries
from membership.patronage.entitlement import LIVE
from membership.patronage.gateway import Gateway
from membership.patronage.leaving import ends_at_once
from membership.patronage.models import Subscription
from membership.patronage.services.syncing import sync_subscription


def stop_support(
    session: Session, gateway: Gateway, *, subscription_id: str, actor_id: int | None, reason: str = "", now: datetime
) -> None:
    """Let a support end with its paid time, at once where none is left; then its open bills are void too.

    actor_id is None for who came by a signed link. Raises NotFound, Conflict, Unavailable. Safe to repeat: what has stopped stays.
    """
    # Asked first: what is overdue at Stripe and not yet here would otherwise go on being collected.
    running = fetch_support(session, gateway, subscription_id, now)
    if running.status not in LIVE:
        return
    refuse_unbegun(running)
    periods = queries.periods_of(session, running.member_id) if running.member_id else []
    if ends_at_once(running, periods, now):
        record_act(session, "support.stop_asked", running, actor_id, now, reason=reason)
        end_support(session, gateway, running, now)
    elif running.cancel_at is None:
        record_act(session, "support.stop_asked", running, actor_id, now, reason=reason)
        gateway.stop_at_period_end(running.stripe_id, key=f"stop-{running.stripe_id}-{running.claim}")
        sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)


def stop_all_support(session: Session, gateway: Gateway, *, member_id: int, reason: str = "", now: datetime) -> None:
    """Stop everything that takes a member's money; raises NotFound, Conflict, Unavailable."""
    live = queries.live_subscriptions_of(session, member_id)
    if not live:
        raise NotFound("You have no running support, so there is nothing to stop.")
    # One whose first payment is still on its way must not keep the others running.
    begun = [running for running in live if running.status != "incomplete"] or live
    for running in begun:
        stop_support(session, gateway, subscription_id=running.stripe_id, actor_id=member_id, reason=reason, now=now)


def resume_support(session: Session, gateway: Gateway, *, subscription_id: str, actor_id: int | None, now: datetime) -> None:
    """Take back a stop whose end has not come yet; raises NotFound, Conflict (it has ended), Unavailable."""
    running = fetch_support(session, gateway, subscription_id, now)
    if running.status not in LIVE:
        raise Conflict("Your support has ended already. You can start again with the same amount.")
    if running.cancel_at is None:
        return
    record_act(session, "support.resume_asked", running, actor_id, now)
    gateway.resume(running.stripe_id, key=f"resume-{running.stripe_id}-{running.claim}")
    sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)


def refuse_unbegun(running: Subscription) -> None:
    """Raise Conflict while the first payment is on its way: nothing can be done at Stripe before."""
    if running.status == "incomplete":
        raise Conflict("Your first payment is still on its way. Please try again when it has arrived.")


def fetch_support(session: Session, gateway: Gateway, subscription_id: str, now: datetime) -> Subscription:
    """Return a subscription as it is at Stripe; raises NotFound for one that is nobody's, Unavailable."""
    sync_subscription(session, gateway, stripe_id=subscription_id, now=now)
    found = contracts.get_subscription(session, subscription_id)
    release(session)
    return found


def record_act(
    session: Session, act: str, running: Subscription, actor_id: int | None, now: datetime, *, reason: str = "", **details: object
) -> None:
    """Write down what somebody asks for before Stripe is asked."""
    with transaction(session):
        audit.record(
            session,
            act=act,
            subject=("subscription", running.stripe_id),
            actor_id=actor_id,
            now=now,
            reason=reason,
            # Nobody is signed in where a link was used.
            by="sign_in" if actor_id else "link",
            **details,
        )


def end_support(session: Session, gateway: Gateway, running: Subscription, now: datetime) -> None:
    """End a support at once and void its open bills; safe to repeat."""
    with suppress(NotFound):  # ended at Stripe since
        gateway.cancel_now(running.stripe_id)
    gateway.void_open_invoices(running.stripe_id)
    sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)
