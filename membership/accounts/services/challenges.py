"""Challenges: what an authenticator signs, once, in the browser that asked."""

import secrets
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from membership.accounts.ceremonies import ANSWER_WITHIN
from membership.accounts.models import PasskeyChallenge
from membership.db import transaction
from membership.errors import NotAllowed

REGISTER, SIGN_IN, CONFIRM = "register", "sign_in", "confirm"
BYTES = 32
STALE = "This took longer than five minutes, was done already, or was begun in another browser. Try again."


def add_challenge(
    session: Session,
    *,
    purpose: str,
    browser_hash: bytes,
    member_id: int | None = None,
    user_handle: bytes | None = None,
    now: datetime,
) -> bytes:
    """Add a challenge in the caller's transaction, in place of what this browser left unanswered; return its bytes."""
    session.execute(
        delete(PasskeyChallenge).where(PasskeyChallenge.browser_hash == browser_hash, PasskeyChallenge.purpose == purpose),
    )
    challenge = secrets.token_bytes(BYTES)
    session.add(
        PasskeyChallenge(
            challenge=challenge,
            browser_hash=browser_hash,
            purpose=purpose,
            member_id=member_id,
            user_handle=user_handle,
            created_at=now,
            expires_at=now + ANSWER_WITHIN,
        ),
    )
    return challenge


def take_challenge(
    session: Session,
    challenge: bytes,
    *,
    purpose: str,
    browser_hash: bytes,
    member_id: int | None = None,
    now: datetime,
) -> bytes | None:
    """Use a challenge up, for good also if the answer turns out to be worth nothing; return the handle that goes with it.

    Raises NotAllowed for one that is used, too old, of another browser, purpose or member.
    """
    with transaction(session):
        taken = session.execute(
            update(PasskeyChallenge)
            .where(
                PasskeyChallenge.challenge == challenge,
                PasskeyChallenge.browser_hash == browser_hash,
                PasskeyChallenge.purpose == purpose,
                PasskeyChallenge.member_id.is_not_distinct_from(member_id),
                PasskeyChallenge.used_at.is_(None),
                PasskeyChallenge.expires_at > now,
            )
            .values(used_at=now)
            .returning(PasskeyChallenge.user_handle),
        ).first()
    if taken is None:
        raise NotAllowed(STALE)
    handle: bytes | None = taken.user_handle
    return handle
