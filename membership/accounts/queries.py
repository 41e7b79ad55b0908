"""Reading who is who."""

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import LoginSession


def token_hash(token: str) -> bytes:
    """Return what is stored of a random token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def find_login_session(session: Session, *, token: str, now: datetime) -> LoginSession | None:
    """Return the live session behind a cookie's token."""
    return session.scalar(
        select(LoginSession).where(
            LoginSession.token_hash == token_hash(token),
            LoginSession.ended_at.is_(None),
            LoginSession.expires_at > now,
        ),
    )
