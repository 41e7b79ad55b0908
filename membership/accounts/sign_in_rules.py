"""The rules of signing in: how long what lives, what a code looks like, and in which state an asked-for sign-in is."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Literal

from membership.accounts.models import LoginSession, SignInRequest

PROOF_LIFETIME = timedelta(minutes=10)
MAX_TRIES = 5
MAILS_PER_HOUR = 5
# Codes typed without their link, over all mails to one address: whoever asks again and again in somebody's name may guess no more
# often than this in a day. The owner still has the link.
CODES_A_DAY = 25
# A network is many people; browsers that were signed in before are not counted with their network.
MAILS_AN_HOUR_OF_NETWORK = 60
CODES_AN_HOUR_OF_NETWORK = 60
CODES_AN_HOUR_OF_BROWSER = 30
LINK_LIFETIME = timedelta(hours=24)
# Only these ways in carry a staff role's power: a mailbox alone is no proof for staff.
STAFF_METHODS = frozenset({"passkey", "staff_link"})
# Whoever owns the account is told of these by mail when the browser is new to it.
TOLD_METHODS = frozenset({"mail", "checkout", "passkey"})
ENROLMENT_LIFETIME = timedelta(minutes=30)

State = Literal["live", "unknown", "used", "replaced", "expired", "tries"]
# What is proved with: the code typed in the browser that asked, or the link (elsewhere with the code beside it).
Way = Literal["code", "link"]


def session_lifetime(method: str) -> timedelta:
    """Return how long a browser stays signed in at most."""
    if method == "enrolment":
        return ENROLMENT_LIFETIME
    return timedelta(hours=12) if method in STAFF_METHODS else timedelta(days=90)


def idle_lifetime(method: str) -> timedelta:
    """Return after how long without use a browser is signed out; counted from the beginning of the hour of its last use."""
    if method == "enrolment":
        return ENROLMENT_LIFETIME + timedelta(hours=1)  # its own end comes first, wherever in the hour it began
    return timedelta(hours=2) if method in STAFF_METHODS else timedelta(days=30)


def is_alive(login: LoginSession, at: datetime) -> bool:
    """Return whether this session still signs its browser in."""
    return login.ended_at is None and login.expires_at > at and login.last_seen_at + idle_lifetime(login.method) > at


def hour_of(instant: datetime) -> datetime:
    """Return the beginning of the instant's hour: of a browser's use nothing finer is kept."""
    return instant.replace(minute=0, second=0, microsecond=0)


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


def state_of(request: SignInRequest | None, at: datetime, way: Way) -> State:
    """Return what has become of an asked-for sign-in.

    The ways have tries of their own: who asks in somebody's name and types five wrong codes has not touched the link, which lies in
    the owner's mailbox.
    """
    if request is None:
        return "unknown"
    if request.used_at is not None:
        return "used"
    if request.replaced_at is not None:
        return "replaced"
    if request.expires_at <= at:
        return "expired"
    tries = request.tries if way == "code" else request.link_tries
    return "tries" if tries >= MAX_TRIES else "live"


def asked_in(request: SignInRequest, browser_hash: bytes | None) -> bool:
    """Return whether this is the browser in which the sign-in was asked for."""
    return browser_hash is not None and hmac.compare_digest(request.browser_hash, browser_hash)
