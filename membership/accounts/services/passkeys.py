"""Passkeys of staff: made, shown, named and removed."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from membership import audit, limits, outbox
from membership.accounts import ceremonies, queries, staff_queries
from membership.accounts.ceremonies import NewCredential, Owner, RelyingParty
from membership.accounts.models import LoginSession, Member, Passkey
from membership.accounts.services.challenges import CONFIRM, REGISTER, SIGN_IN, STALE, add_challenge, take_challenge
from membership.accounts.services.sessions import add_session, end_sessions
from membership.db import insert_into, transaction
from membership.errors import Conflict, NotAllowed, TooOften

HANDLE_BYTES = 32
UNKNOWN = "We don't know this passkey. Perhaps it was removed here and is still in your device's list."
CLONED = "This passkey was refused, because another copy of it seems to be in use. Sign in with another one, and remove this one."
NO_STAFF = "This passkey belongs to nobody who works here."
NOT_YOURS = "This passkey is not yours. Use one of your own."


def begin_registration(session: Session, *, member_id: int, party: RelyingParty, browser_hash: bytes, now: datetime) -> str:
    """Return what a browser is asked to make for this member, as JSON."""
    with transaction(session):
        member = queries.lock_member(session, member_id)
        owner = owner_of(member)
        challenge = add_challenge(
            session, purpose=REGISTER, browser_hash=browser_hash, member_id=member_id, user_handle=owner.handle, now=now
        )
        known = [passkey.credential_id for passkey in staff_queries.passkeys_of(session, member_id)]
    return ceremonies.registration_options(party, owner, challenge, known=known)


def finish_registration(
    session: Session,
    *,
    member_id: int,
    session_id: int,
    party: RelyingParty,
    answer: str,
    name: str,
    browser_hash: bytes,
    now: datetime,
) -> str:
    """Add a passkey, and return the token of the session that it opens in place of the one in which it was made."""
    challenge = ceremonies.challenge_of_registration(answer)
    handle = take_challenge(session, challenge, purpose=REGISTER, browser_hash=browser_hash, member_id=member_id, now=now)
    made = ceremonies.verify_registration(party, answer, challenge=challenge)
    with transaction(session):
        member = queries.lock_member(session, member_id)
        if not member.is_staff:
            raise NotAllowed(NO_STAFF)
        add_passkey(session, member, made, handle=handle, name=name, now=now)
        end_sessions(session, member_id, now, LoginSession.id == session_id)
        return add_session(session, member_id=member_id, method="passkey", browser_hash=browser_hash, now=now)


def begin_sign_in(session: Session, *, party: RelyingParty, browser_hash: bytes, most: Mapping[bytes, int], now: datetime) -> str:
    """Return what a browser is asked to sign, with whichever of our passkeys it has, as JSON; raises TooOften.

    most is how often each of whom may begin within an hour, as limits.count_act takes it.
    """
    with transaction(session):
        retry_at = limits.count_act(session, act="passkey_sign_in", most=most, within=timedelta(hours=1), now=now)
        if retry_at:
            raise TooOften("Too many sign-ins were begun here.", retry_at=retry_at)
        challenge = add_challenge(session, purpose=SIGN_IN, browser_hash=browser_hash, now=now)
    return ceremonies.request_options(party, challenge)


def finish_sign_in(session: Session, *, party: RelyingParty, answer: str, browser_hash: bytes, now: datetime) -> str:
    """Sign in whoever's passkey answered and return the new session's token."""
    passkey, counter = _verified(session, party, answer, purpose=SIGN_IN, browser_hash=browser_hash, member_id=None, now=now)
    with transaction(session):
        member = queries.lock_member(session, passkey.member_id)
        if not member.is_staff:
            raise NotAllowed(NO_STAFF)
        token = None
        if _count_use(session, passkey, counter, now):
            token = add_session(session, member_id=member.id, method="passkey", browser_hash=browser_hash, now=now)
            audit.record(
                session, act="staff.signed_in", subject=("member", member.id), actor_id=member.id, now=now, passkey_id=passkey.id
            )
    # Raised after the commit: a rollback would forget the suspicion.
    if token is None:
        raise NotAllowed(CLONED)
    return token


def begin_confirmation(session: Session, *, member_id: int, party: RelyingParty, browser_hash: bytes, now: datetime) -> str:
    """Return what a browser is asked to sign, with one of this member's passkeys, as JSON."""
    with transaction(session):
        challenge = add_challenge(session, purpose=CONFIRM, browser_hash=browser_hash, member_id=member_id, now=now)
        allowed = [passkey.credential_id for passkey in staff_queries.passkeys_of(session, member_id)]
    return ceremonies.request_options(party, challenge, allowed=allowed)


def confirm(
    session: Session,
    *,
    member_id: int,
    session_id: int,
    party: RelyingParty,
    answer: str,
    browser_hash: bytes,
    now: datetime,
) -> None:
    """Note in the member's session that they have just shown a passkey."""
    passkey, counter = _verified(session, party, answer, purpose=CONFIRM, browser_hash=browser_hash, member_id=member_id, now=now)
    with transaction(session):
        queries.lock_member(session, member_id)  # before passkey and session, as where somebody leaves the staff
        is_counted = _count_use(session, passkey, counter, now)
        if is_counted:
            session.execute(
                update(LoginSession)
                .where(LoginSession.id == session_id, LoginSession.member_id == member_id, LoginSession.ended_at.is_(None))
                .values(proved_at=now),
            )
    if not is_counted:
        raise NotAllowed(CLONED)


def rename_passkey(session: Session, *, member_id: int, passkey_id: int, name: str, now: datetime) -> None:
    """Call one of the member's passkeys by another name."""
    with transaction(session):
        staff_queries.get_passkey(session, member_id, passkey_id).name = name
        subject = ("member", member_id)
        audit.record(session, act="passkey.renamed", subject=subject, actor_id=member_id, now=now, passkey_id=passkey_id)


def remove_passkey(session: Session, *, member_id: int, passkey_id: int, keep_session_id: int, now: datetime) -> None:
    """Remove one of several passkeys, and end every session but this one; raises Conflict for the last passkey."""
    with transaction(session):
        queries.lock_member(session, member_id)  # two at once could remove the last two
        passkey = staff_queries.get_passkey(session, member_id, passkey_id)
        if len(staff_queries.passkeys_of(session, member_id)) == 1:
            raise Conflict("This is your only passkey. Add another one first, or you could not sign in any more.")
        session.delete(passkey)
        end_sessions(session, member_id, now, LoginSession.id != keep_session_id)
        _tell(session, "passkey.removed", "passkey_removed", member_id, passkey_id, now)


def owner_of(member: Member) -> Owner:
    """Return for whom a passkey is made; with a new handle if there was none so far."""
    return Owner(member.user_handle or secrets.token_bytes(HANDLE_BYTES), member.address or "", member.display_name)


def add_passkey(session: Session, member: Member, made: NewCredential, *, handle: bytes | None, name: str, now: datetime) -> None:
    """Add a verified passkey to a locked member in the caller's transaction, and tell them; raises NotAllowed, Conflict."""
    if member.user_handle is None:
        member.user_handle = handle
    elif member.user_handle != handle:  # another one was finished meanwhile: this one would name nobody
        raise NotAllowed(STALE)
    passkey_id = session.scalar(
        insert_into(session, Passkey)
        .values(
            member_id=member.id,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            transports=list(made.transports),
            name=name,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Passkey.credential_id])
        .returning(Passkey.id),
    )
    if passkey_id is None:
        raise Conflict("This passkey is in use already. Add another one.")
    _tell(session, "passkey.added", "passkey_added", member.id, passkey_id, now)


def _verified(
    session: Session,
    party: RelyingParty,
    answer: str,
    *,
    purpose: str,
    browser_hash: bytes,
    member_id: int | None,
    now: datetime,
) -> tuple[Passkey, int]:
    """Return the passkey that answered and its counter."""
    shown = ceremonies.read_assertion(answer)
    take_challenge(session, shown.challenge, purpose=purpose, browser_hash=browser_hash, member_id=member_id, now=now)
    passkey = staff_queries.find_passkey(session, shown.credential_id)
    if passkey is None:
        raise NotAllowed(UNKNOWN)
    counter = ceremonies.verify_assertion(party, answer, challenge=shown.challenge, public_key=passkey.public_key)
    owner = session.get_one(Member, passkey.member_id)
    if shown.user_handle not in (None, owner.user_handle) or member_id not in (None, passkey.member_id):
        raise NotAllowed(NOT_YOURS)
    return passkey, counter


def _count_use(session: Session, passkey: Passkey, counter: int, now: datetime) -> bool:
    """Note a use in the caller's transaction; a counter that has not grown is noted as a possible copy, and False."""
    # Of 0 it stays 0 with authenticators that don't count.
    has_grown = Passkey.sign_count < counter if counter else Passkey.sign_count == 0
    used = session.execute(
        update(Passkey)
        .where(Passkey.id == passkey.id, has_grown)
        .values(sign_count=counter, last_used_at=now)
        .returning(Passkey.id)
        .execution_options(synchronize_session=False),
    ).first()
    if used is None:
        audit.record(
            session,
            act="passkey.copy_suspected",
            subject=("member", passkey.member_id),
            actor_id=passkey.member_id,
            now=now,
            passkey_id=passkey.id,
        )
    return used is not None


def _tell(session: Session, act: str, kind: str, member_id: int, passkey_id: int, now: datetime) -> None:
    audit.record(session, act=act, subject=("member", member_id), actor_id=member_id, now=now, passkey_id=passkey_id)
    payload = {"member_id": member_id, "at": now.isoformat()}
    outbox.enqueue(session, kind=kind, key=f"{kind}:{passkey_id}:{now.isoformat()}", payload=payload, member_id=member_id, now=now)
