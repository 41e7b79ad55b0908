"""The sessions of signed-in browsers."""

from datetime import datetime

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from membership.accounts import queries, sign_in_rules
from membership.accounts.models import LoginSession
from membership.db import transaction


def start_session(session: Session, *, member_id: int, method: str, now: datetime) -> str:
    """Sign a browser in and return its token, of which only the hash is stored."""
    with transaction(session):
        queries.get_member(session, member_id)
        return add_session(session, member_id=member_id, method=method, now=now)


def add_session(session: Session, *, member_id: int, method: str, browser_hash: bytes | None = None, now: datetime) -> str:
    """Add a session in the caller's transaction and return its token."""
    token = sign_in_rules.new_token()
    session.add(
        LoginSession(
            token_hash=queries.token_hash(token),
            member_id=member_id,
            created_at=now,
            expires_at=now + sign_in_rules.session_lifetime(method),
            last_seen_at=now.replace(minute=0, second=0, microsecond=0),
            method=method,
            browser_hash=browser_hash,
            proved_at=now if method == "passkey" else None,
        ),
    )
    return token


def end_session(session: Session, *, session_id: int, member_id: int, now: datetime) -> None:
    """Sign one of the member's browsers out: dead in its next request, also for a copy of its cookie. Safe to repeat."""
    with transaction(session):
        end_sessions(session, member_id, now, LoginSession.id == session_id)


def end_other_sessions(session: Session, *, member_id: int, keep_id: int, now: datetime) -> None:
    """Sign the member out everywhere but in one browser."""
    with transaction(session):
        end_sessions(session, member_id, now, LoginSession.id != keep_id)


def end_sessions(session: Session, member_id: int, now: datetime, *which: ColumnElement[bool]) -> None:
    """End the member's sessions (those of them that fit) in the caller's transaction."""
    session.execute(
        update(LoginSession)
        .where(LoginSession.member_id == member_id, LoginSession.ended_at.is_(None), *which)
        .values(ended_at=now),
    )
