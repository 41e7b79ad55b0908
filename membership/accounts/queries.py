"""Reading who is who."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.accounts.addresses import normalise
from membership.accounts.models import LoginSession, Member, SignInRequest, StaffLink
from membership.db import is_postgresql
from membership.errors import NotFound


def token_hash(token: str) -> bytes:
    """Return what is stored of a random token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def get_member(session: Session, member_id: int) -> Member:
    """Return the member; raises NotFound."""
    found = session.get(Member, member_id)
    if found is None:
        raise NotFound("There is no such person.")
    return found


def find_member_by_email(session: Session, email: str) -> Member | None:
    """Return the member whose mailbox has proved this address; what was only typed does not count."""
    try:
        address = normalise(email)
    except ValueError:
        return None
    return session.scalar(select(Member).where(Member.email == address))


def find_member_who_may_prove(session: Session, address: str) -> Member | None:
    """Return whom a mail to this (normalised) address may let in: its member, else the first who typed it and has proved no other.

    Never somebody with a proved address of their own: a slip of the pen at Checkout would hand their account to a stranger.
    """
    proved = session.scalar(select(Member).where(Member.email == address).execution_options(populate_existing=True))
    if proved is not None:
        return proved
    return session.scalars(
        select(Member)
        .where(Member.typed_email == address, Member.email.is_(None))
        .order_by(Member.id)
        .limit(1)
        .execution_options(populate_existing=True),
    ).first()


def lock_address(session: Session, address: str) -> None:
    """Let one transaction at a time ask for, prove, or make a member of, this address; SQLite has one writer anyway."""
    if is_postgresql(session):
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(address, 0))))


def find_login_session(session: Session, *, token: str, now: datetime) -> LoginSession | None:
    """Return the live session behind a cookie's token."""
    return session.scalar(
        select(LoginSession).where(
            LoginSession.token_hash == token_hash(token),
            LoginSession.ended_at.is_(None),
            LoginSession.expires_at > now,
        ),
    )


def live_sessions_of(session: Session, member_id: int, *, now: datetime) -> list[LoginSession]:
    """Return where this member is signed in, newest first."""
    return list(
        session.scalars(
            select(LoginSession)
            .where(LoginSession.member_id == member_id, LoginSession.ended_at.is_(None), LoginSession.expires_at > now)
            .order_by(LoginSession.created_at.desc(), LoginSession.id.desc()),
        ),
    )


def find_request_by_token(session: Session, token: str) -> SignInRequest | None:
    """Return the sign-in that a mailed link belongs to."""
    return session.scalar(select(SignInRequest).where(SignInRequest.token_hash == token_hash(token)))


def find_request_of_browser(session: Session, browser_hash: bytes) -> SignInRequest | None:
    """Return what this browser asked for last."""
    return session.scalars(
        select(SignInRequest).where(SignInRequest.browser_hash == browser_hash).order_by(SignInRequest.id.desc()).limit(1),
    ).first()


def count_requests_of_last_hour(session: Session, address: str, *, now: datetime) -> int:
    """Return how many sign-in mails were asked for this address in the last hour."""
    return (
        session.scalar(
            select(func.count())
            .select_from(SignInRequest)
            .where(SignInRequest.email == address, SignInRequest.created_at > now - timedelta(hours=1)),
        )
        or 0
    )


def find_staff_link(session: Session, token: str, *, now: datetime) -> StaffLink | None:
    """Return an unused staff link that has not run out."""
    return session.scalar(
        select(StaffLink).where(
            StaffLink.token_hash == token_hash(token),
            StaffLink.used_at.is_(None),
            StaffLink.expires_at > now,
        ),
    )
