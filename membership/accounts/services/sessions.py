"""The sessions of signed-in browsers."""

from datetime import datetime

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from membership import outbox
from membership.accounts import queries, sign_in_rules
from membership.accounts.models import LoginSession
from membership.db import transaction


def start_session(session: Session, *, member_id: int, method: str, browser_hash: bytes | None = None, now: datetime) -> str:
    """Sign a browser in and return its token, of which only the hash is stored."""
    with transaction(session):
        return add_session(session, member_id=member_id, method=method, browser_hash=browser_hash, now=now)


def add_session(session: Session, *, member_id: int, method: str, browser_hash: bytes | None = None, now: datetime) -> str:
    """Add a session in the caller's transaction and return its token; its owner is told by mail where that is news."""
    token = sign_in_rules.new_token()
    is_news = _is_news(session, member_id, method, browser_hash)
    login = LoginSession(
        token_hash=queries.token_hash(token),
        member_id=member_id,
        created_at=now,
        expires_at=now + sign_in_rules.session_lifetime(method),
        last_seen_at=sign_in_rules.hour_of(now),
        method=method,
        browser_hash=browser_hash,
        proved_at=now if method == "passkey" else None,
    )
    session.add(login)
    session.flush()
    if is_news:
        outbox.enqueue(
            session,
            kind="new_sign_in",
            key=f"new_sign_in:{login.id}",
            payload={"session_id": login.id},
            member_id=member_id,
            urgent=True,  # a warning that comes after a mailing to everybody comes late
            now=now,
        )
    return token


def touch_session(session: Session, *, session_id: int, now: datetime) -> None:
    """Note the hour in which a browser was used, once in that hour; never in a request that shows or takes a ballot."""
    hour = sign_in_rules.hour_of(now)
    with transaction(session):
        session.execute(
            update(LoginSession)
            .where(LoginSession.id == session_id, LoginSession.ended_at.is_(None), LoginSession.last_seen_at < hour)
            .values(last_seen_at=hour),
        )


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


def _is_news(session: Session, member_id: int, method: str, browser_hash: bytes | None) -> bool:
    """Return whether to tell the owner: not of the account's first session, and not in a browser that has opened it before.

    An address that nobody has proved is told nothing: it may be a stranger's.
    """
    member = queries.get_member(session, member_id)
    if method not in sign_in_rules.TOLD_METHODS:
        return False
    if not member.has_signed_in:
        member.has_signed_in = True
        return False
    is_known = browser_hash is None or queries.has_opened(session, browser_hash, member_id=member_id)
    return member.email is not None and not is_known
