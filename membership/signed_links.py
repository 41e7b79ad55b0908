"""Signed tokens for links: each works for one purpose, runs out, and dies when the secret key is changed. Pure."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer


class _Signer(TimestampSigner):
    """Reads the clock that it is given."""

    def __init__(self, *args: Any, at: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._at = at

    def get_timestamp(self) -> int:
        return self._at


def make_token(secret_key: str, purpose: str, named: str, *, now: datetime) -> str:
    """Return a token that names something for one purpose."""
    return str(_serializer(secret_key, purpose, now).dumps(named))


def read_token(
    secret_key: str, purpose: str, token: str, *, valid_for: timedelta, since: datetime | None = None, now: datetime
) -> str:
    """Return what a token names; raises ValueError for one that has run out, is garbled or was made for something else.

    One that was made before `since` names nothing either. A token knows the second in which it was made.
    """
    seconds = int(valid_for.total_seconds())
    try:
        named, made_at = _serializer(secret_key, purpose, now).loads(token, max_age=seconds, return_timestamp=True)
    except BadData as error:
        raise ValueError("not a token of ours, or no longer") from error
    if since is not None and made_at < since:
        raise ValueError("a token of ours, made too early")
    if not isinstance(named, str):
        raise ValueError("not a token of ours")
    return named


def _serializer(secret_key: str, purpose: str, now: datetime) -> URLSafeTimedSerializer:
    # The library's own choice is SHA-1.
    signing = {"at": int(now.timestamp()), "digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeTimedSerializer(secret_key, salt=f"link-{purpose}", signer=_Signer, signer_kwargs=signing)
