"""Somebody withdraws from the contract within its first days: it ends at once, and everything that was taken goes back."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.db import release, transaction
from membership.errors import Conflict, NotFound, Refusal, Unavailable
from membership.patronage import contracts, refundable
from membership.patronage.entitlement import LIVE
from membership.patronage.gateway import Gateway
from membership.patronage.leaving import may_withdraw
from membership.patronage.models import CheckoutAttempt
from membership.patronage.services import ledger, refunds
from membership.patronage.services.syncing import sync_subscription

log = structlog.get_logger()
WITHDRAWAL = "withdrawal"
WITHDRAWN = "withdrawn"


def withdraw(session: Session, gateway: Gateway, *, attempt_id: UUID, actor_id: int | None = None, now: datetime) -> None:
    """Withdraw from what an attempt has paid for; raises NotFound, Conflict (the days for it are over). Safe to repeat.

    It counts from the first commit on, also while Stripe can't be reached: the end and the refunds are then made by the job.
    """
    with transaction(session):
        attempt = ledger.lock_attempt(session, attempt_id)
        if attempt is None:
            raise NotFound("There is no such payment.")
        if attempt.withdrawn_at is None:
            _declare(session, attempt, actor_id, now)
    with suppress(Unavailable):
        _carry_out(session, gateway, attempt_id, now)


def finish_withdrawals(session: Session, gateway: Gateway, *, now: datetime) -> int:
    """End and give back what was withdrawn from and is not done yet; return how many were. Drawn from state, safe to repeat."""
    done = 0
    for attempt_id in contracts.withdrawals_to_finish(session):
        try:
            _carry_out(session, gateway, attempt_id, now)
        except Unavailable:
            break
        except Refusal:
            log.exception("withdrawal.failed", attempt=str(attempt_id))
        else:
            done += 1
    return done


def _declare(session: Session, attempt: CheckoutAttempt, actor_id: int | None, now: datetime) -> None:
    if not may_withdraw(attempt, now):
        raise Conflict("The 14 days in which you can withdraw are over. You can still stop, and nothing more is taken.")
    attempt.withdrawn_at = now
    session.flush()
    _order_refunds(session, attempt.id, now)
    outbox.enqueue(
        session,
        kind=WITHDRAWN,
        key=f"withdrawn:{attempt.id}",
        payload={"attempt_id": str(attempt.id)},
        member_id=attempt.member_id,
        urgent=True,
        now=now,
    )
    by = "sign_in" if actor_id else "link"
    audit.record(session, act="support.withdrawn", subject=("checkout_attempt", attempt.id), actor_id=actor_id, now=now, by=by)


def _carry_out(session: Session, gateway: Gateway, attempt_id: UUID, now: datetime) -> None:
    running = contracts.find_subscription_of(session, attempt_id)
    paid = sum(charge.amount_minor for charge in contracts.charges_of_attempt(session, attempt_id))
    release(session)
    if running is not None and running.status in LIVE:
        gateway.void_open_invoices(running.stripe_id)
        if running.stripe_customer_id and paid:
            # The money that a lowered amount had put to somebody's credit goes back itself.
            gateway.forget_credit(
                running.stripe_customer_id, currency=running.currency, at_most_minor=paid, key=f"credit-{attempt_id}"
            )
        with suppress(NotFound):  # ended at Stripe since
            gateway.cancel_now(running.stripe_id)
        sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)
    with transaction(session):
        # Also what was taken, or became known, after the declaration.
        _order_refunds(session, attempt_id, now)
    refunds.carry_out_refunds(session, gateway, now=now)


def _order_refunds(session: Session, attempt_id: UUID, now: datetime) -> None:
    charges = contracts.charges_of_attempt(session, attempt_id)
    with_something_left = [charge for charge in charges if refundable.left_of(session, charge) > 0]
    refunds.order_all(session, with_something_left, cause=WITHDRAWAL, now=now)
