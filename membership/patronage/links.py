"""Signed links that do one thing without signing in: they name a payment's key, run out, and die when the key is changed. Pure."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer

# What a receipt's links can do; each of them works for its own purpose only.
PURPOSES = ("card", "lower", "pause", "stop")
VALID_FOR = timedelta(days=60)


class _Signer(TimestampSigner):
    """Reads the clock that it is given."""

    def __init__(self, *args: Any, at: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._at = at

    def get_timestamp(self) -> int:
        return self._at


def make_link(secret_key: str, purpose: str, key: UUID, *, now: datetime) -> str:
    """Return the token of a link."""
    return str(_serializer(secret_key, purpose, now).dumps(key.hex))


def make_links(secret_key: str, key: UUID, *, now: datetime) -> dict[str, str]:
    """Return a token for each purpose."""
    return {purpose: make_link(secret_key, purpose, key, now=now) for purpose in PURPOSES}


def read_link(secret_key: str, purpose: str, token: str, *, now: datetime) -> UUID:
    """Return the key that a link names; raises ValueError for one that has run out, is garbled or was made for something else."""
    try:
        named = _serializer(secret_key, purpose, now).loads(token, max_age=int(VALID_FOR.total_seconds()))
        return UUID(hex=named)
    except (BadData, TypeError, AttributeError) as error:
        raise ValueError("not a link of ours, or no longer") from error


def _serializer(secret_key: str, purpose: str, now: datetime) -> URLSafeTimedSerializer:
    at = int(now.timestamp())
    return URLSafeTimedSerializer(secret_key, salt=f"link-{purpose}", signer=_Signer, signer_kwargs={"at": at})
