"""Deleting an account: asked for, a day to think again, then step by step, each of which may be done twice.

Nothing is deleted before Stripe has confirmed that nothing runs there any more: patronage's part, which marks it on the closure.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, exists, or_, update
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.accounts import closures, queries
from membership.accounts.models import (
    AccountClosure,
    AddressChange,
    Invitation,
    LoginSession,
    MailChoice,
    Member,
    Passkey,
    PasskeyChallenge,
    RecoveryCode,
    SignInRequest,
    StaffLink,
    StaffRole,
)
from membership.db import insert_into, transaction
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem

log = structlog.get_logger()
COOLING_OFF = timedelta(hours=24)
KEEP_CLOSURES = timedelta(days=365)
OWN_ROWS = (LoginSession, Passkey, PasskeyChallenge, RecoveryCode, MailChoice, AddressChange, StaffLink)


def ask_closure(session: Session, *, member_id: int, now: datetime) -> AccountClosure:
    """Note that somebody wants their account deleted; asked twice it is the same wish, and one mail.

    Raises NotFound, Conflict for who works here.
    """
    with transaction(session):
        member = session.get(Member, member_id, with_for_update=True, populate_existing=True)
        if member is None or member.closed_at is not None:
            raise NotFound("There is no such person.")
        if member.is_staff:
            raise Conflict("You work here. Ask an administrator to take your roles back first; then you can delete your account.")
        values = {"member_id": member_id, "asked_at": now, "due_at": now + COOLING_OFF}
        new = insert_into(session, AccountClosure).values(**values).on_conflict_do_nothing().returning(AccountClosure.id)
        closure_id = session.scalar(new)
        if closure_id is not None:
            _tell(session, "closure_asked", closure_id, member_id, now)
            audit.record(session, act="account.closure_asked", subject=("member", member_id), actor_id=member_id, now=now)
        found = closures.find_closure(session, member_id)
        assert found is not None
        return found


def take_back_closure(session: Session, *, member_id: int, now: datetime) -> None:
    """Keep an account after all; raises Conflict once its deletion has begun. Safe to repeat."""
    with transaction(session):
        taken_back = session.scalar(
            update(AccountClosure)
            .where(AccountClosure.member_id == member_id, AccountClosure.begun_at.is_(None), AccountClosure.taken_back_at.is_(None))
            .values(taken_back_at=now)
            .returning(AccountClosure.id)
            .execution_options(synchronize_session=False),
        )
        if taken_back is not None:
            audit.record(session, act="account.closure_taken_back", subject=("member", member_id), actor_id=member_id, now=now)
        elif closures.is_closing(session, member_id):
            raise Conflict("Your account is being deleted already; the day to think again is over.")


def begin_due_closures(session: Session, *, now: datetime) -> int:
    """Begin with the accounts whose day is over; from then on they can't be kept. Return how many."""
    works_here = exists().where(StaffRole.member_id == AccountClosure.member_id)
    with transaction(session):
        begun = session.scalars(
            update(AccountClosure)
            .where(
                AccountClosure.due_at <= now,
                AccountClosure.begun_at.is_(None),
                AccountClosure.taken_back_at.is_(None),
                ~works_here,
            )
            .values(begun_at=now)
            .returning(AccountClosure.id)
            .execution_options(synchronize_session=False),
        )
        return len(begun.all())


def shut_accounts(session: Session, *, now: datetime) -> int:
    """Let go of who somebody was, once Stripe has let go; write the last mail. Return how many."""
    shut = 0
    for closure_id, email in closures.closures_to_shut(session):
        try:
            shut += _shut_one(session, closure_id, email, now)
        except Exception:  # one that breaks must not stop those behind it
            log.exception("closure.failed", closure=closure_id)
            with transaction(session):
                closures.note_held_up(session, closure_id, now=now)
    return shut


def finish_closures(session: Session, *, now: datetime) -> int:
    """Forget the last address too, once the last mail is out and every feature has done its part. Return how many."""
    ids = closures.closures_to_finish(session)
    for closure_id in ids:
        with transaction(session):
            closure = session.get_one(AccountClosure, closure_id, with_for_update=True, populate_existing=True)
            if closure.done_at is None:
                closure.last_address, closure.last_address_proved, closure.last_language, closure.done_at = None, False, "en", now
                over = or_(OutboxItem.done_at.is_not(None), OutboxItem.dead_at.is_not(None))
                # The rows stay, so that nothing is sent twice.
                outbox.empty_rows(session, OutboxItem.member_id == closure.member_id, over, now=now)
                audit.record(session, act="account.closed", subject=("member", closure.member_id), actor_id=None, now=now)
    return len(ids)


def forget_closures(session: Session, *, now: datetime) -> int:
    """Delete deletions that are over, a year after they were asked for; the member's row says since when it is nobody's."""
    over = or_(AccountClosure.done_at.is_not(None), AccountClosure.taken_back_at.is_not(None))
    with transaction(session):
        old = delete(AccountClosure).where(over, AccountClosure.asked_at < now - KEEP_CLOSURES).returning(AccountClosure.id)
        return len(session.execute(old.execution_options(synchronize_session=False)).all())


def _shut_one(session: Session, closure_id: int, email: str | None, now: datetime) -> bool:
    """Shut one account that is known by this proved address; one that got another meanwhile is left to the next run."""
    with transaction(session):
        if email is not None:
            # Before the rows, as whoever proves this address does: else each would wait for what the other holds.
            queries.lock_address(session, email)
        closure = session.get_one(AccountClosure, closure_id, with_for_update=True, populate_existing=True)
        member = session.get_one(Member, closure.member_id, with_for_update=True, populate_existing=True)
        if member.closed_at is not None or member.email != email:
            return False
        _shut(session, closure, member, now)
        return True


def _shut(session: Session, closure: AccountClosure, member: Member, now: datetime) -> None:
    closure.last_address, closure.last_address_proved, closure.last_language = member.address, bool(member.email), member.language
    if member.email is not None:
        # What goes by an address goes by the proved one alone: anybody can type one.
        for column in (SignInRequest.email, Invitation.email):
            session.execute(delete(column.class_).where(column == member.email))
    for model in OWN_ROWS:
        session.execute(delete(model).where(model.member_id == member.id).execution_options(synchronize_session=False))
    waiting = (OutboxItem.member_id == member.id, OutboxItem.done_at.is_(None), OutboxItem.claimed_until.is_(None))
    session.execute(delete(OutboxItem).where(*waiting).execution_options(synchronize_session=False))
    member.email = member.typed_email = member.user_handle = member.address_changed_at = None
    member.display_name, member.language, member.has_signed_in = "", "en", False
    member.closed_at, closure.held_up_at = now, None
    _tell(session, closures.CLOSED_MAIL, closure.id, member.id, now)
    audit.record(session, act="account.shut", subject=("member", member.id), actor_id=None, now=now)


def _tell(session: Session, kind: str, closure_id: int, member_id: int, now: datetime) -> None:
    payload = {"closure_id": closure_id}
    outbox.enqueue(
        session, kind=kind, key=closures.mail_key(kind, closure_id), payload=payload, member_id=member_id, urgent=True, now=now
    )
