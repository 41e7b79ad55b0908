"""Nobody pays twice: of two running subscriptions of one member one ends, and what it took goes back (DESIGN §4.6)."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.db import insert_into, release, transaction
from membership.errors import Conflict, NotFound, Refusal, Unavailable
from membership.money import MAX_MINOR
from membership.patronage import queries, twins
from membership.patronage.duplicates import Surplus, surplus_of
from membership.patronage.gateway import Gateway
from membership.patronage.models import DuplicateSubscription, Subscription
from membership.patronage.services import ledger, refunds
from membership.patronage.services.syncing import sync_subscription

log = structlog.get_logger()
MAIL = "duplicate_refunded"


def end_duplicates(session: Session, gateway: Gateway, *, now: datetime) -> int:
    """End every subscription that runs beside another one of the same member, and give back what it took; return how many ended.

    Drawn from state and safe to repeat, with several workers, and after a crash between any two steps: which one ends is decided
    and committed before Stripe is asked to end it, and everything after that can be done again. Without Stripe it waits.
    """
    ended = 0
    try:
        for member_id in twins.members_paying_twice(session):
            with _on_its_own(member=member_id):
                _decide(session, gateway, member_id, now)
        for subscription_id in twins.duplicates_to_end(session):
            with _on_its_own(subscription=subscription_id):
                ended += _end(session, gateway, subscription_id, now)
        # A bank's payment may arrive days after its subscription was ended.
        for subscription_id in twins.duplicates_that_took_money(session):
            _give_back(session, subscription_id, now)
        refunds.carry_out_refunds(session, gateway, now=now)
    except Unavailable:
        log.warning("duplicates.interrupted")
    return ended


@contextmanager
def _on_its_own(**what: object) -> Iterator[None]:
    """Let one that fails not stop the others; Stripe out of reach stops all."""
    try:
        yield
    except Unavailable:
        raise
    except Refusal:
        log.exception("duplicates.failed", **what)


def _decide(session: Session, gateway: Gateway, member_id: int, now: datetime) -> None:
    """Write down which subscription ends, after asking Stripe how each of them is: nobody may be left without one."""
    for subscription in twins.undecided_subscriptions_of(session, member_id):
        release(session)
        with suppress(NotFound):
            sync_subscription(session, gateway, stripe_id=subscription.stripe_id, now=now)
    with transaction(session):
        # What is decided refers to them: like everybody we lock them before the member.
        own = select(Subscription.stripe_id).where(Subscription.member_id == member_id).order_by(Subscription.stripe_id)
        locked = set(session.scalars(own.with_for_update(read=True, key_share=True)))
        # Two workers decide one after the other, and the second finds it decided.
        ledger.lock_time_of(session, [member_id])
        # What has become theirs since is the next run's: to lock it now would be in another order.
        subscriptions = [each for each in twins.undecided_subscriptions_of(session, member_id) if each.stripe_id in locked]
        paid = {period.subscription_id for period in queries.periods_of(session, member_id) if period.subscription_id}
        for surplus in surplus_of(subscriptions, paid=paid, at=now):
            _write_down(session, surplus, now)


def _write_down(session: Session, surplus: Surplus, now: datetime) -> None:
    session.execute(
        insert_into(session, DuplicateSubscription)
        .values(
            subscription_id=surplus.subscription_id,
            kept_id=surplus.kept_id,
            refunds_from=surplus.refunds_from,
            found_at=now,
        )
        .on_conflict_do_nothing(),
    )
    subject = ("subscription", surplus.subscription_id)
    audit.record(session, act="duplicate.found", subject=subject, actor_id=None, now=now, kept=surplus.kept_id)


def _end(session: Session, gateway: Gateway, subscription_id: str, now: datetime) -> int:
    ending = twins.get_duplicate(session, subscription_id)
    release(session)
    with suppress(NotFound):  # ended at Stripe since
        gateway.cancel_now(subscription_id)
    with suppress(NotFound, Conflict):  # a payment that is on its way keeps its bill open: what arrives goes back
        gateway.void_open_invoices(subscription_id)
    mine, kept = ending.subscription.stripe_customer_id, ending.kept.stripe_customer_id
    if ending.is_later and mine and mine != kept:
        # What a lowered amount had put to its credit was paid with the charges that go back.
        currency = ending.subscription.currency
        gateway.forget_credit(mine, currency=currency, at_most_minor=MAX_MINOR, key=f"credit-{subscription_id}")
    with suppress(NotFound):
        sync_subscription(session, gateway, stripe_id=subscription_id, now=now)
    return _give_back(session, subscription_id, now)


def _give_back(session: Session, subscription_id: str, now: datetime) -> int:
    """Note that a duplicate has ended, order what it took, and tell the reader, all at once; return 1 if it was this call."""
    with transaction(session):
        duplicate = session.get_one(DuplicateSubscription, subscription_id, with_for_update=True, populate_existing=True)
        is_first = duplicate.ended_at is None
        duplicate.ended_at = duplicate.ended_at or now
        charges = twins.charges_to_give_back(session, subscription_id)
        refunds.order_all(session, charges, cause=twins.DUPLICATE, now=now)
        if is_first or charges:
            _tell(session, subscription_id, [charge.reference for charge in charges], now)
    return int(is_first)


def _tell(session: Session, subscription_id: str, charges: list[str], now: datetime) -> None:
    member_id = session.get_one(Subscription, subscription_id).member_id
    if member_id is not None:
        outbox.enqueue(
            session,
            kind=MAIL,
            key=":".join((twins.DUPLICATE, subscription_id, *charges)),
            payload={"subscription_id": subscription_id, "charges": charges},
            member_id=member_id,
            now=now,
        )
