"""An account is deleted: first nothing may run at Stripe any more, then what we know of the payer goes; the books stay (DESIGN §8).

Stripe is asked before anything is deleted, and what it answers is brought in by the ordinary sync. Every step may be done twice.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.accounts import closures
from membership.accounts.closures import Closing
from membership.accounts.models import AccountClosure
from membership.accounts.queries import get_member
from membership.db import release, transaction
from membership.errors import Conflict, NotFound, Refusal, Unavailable
from membership.patronage.delayed import delayed_attempts, has_payment_with_bank, is_subscription_of, may_take_money
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt, StripeCustomer, Subscription
from membership.patronage.services.redacting import redact
from membership.patronage.services.syncing import sync_checkout, sync_subscription

log = structlog.get_logger()
PART = "money"
TRY_AGAIN_AFTER = timedelta(minutes=10)
One = TypeVar("One", AccountClosure, Closing)


class StillRuns(Conflict):
    """Something may still take money although we have ended all we can, or Stripe has not let go of a customer."""

    def __init__(self) -> None:
        super().__init__("Stripe has not confirmed that nothing more is taken.")


def confirm_closures(session: Session, gateway: Gateway, *, now: datetime) -> int:
    """Let Stripe end what runs for accounts that are to be deleted, and delete its customers; return how many it confirmed.

    What it does not confirm is held up: nothing is deleted, its owner and staff are told once, and it is tried again.
    """

    def confirm(closure: AccountClosure) -> int:
        _let_go(session, gateway, closure.member_id, now)
        _confirm(session, closure, now)
        return 1

    found = closures.closures_to_confirm(session, tried_before=now - TRY_AGAIN_AFTER)
    return _each(session, found, confirm, _hold_up, is_confirmed=False, now=now)


def redact_closed(session: Session, gateway: Gateway, *, now: datetime) -> int:
    """Let go of what we know of the payers of deleted accounts; return of how many. Their payments stay under their numbers."""

    def forget(closing: Closing) -> int:
        # Begun while the account was being deleted: it must not run on for nobody.
        _end_all(session, gateway, closing.member_id, _mailbox_of(session, closing.id), now)
        _delete_customers(session, gateway, closing.member_id)
        return _redact(session, closing.id, closing.member_id, now)

    return _each(session, closures.closures_without(session, PART), forget, _note_held_up, is_confirmed=True, now=now)


def _each(
    session: Session,
    found: Iterable[One],
    step: Callable[[One], int],
    hold_up: Callable[[Session, One, datetime], None],
    *,
    is_confirmed: bool,
    now: datetime,
) -> int:
    """Do a step for each closure that is free; what fails is held up, tried again later, and stops nobody behind it."""
    done = 0
    for one in found:
        if not _claim(session, one.id, now, is_confirmed=is_confirmed):
            continue
        try:
            done += step(one)
        except Refusal as refusal:
            log.warning("closure.held_up", closure=one.id, error=type(refusal).__name__)
            hold_up(session, one, now)
            if isinstance(refusal, Unavailable):
                break
        except Exception:
            session.rollback()
            log.exception("closure.failed", closure=one.id)
            hold_up(session, one, now)
    return done


def _claim(session: Session, closure_id: int, now: datetime, *, is_confirmed: bool) -> bool:
    """Let one worker ask, and not every minute."""
    free = func.coalesce(AccountClosure.tried_at < now - TRY_AGAIN_AFTER, True)
    stage = AccountClosure.confirmed_at.is_not(None) if is_confirmed else AccountClosure.confirmed_at.is_(None)
    with transaction(session):
        claimed = update(AccountClosure).where(AccountClosure.id == closure_id, stage, free)
        return session.scalar(claimed.values(tried_at=now).returning(AccountClosure.id)) is not None


def _let_go(session: Session, gateway: Gateway, member_id: int, now: datetime) -> None:
    for session_id in _open_checkouts(session, member_id):
        with suppress(Conflict, NotFound):  # paid or expired since
            gateway.expire_checkout(session_id)
        with suppress(NotFound):
            sync_checkout(session, gateway, stripe_session_id=session_id, now=now)
    _end_all(session, gateway, member_id, get_member(session, member_id).email, now)
    _delete_customers(session, gateway, member_id)


def _delete_customers(session: Session, gateway: Gateway, member_id: int) -> None:
    """Let Stripe delete a member's customers; raises StillRuns if it says that it has not, or may not be asked about one."""
    found = _customers_of(session, member_id)
    elsewhere = _elsewhere(gateway, found)
    for customer_id in sorted(set(found) - elsewhere):
        with suppress(NotFound):
            gateway.delete_customer(customer_id)
        if not gateway.is_customer_deleted(customer_id):
            raise StillRuns
    if elsewhere:
        raise StillRuns


def _elsewhere(gateway: Gateway, found: Mapping[str, str]) -> set[str]:
    """Return what belongs to another Stripe account than the one we ask: that this one does not know it says nothing."""
    return {stripe_id for stripe_id, account in found.items() if account and account != gateway.account_id()}


def _end_all(session: Session, gateway: Gateway, member_id: int, mailbox: str | None, now: datetime) -> None:
    """End everything that takes a member's money, at once; raises StillRuns if some may still come."""
    _end_running(session, gateway, member_id, now)
    delayed = select(CheckoutAttempt.stripe_session_id).where(delayed_attempts(member_id, mailbox=mailbox))
    for session_id in _read(session, session.scalars(delayed)):
        with suppress(NotFound):
            sync_checkout(session, gateway, stripe_session_id=session_id, now=now)
    # Deleted now, what arrives later would be kept without anybody whom we could tell, or give it back to.
    waits = has_payment_with_bank(session, member_id, mailbox=mailbox)
    release(session)
    if waits:
        raise StillRuns


def _end_running(session: Session, gateway: Gateway, member_id: int, now: datetime) -> None:
    unknown, running = set(), _running(session, member_id)
    for stripe_id in sorted(set(running) - _elsewhere(gateway, running)):
        # Needs no idempotency key: what is ended already is unknown to Stripe.
        with suppress(NotFound):
            gateway.cancel_now(stripe_id)
        with suppress(NotFound, Conflict):  # a payment that is on its way keeps its bill open
            gateway.void_open_invoices(stripe_id)
        try:
            sync_subscription(session, gateway, stripe_id=stripe_id, now=now)
        except NotFound:
            unknown.add(stripe_id)
    if set(_running(session, member_id)) - unknown:
        raise StillRuns


def _note_held_up(session: Session, closing: Closing, now: datetime) -> None:
    with transaction(session):
        closures.note_held_up(session, closing.id, now=now)


def _hold_up(session: Session, closure: AccountClosure, now: datetime) -> None:
    with transaction(session):
        if not closures.note_held_up(session, closure.id, now=now):
            return
        member_id, payload = closure.member_id, {"closure_id": closure.id}
        key = closures.mail_key("closure_held_up", closure.id)
        outbox.enqueue(session, kind="closure_held_up", key=key, payload=payload, member_id=member_id, now=now)
        audit.record(session, act="account.closure_held_up", subject=("member", member_id), actor_id=None, now=now)


def _confirm(session: Session, closure: AccountClosure, now: datetime) -> None:
    with transaction(session):
        open_ = update(AccountClosure).where(AccountClosure.id == closure.id, AccountClosure.confirmed_at.is_(None))
        if session.scalar(open_.values(confirmed_at=now, held_up_at=None, tried_at=None).returning(AccountClosure.id)) is not None:
            audit.record(session, act="account.support_ended", subject=("member", closure.member_id), actor_id=None, now=now)


def _redact(session: Session, closure_id: int, member_id: int, now: datetime) -> int:
    with transaction(session):
        closure = session.get_one(AccountClosure, closure_id, populate_existing=True)
        redact(session, member_id, mailbox=_proved(closure))
        closure.held_up_at = None
        return closures.note_part(session, closure_id, PART, now=now)


def _open_checkouts(session: Session, member_id: int) -> list[str]:
    own = select(CheckoutAttempt.stripe_session_id).where(
        CheckoutAttempt.member_id == member_id,
        CheckoutAttempt.stripe_session_id.is_not(None),
        CheckoutAttempt.completed_at.is_(None),
        CheckoutAttempt.expired_at.is_(None),
    )
    return _read(session, session.scalars(own.order_by(CheckoutAttempt.created_at)))


def _mailbox_of(session: Session, closure_id: int) -> str | None:
    closure = session.get_one(AccountClosure, closure_id, populate_existing=True)
    return _proved(closure)


def _proved(closure: AccountClosure) -> str | None:
    return closure.last_address if closure.last_address_proved else None


def _running(session: Session, member_id: int) -> dict[str, str]:
    """Return what may take a member's money, and of which Stripe account each is."""
    own = select(Subscription.stripe_id, Subscription.account).where(is_subscription_of(member_id), may_take_money())
    return _with_accounts(session, session.execute(own))


def _customers_of(session: Session, member_id: int) -> dict[str, str]:
    """Return a member's customers, and of which Stripe account; those that only a subscription names may be nobody else's."""
    others = select(StripeCustomer.stripe_id).where(StripeCustomer.member_id != member_id)
    mine = select(StripeCustomer.stripe_id, StripeCustomer.account).where(StripeCustomer.member_id == member_id)
    named = select(Subscription.stripe_customer_id, Subscription.account).where(
        is_subscription_of(member_id), Subscription.stripe_customer_id.not_in(others)
    )
    return {**_with_accounts(session, session.execute(named)), **_with_accounts(session, session.execute(mine))}


def _with_accounts(session: Session, rows: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    found = {stripe_id: account for stripe_id, account in rows if stripe_id}
    release(session)
    return found


def _read(session: Session, found: Iterable[str | None]) -> list[str]:
    """Read it all and hold nothing of the database while Stripe is asked."""
    read = [one for one in found if one]
    release(session)
    return read
