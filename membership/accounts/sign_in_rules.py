"""The rules of signing in: how long what lives, what a code looks like, and in which state an asked-for sign-in is."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Literal

from membership.accounts.models import SignInRequest

PROOF_LIFETIME = timedelta(minutes=10)
MAX_TRIES = 5
MAILS_PER_HOUR = 5
LINK_LIFETIME = timedelta(hours=24)
# Only these ways in carry a staff role's power: a mailbox alone is no proof for staff.
STAFF_METHODS = frozenset({"staff_link"})

State = Literal["live", "unknown", "used", "replaced", "expired", "tries"]


def session_lifetime(method: str) -> timedelta:
    """Return how long a browser stays signed in."""
    return timedelta(hours=12) if method in STAFF_METHODS else timedelta(days=90)


def new_token() -> str:
    """Return 256 random bits that fit into an address."""
    return secrets.token_urlsafe(32)


def new_code() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(1_000_000):06}"


def clean_code(typed: str) -> str:
    """Return the digits of a typed code: people copy "123 456" and "123-456"."""
    return re.sub(r"[\s-]", "", typed)


def code_hash(code: str, *, request_id: int, secret_key: str) -> bytes:
    """Return what is stored of a code; keyed, because a plain hash of six digits is undone by trying a million."""
    key = hmac.digest(secret_key.encode(), b"sign-in code", hashlib.sha256)
    return hmac.digest(key, f"{request_id}:{code}".encode("utf-8", "surrogatepass"), hashlib.sha256)


def state_of(request: SignInRequest | None, at: datetime) -> State:
    """Return what has become of an asked-for sign-in."""
    if request is None:
        return "unknown"
    if request.used_at is not None:
        return "used"
    if request.replaced_at is not None:
        return "replaced"
    if request.expires_at <= at:
        return "expired"
    return "tries" if request.tries >= MAX_TRIES else "live"


def asked_in(request: SignInRequest, browser_hash: bytes | None) -> bool:
    """Return whether this is the browser in which the sign-in was asked for."""
    return browser_hash is not None and hmac.compare_digest(request.browser_hash, browser_hash)
