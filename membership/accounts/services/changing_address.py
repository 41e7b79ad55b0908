"""What the mailboxes answer to a change of address, the change itself, and the way back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from membership import audit
from membership.accounts import address_changes, address_rules
from membership.accounts.models import AddressChange, LoginSession, Member
from membership.accounts.queries import lock_address
from membership.accounts.services.asking_address import drop, enqueue
from membership.accounts.services.sessions import add_session, end_sessions
from membership.db import transaction
from membership.errors import Conflict, NotFound
from membership.logs import name_of

log = structlog.get_logger()


@dataclass(frozen=True)
class Answered:
    """What became of a change by an answer; token is the new session of the member's own browser, whose old one has ended."""

    state: address_rules.State
    token: str | None = None


def answer_address_change(
    session: Session, *, token: str, agrees: bool, session_id: int | None = None, browser_hash: bytes | None = None, now: datetime
) -> Answered:
    """Note what a mailbox says, and change the address as soon as nothing stands in its way; a repeated answer changes nothing.

    session_id is the asking browser's, if it is signed in. Raises NotFound for a link that is none of ours.
    """
    named = address_changes.find_by_token(session, token)
    if named is None:
        raise NotFound("We don’t know this link.")
    with transaction(session):
        lock_address(session, named.new_email)  # before the rows, as whoever proves this address does
        found = address_changes.lock(session, named.id)
        if found is None:
            raise NotFound("We don’t know this link.")
        change, member = found
        if address_rules.state_of(change, now) != "open":
            return Answered(address_rules.state_of(change, now))
        mailbox = address_changes.mailbox_of(change, token)
        if not agrees:
            _refuse(session, change, mailbox, now)
            return Answered("refused")
        _note_consent(change, mailbox, now)
        if not address_rules.is_due(change, now):
            return Answered("open")
        is_own = session_id is not None and _is_mailed_session(session, session_id, member.id, now)
        apply_address(session, change, member, now)
        state = address_rules.state_of(change, now)
        fresh = add_session(session, member_id=member.id, method="mail", browser_hash=browser_hash, now=now) if is_own else None
        return Answered(state, fresh if state == "done" else None)


def undo_address_change(session: Session, *, token: str, now: datetime) -> None:
    """Give an account back to the old mailbox: its address as it was, everybody signed out, later changes void.

    Raises NotFound for a link that is none of ours or has run out, Conflict if somebody else has the old address meanwhile.
    """
    named = address_changes.find_by_undo_token(session, token)
    if named is None or named.old_email is None:
        raise NotFound("We don’t know this link.")
    with transaction(session):
        lock_address(session, named.old_email)
        found = address_changes.lock(session, named.id)
        if found is None or not address_rules.may_undo(found[0], now) or found[1].closed_at is not None:
            raise NotFound("This link has run out.")
        _restore(session, *found, now)


def finish_address_changes(session: Session, *, now: datetime) -> int:
    """Carry out what both sides have agreed to and what waited for its day, and drop what nobody answered; return how many."""
    finished = 0
    for change_id, new_email in address_changes.unfinished(session, at=now):
        try:
            _finish(session, change_id, new_email, now)
        except Exception as error:  # one that can't be finished must not stop the others; it is tried again
            log.warning("address_change.failed", change=change_id, error=name_of(error))
        else:
            finished += 1
    return finished


def forget_address_changes(session: Session, *, now: datetime) -> int:
    """Delete changes that are over for a month, addresses included; safe to repeat. Return how many were deleted."""
    with transaction(session):
        over = func.coalesce(AddressChange.done_at, AddressChange.refused_at) < now - address_rules.KEPT
        return len(session.execute(delete(AddressChange).where(over).returning(AddressChange.id)).all())


def apply_address(session: Session, change: AddressChange, member: Member, now: datetime) -> None:
    """Change the address, in the caller's transaction, which holds the new address and both rows; sign the member out everywhere.

    Refused, and only the new mailbox learns why, if somebody else has proved the new address meanwhile.
    """
    if address_changes.is_taken(session, change.new_email, by_other_than=member.id):
        # Not a mail to this member: whose address it is must show nowhere in what they see of their own data.
        enqueue(session, "address_taken", str(change.id), {"change_id": change.id}, None, now)
        return drop(session, change, now, actor_id=None, act="address.refused", why="taken")
    is_staffs = change.ordered_by is not None and member.is_staff
    if is_staffs or member.closed_at is not None or member.address != change.old_email:
        return drop(session, change, now, actor_id=None, act="address.refused", why="outdated")
    member.email, member.typed_email, member.address_changed_at = change.new_email, None, now
    change.done_at, change.undo_until = now, now + address_rules.UNDO_WITHIN
    end_sessions(session, member.id, now)
    payload = {"change_id": change.id}
    if change.old_email is not None:
        enqueue(session, "address_changed", str(change.id), payload, member.id, now)
    enqueue(session, "address_changed_new", str(change.id), payload, member.id, now)
    _record(session, "address.changed", change, now, ordered_by=change.ordered_by)
    return None


def _finish(session: Session, change_id: int, new_email: str, now: datetime) -> None:
    with transaction(session):
        lock_address(session, new_email)
        found = address_changes.lock(session, change_id)
        if found is not None and address_rules.is_due(found[0], now):
            apply_address(session, *found, now)
        elif found is not None and address_rules.state_of(found[0], now) == "expired":
            drop(session, found[0], now, actor_id=None, act="address.expired")


def _refuse(session: Session, change: AddressChange, mailbox: address_changes.Mailbox, now: datetime) -> None:
    if mailbox == "old" and change.ordered_by is None:
        # Somebody who is signed in asked for it and was not the mailbox's owner: they are out now.
        end_sessions(session, change.member_id, now)
    drop(session, change, now, actor_id=None, act="address.refused", mailbox=mailbox)


def _note_consent(change: AddressChange, mailbox: address_changes.Mailbox, now: datetime) -> None:
    if mailbox == "old":
        change.old_confirmed_at = change.old_confirmed_at or now
    else:
        change.new_confirmed_at = change.new_confirmed_at or now


def _is_mailed_session(session: Session, session_id: int, member_id: int, now: datetime) -> bool:
    """Return whether this is the member's own live session, opened by a mailbox: only such a one is worth a new one by mail."""
    own = (LoginSession.id == session_id, LoginSession.member_id == member_id, LoginSession.method == "mail")
    alive = (LoginSession.ended_at.is_(None), LoginSession.expires_at > now)
    return session.scalar(select(LoginSession.id).where(*own, *alive)) is not None


def _restore(session: Session, change: AddressChange, member: Member, now: datetime) -> None:
    if change.old_email is None or address_changes.is_taken(session, change.old_email, by_other_than=member.id):
        raise Conflict("Another account has this address meanwhile. Please write to us.")
    # What was only typed is not proved by having been there: others may have typed it before.
    proved, typed = (change.old_email, None) if change.old_was_proved else (None, change.old_email)
    member.email, member.typed_email, member.address_changed_at = proved, typed, now
    waiting = address_changes.find_open(session, member.id)
    if waiting is not None:
        drop(session, waiting, now, actor_id=None, act="address.refused", mailbox="old")
    # Whoever changed it once more has a link of their own in a mailbox of theirs: it must not undo this.
    since = (AddressChange.member_id == member.id, AddressChange.id >= change.id, AddressChange.done_at.is_not(None))
    session.execute(update(AddressChange).where(*since, AddressChange.undone_at.is_(None)).values(undone_at=now))
    end_sessions(session, member.id, now)
    enqueue(session, "address_restored", str(change.id), {"change_id": change.id}, member.id, now)
    _record(session, "address.undone", change, now)


def _record(session: Session, act: str, change: AddressChange, now: datetime, **details: Any) -> None:
    audit.record(session, act=act, subject=("member", change.member_id), actor_id=None, now=now, change=change.id, **details)
