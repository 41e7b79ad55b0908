"""Reading who is who."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, joinedload

from membership.accounts.addresses import normalise
from membership.accounts.models import LoginSession, MailChoice, Member, SignInRequest, StaffLink
from membership.accounts.sign_in_rules import MAILS_PER_HOUR, is_alive
from membership.db import is_postgresql
from membership.errors import NotFound

# Asked by every request of somebody who is signed in: made once, and one round trip with the member and their roles.
_LOGIN = (
    select(LoginSession)
    .where(LoginSession.token_hash == bindparam("token_hash"))
    .options(joinedload(LoginSession.member).joinedload(Member.roles))
)


def token_hash(token: str) -> bytes:
    """Return what is stored of a random token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def get_member(session: Session, member_id: int) -> Member:
    """Return the member; raises NotFound."""
    found = session.get(Member, member_id)
    if found is None:
        raise NotFound("There is no such person.")
    return found


def lock_member(session: Session, member_id: int) -> Member:
    """Return the member as the database has them now, locked until the transaction's end; raises NotFound."""
    member = session.get(Member, member_id, populate_existing=True, with_for_update={"of": Member})
    if member is None:
        raise NotFound("There is no such person.")
    return member


def find_member_by_email(session: Session, email: str) -> Member | None:
    """Return the member whose mailbox has proved this address; what was only typed does not count."""
    try:
        address = normalise(email)
    except ValueError:
        return None
    return session.scalar(select(Member).where(Member.email == address))


def wants(session: Session, member_id: int, group: str) -> bool:
    """Return whether a member wants mails of this group; whoever has not said no does."""
    return session.get(MailChoice, (member_id, group), populate_existing=True) is None


def find_member_who_may_prove(session: Session, address: str) -> Member | None:
    """Return whom a mail to this (normalised) address may let in: its member, else the first who typed it and has proved no other.

    Never somebody with a proved address of their own: a slip of the pen at Checkout would hand their account to a stranger. Who
    corrects what they typed comes after those who had the address by then: an old account can't step before another one.
    """
    proved = session.scalar(select(Member).where(Member.email == address).execution_options(populate_existing=True))
    if proved is not None:
        return proved
    return session.scalars(
        select(Member)
        .where(Member.typed_email == address, Member.email.is_(None))
        .order_by(func.coalesce(Member.address_changed_at, Member.created_at), Member.id)
        .limit(1)
        .execution_options(populate_existing=True),
    ).first()


def lock_address(session: Session, address: str) -> None:
    """Let one transaction at a time ask for, prove, or make a member of, this address; SQLite has one writer anyway."""
    if is_postgresql(session):
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(address, 0))))


def find_login_session(session: Session, *, token: str, now: datetime) -> LoginSession | None:
    """Return the session behind a cookie's token if it has neither ended nor run out nor been idle for too long."""
    found = session.scalars(_LOGIN, {"token_hash": token_hash(token)}).unique().one_or_none()
    return found if found is not None and is_alive(found, now) and found.member.closed_at is None else None


def live_sessions_of(session: Session, member_id: int, *, now: datetime) -> list[LoginSession]:
    """Return where this member is signed in, newest first."""
    open_ones = session.scalars(
        select(LoginSession)
        .where(LoginSession.member_id == member_id, LoginSession.ended_at.is_(None), LoginSession.expires_at > now)
        .order_by(LoginSession.created_at.desc(), LoginSession.id.desc()),
    )
    return [login for login in open_ones if is_alive(login, now)]


def has_opened(session: Session, browser_hash: bytes, *, member_id: int | None = None) -> bool:
    """Return whether this browser has opened the member's account before, or anybody's; an invitation opens none."""
    found = select(LoginSession.id).where(LoginSession.browser_hash == browser_hash, LoginSession.method != "enrolment")
    return session.scalar((found if member_id is None else found.where(LoginSession.member_id == member_id)).limit(1)) is not None


def find_request_by_token(session: Session, token: str) -> SignInRequest | None:
    """Return the sign-in that a mailed link belongs to."""
    return session.scalar(select(SignInRequest).where(SignInRequest.token_hash == token_hash(token)))


def find_request_of_browser(session: Session, browser_hash: bytes) -> SignInRequest | None:
    """Return what this browser asked for last."""
    return session.scalars(
        select(SignInRequest).where(SignInRequest.browser_hash == browser_hash).order_by(SignInRequest.id.desc()).limit(1),
    ).first()


def may_mail_again_at(session: Session, address: str, *, now: datetime) -> datetime | None:
    """Return from when on another sign-in mail may go to this address; None: now."""
    filling = session.scalar(
        select(SignInRequest.created_at)
        .where(SignInRequest.email == address, SignInRequest.created_at > now - timedelta(hours=1))
        .order_by(SignInRequest.created_at.desc())
        .offset(MAILS_PER_HOUR - 1)
        .limit(1),
    )
    return filling + timedelta(hours=1) if filling else None


def count_codes_of_day(session: Session, address: str, *, now: datetime) -> int:
    """Return how many codes were typed without their link, over all mails of the last day to this address."""
    return (
        session.scalar(
            select(func.sum(SignInRequest.tries)).where(
                SignInRequest.email == address, SignInRequest.created_at > now - timedelta(days=1)
            ),
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
