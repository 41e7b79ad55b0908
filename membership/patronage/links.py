"""Signed links that do one thing without signing in: they name a payment's key, run out, and die when the key is changed. Pure."""

from datetime import datetime, timedelta
from uuid import UUID

from membership.signed_links import make_token, read_token

# What a receipt's links can do; each of them works for its own purpose only.
PURPOSES = ("card", "lower", "pause", "stop")
VALID_FOR = timedelta(days=60)


def make_link(secret_key: str, purpose: str, key: UUID, *, now: datetime) -> str:
    """Return the token of a link."""
    return make_token(secret_key, purpose, key.hex, now=now)


def make_links(secret_key: str, key: UUID, *, now: datetime) -> dict[str, str]:
    """Return a token for each purpose."""
    return {purpose: make_link(secret_key, purpose, key, now=now) for purpose in PURPOSES}


def read_link(secret_key: str, purpose: str, token: str, *, since: datetime | None = None, now: datetime) -> UUID:
    """Return the key that a link names; raises ValueError for one that has run out, is garbled or was made for something else.

    So it does for one that was made before `since`, when its reader got another address: it lies in a mailbox of theirs no longer.
    """
    return UUID(hex=read_token(secret_key, purpose, token, valid_for=VALID_FOR, since=since, now=now))
