"""Stripe's events: kept before anything is done about them, then worked on until they have had their effect (DESIGN §4.2)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from membership.db import insert_into, release, transaction
from membership.errors import NotFound, Unavailable
from membership.logs import name_of
from membership.patronage import queries
from membership.patronage.gateway import Gateway
from membership.patronage.models import StripeEvent
from membership.patronage.services import ledger
from membership.patronage.services.projecting import IGNORED, OVERTAKEN, SECOND, WRITTEN
from membership.patronage.services.syncing import sync_charge, sync_checkout, sync_deleted_customer, sync_subscription
from membership.patronage.signature import ParsedEvent

log = structlog.get_logger()

# What each event is about. Its payload is not believed: it only says what to ask for.
ABOUT = {
    "checkout.session.completed": "checkout",
    "checkout.session.async_payment_succeeded": "checkout",
    "checkout.session.async_payment_failed": "checkout",
    "checkout.session.expired": "checkout",
    "customer.subscription.created": "subscription",
    "customer.subscription.updated": "subscription",
    "customer.subscription.deleted": "subscription",
    "customer.subscription.paused": "subscription",
    "customer.subscription.resumed": "subscription",
    "invoice.paid": "subscription",
    "invoice.payment_failed": "subscription",
    "invoice.payment_action_required": "subscription",
    "invoice.finalized": "subscription",
    "invoice.voided": "subscription",
    "invoice.marked_uncollectible": "subscription",
    "customer.deleted": "customer",
    "charge.failed": "charge",
    "charge.updated": "charge",
    "charge.refunded": "charge",
    "charge.refund.updated": "charge",
    "charge.dispute.created": "charge",
    "charge.dispute.updated": "charge",
    "charge.dispute.closed": "charge",
    "charge.dispute.funds_withdrawn": "charge",
    "charge.dispute.funds_reinstated": "charge",
    "refund.created": "charge",
    "refund.updated": "charge",
    "refund.failed": "charge",
}
MAX_TRIES = 13  # with BACKOFF almost three days, as long as Stripe itself repeats


def keep_event(session: Session, parsed: ParsedEvent, *, livemode: bool, now: datetime) -> StripeEvent | None:
    """Keep an event under its id; return it if it waits to be worked on (unknown types and the other mode don't)."""
    state = "new" if parsed.type in ABOUT and parsed.livemode == livemode else "ignored"
    if parsed.livemode != livemode:
        log.warning("stripe.wrong_livemode", event_id=parsed.id, livemode=parsed.livemode)
    values = {
        "stripe_id": parsed.id,
        "type": parsed.type,
        "created_at": parsed.created_at,
        "received_at": now,
        "livemode": parsed.livemode,
        "api_version": parsed.api_version,
        "object_type": parsed.object_type,
        "object_id": parsed.object_id,
        "subscription_id": parsed.subscription_id,
        "charge_id": parsed.charge_id,
        "state": state,
        "done_at": now if state == "ignored" else None,
    }
    with transaction(session):
        fresh = insert_into(session, StripeEvent).values(**values).on_conflict_do_nothing().returning(StripeEvent)
        kept = session.scalars(fresh, execution_options={"populate_existing": True}).first()
        event = kept or session.get_one(StripeEvent, parsed.id, populate_existing=True)
    return event if event.state == "new" else None


def work_on_event(session: Session, gateway: Gateway, event: StripeEvent, *, now: datetime) -> str:
    """Give an event that waits its effect; return what became of it. Unavailable: noted, the sweep tries again."""
    event_id = event.stripe_id
    try:
        return _act(session, gateway, event, now)
    except NotFound as error:  # deleted at Stripe since: nothing to learn any more
        with transaction(session):
            ledger.finish_event(session, event_id, state=IGNORED, now=now, why=error.message)
        return IGNORED
    except Unavailable:
        _note_failure(session, event_id, "Unavailable")
        return "unavailable"


def sweep_events(session: Session, gateway: Gateway, *, now: Callable[[], datetime]) -> int:
    """Work on every event that still waits and is due; return how many are done.

    One that fails does not stop the others; Stripe unreachable does: what else waits for this worker must not wait for Stripe.
    """
    done = 0
    for event in queries.new_events(session, tries_below=MAX_TRIES):
        if now() < event.received_at + _backoff(event.tries):
            continue
        try:
            outcome = _work_if_it_still_waits(session, gateway, event_id=event.stripe_id, now=now())
        except Exception as error:
            log.exception("stripe.event_failed", event_id=event.stripe_id, type=event.type)
            _note_failure(session, event.stripe_id, name_of(error))
            continue
        if outcome == "unavailable":
            break
        done += outcome in (WRITTEN, SECOND, OVERTAKEN, IGNORED)
    return done


def _work_if_it_still_waits(session: Session, gateway: Gateway, *, event_id: str, now: datetime) -> str:
    """Work on an event of a list that was read a while ago: the webhook may have done it since."""
    event = session.get_one(StripeEvent, event_id, populate_existing=True)
    release(session)
    return work_on_event(session, gateway, event, now=now) if event.state == "new" else event.state


def _act(session: Session, gateway: Gateway, event: StripeEvent, now: datetime) -> str:
    about = ABOUT[event.type]
    if about == "checkout":
        return sync_checkout(session, gateway, stripe_session_id=event.object_id, now=now, event_id=event.stripe_id)
    if about == "subscription" and event.subscription_id:
        return sync_subscription(session, gateway, stripe_id=event.subscription_id, now=now, event_id=event.stripe_id)
    if about == "charge" and event.charge_id:
        return sync_charge(session, gateway, charge_id=event.charge_id, now=now, event_id=event.stripe_id)
    if about == "customer":
        return sync_deleted_customer(session, gateway, customer_id=event.object_id, now=now, event_id=event.stripe_id)
    with transaction(session):  # an invoice of no subscription
        ledger.finish_event(session, event.stripe_id, state=IGNORED, now=now, why="not ours")
    return IGNORED


def _backoff(tries: int) -> timedelta:
    return timedelta(minutes=2**tries - 1)


def _note_failure(session: Session, event_id: str, error: str) -> None:
    with transaction(session):
        session.execute(
            update(StripeEvent)
            .where(StripeEvent.stripe_id == event_id, StripeEvent.state == "new")
            .values(tries=StripeEvent.tries + 1, last_error=error),
        )
