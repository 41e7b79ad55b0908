"""Recovery codes: the way to a new passkey for staff who have lost all of theirs."""

from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from membership import audit, limits, outbox
from membership.accounts import queries, recovery_codes
from membership.accounts.models import RecoveryCode
from membership.accounts.services.sessions import add_session
from membership.db import transaction
from membership.errors import NotAllowed, TooOften

WITHIN = timedelta(hours=1)
# Generous, since nobody may keep a colleague out by guessing; 80 bits need no tighter limit.
TRIES_OF_NETWORK = 20
TRIES_OF_ADDRESS = 60
NO_MATCH = "This address and this code don't belong together, or the code was used already."
TOO_MANY = "Too many codes were tried. Wait a while, or ask an admin to invite you again."


def make_recovery_codes(session: Session, *, member_id: int, now: datetime) -> list[str]:
    """Make new codes in place of all earlier ones and return them: only their hashes stay."""
    codes = [recovery_codes.new_code() for _ in range(recovery_codes.HOW_MANY)]
    with transaction(session):
        queries.lock_member(session, member_id)
        session.execute(delete(RecoveryCode).where(RecoveryCode.member_id == member_id))
        session.add_all(RecoveryCode(member_id=member_id, code_hash=_hash(code), created_at=now) for code in codes)
        audit.record(session, act="recovery_codes.made", subject=("member", member_id), actor_id=member_id, now=now)
    return codes


def use_recovery_code(
    session: Session,
    *,
    address: str,
    code: str,
    network: bytes,
    browser_hash: bytes,
    secret_key: str,
    now: datetime,
) -> str:
    """Use a code up and return the token of a session that opens the page which adds a passkey; tell its owner.

    Raises TooOften, and NotAllowed in the same words for an unknown address and a wrong code.
    """
    who = limits.keyed(secret_key, "address", address.strip().lower())
    with transaction(session):
        most = {network: TRIES_OF_NETWORK, who: TRIES_OF_ADDRESS}
        retry_at = limits.count_act(session, act="recovery", most=most, within=WITHIN, now=now)
    # Counted and committed before the code is looked at: a refused try is a try.
    if retry_at:
        raise TooOften(TOO_MANY, retry_at=retry_at)
    member = queries.find_member_by_email(session, address)
    if member is None or not member.is_staff:
        raise NotAllowed(NO_MATCH)
    with transaction(session):
        queries.lock_member(session, member.id)  # before the code, as where codes are made anew or somebody leaves
        used_id = session.scalar(
            update(RecoveryCode)
            .where(RecoveryCode.member_id == member.id, RecoveryCode.code_hash == _hash(code), RecoveryCode.used_at.is_(None))
            .values(used_at=now)
            .returning(RecoveryCode.id),
        )
        if used_id is None:
            raise NotAllowed(NO_MATCH)
        audit.record(session, act="recovery_code.used", subject=("member", member.id), actor_id=member.id, now=now)
        payload = {"member_id": member.id, "at": now.isoformat()}
        key = f"recovery_code_used:{used_id}:{now.isoformat()}"
        outbox.enqueue(session, kind="recovery_code_used", key=key, payload=payload, member_id=member.id, urgent=True, now=now)
        return add_session(session, member_id=member.id, method="enrolment", browser_hash=browser_hash, now=now)


def _hash(code: str) -> bytes:
    return queries.token_hash(recovery_codes.clean_code(code))
