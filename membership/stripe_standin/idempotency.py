"""Answer a repeated Idempotency-Key with the first answer, and let no key run twice at once."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.store import Ledger

KEPT_SECONDS = 24 * 60 * 60
LONGEST_KEY = 255


@dataclass(frozen=True)
class Answer:
    """What a request is answered: status, body, and the id of the request that ran."""

    status: int
    body: Json
    request_id: str
    replayed: bool = False


def fingerprint(pairs: list[tuple[str, str]]) -> str:
    """Return a digest of the request's parameters, whatever their order."""
    return hashlib.sha256(json.dumps(sorted(pairs)).encode()).hexdigest()


def checked_key(key: str | None) -> str | None:
    """Return the key, or refuse one that is too long."""
    if key is not None and len(key) > LONGEST_KEY:
        raise ApiError(f"Idempotency keys can have up to {LONGEST_KEY} characters.", type_="idempotency_error")
    return key


class KeysInProgress:
    """The keys whose first request is still running in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] = set()

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Hold a key while its request runs; raises 409 while another request holds it."""
        with self._lock:
            if key in self._keys:
                raise ApiError(
                    f"There is currently another in-progress request using this Idempotency Key ({key}).",
                    code="idempotency_key_in_use",
                    type_="idempotency_error",
                    status=409,
                )
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)


def recall(ledger: Ledger, key: str, endpoint: str, digest: str) -> Answer | None:
    """Return the first answer to this key, None if it is new; raises where the request is another one."""
    ledger.execute("DELETE FROM idempotency WHERE created < ?", ledger.now - KEPT_SECONDS)
    sql = "SELECT endpoint, fingerprint, request_id, status, reply FROM idempotency WHERE key = ?"
    row = ledger.execute(sql, key).fetchone()
    if row is None:
        return None
    if row[0] != endpoint:
        raise _mismatch(key, f"for the same endpoint they were first used for ('{row[0]}' vs '{endpoint}')")
    if row[1] != digest:
        raise _mismatch(key, "with the same parameters they were first used with")
    return Answer(status=row[3], body=json.loads(row[4]), request_id=row[2], replayed=True)


def _mismatch(key: str, how: str) -> ApiError:
    message = f"Keys for idempotent requests can only be used {how}. Try using a key other than '{key}'"
    return ApiError(f"{message} if you meant to execute a different request.", type_="idempotency_error")


def record(ledger: Ledger, key: str, endpoint: str, digest: str, answer: Answer) -> None:
    """Keep the answer for a repeat of the request."""
    columns = "key, endpoint, fingerprint, request_id, status, reply, created"
    sql = f"INSERT INTO idempotency ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  (constant columns)
    reply = json.dumps(answer.body)
    ledger.execute(sql, key, endpoint, digest, answer.request_id, answer.status, reply, ledger.now)
