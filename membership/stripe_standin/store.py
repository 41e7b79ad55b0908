"""Keep the stand-in's state in SQLite: objects as documents, deliveries, idempotency keys, due dates."""

import json
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from membership.stripe_standin.errors import Json, resource_missing
from membership.stripe_standin.resources import complete

_SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    private TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, seq);
CREATE INDEX IF NOT EXISTS object_customer ON object (kind, json_extract(body, '$.customer'));
CREATE INDEX IF NOT EXISTS object_subscription
    ON object (kind, json_extract(body, '$.parent.subscription_details.subscription'));
CREATE INDEX IF NOT EXISTS object_invoice ON object (kind, json_extract(body, '$.invoice'));
CREATE TABLE IF NOT EXISTS due (id TEXT PRIMARY KEY REFERENCES object (id), at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS due_at ON due (at);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    request_id TEXT NOT NULL,
    status INTEGER NOT NULL,
    reply TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
    event TEXT NOT NULL REFERENCES object (id),
    endpoint TEXT NOT NULL REFERENCES object (id),
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'given_up')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    PRIMARY KEY (event, endpoint)
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, next_at);
CREATE TABLE IF NOT EXISTS attempt (
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER,
    detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS fate (
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    PRIMARY KEY (event, endpoint),
    FOREIGN KEY (event, endpoint) REFERENCES delivery (event, endpoint) ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS echo (
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (event, endpoint),
    FOREIGN KEY (event, endpoint) REFERENCES delivery (event, endpoint) ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS chaos (
    fault TEXT PRIMARY KEY,
    settings TEXT NOT NULL,
    draws INTEGER NOT NULL DEFAULT 0,
    struck INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS chaos_record (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    fault TEXT NOT NULL,
    what TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


@dataclass
class Ledger:
    """One open transaction: its connection, the billing time, and the API request that asked for it."""

    connection: sqlite3.Connection
    now: int
    public_url: str
    request_id: str | None = None
    idempotency_key: str | None = None

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run one statement."""
        return self.connection.execute(sql, values)

    def add(self, body: Json, private: Json | None = None) -> Json:
        """Store a new object with its full set of fields."""
        whole = complete(body)
        self.execute(
            "INSERT INTO object (id, kind, body, private) VALUES (?, ?, ?, ?)",
            *(whole["id"], whole["object"], json.dumps(whole), json.dumps(private or {})),
        )
        return whole

    def save(self, body: Json) -> Json:
        """Replace a stored object."""
        self.execute("UPDATE object SET body = ? WHERE id = ?", json.dumps(body), body["id"])
        return body

    def find(self, kind: str, key: str) -> Json | None:
        """Return one object, or None."""
        row = self.execute("SELECT body FROM object WHERE kind = ? AND id = ?", kind, key).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def get(self, kind: str, key: str) -> Json:
        """Return the object that a path names; raises 404."""
        body = self.find(kind, key)
        if body is None:
            raise resource_missing(kind, key)
        return body

    def refer(self, kind: str, key: str, param: str) -> Json:
        """Return the living object that a parameter names; raises 400."""
        body = self.find(kind, key)
        if body is None or body.get("deleted"):
            raise resource_missing(kind, key, param=param, status=400)
        return body

    def anything(self, key: str) -> Json:
        """Return an object of whatever kind."""
        row = self.execute("SELECT body FROM object WHERE id = ?", key).fetchone()
        return dict(json.loads(row[0]))

    def private(self, key: str) -> Json:
        """Return what the stand-in knows about an object and never sends."""
        row = self.execute("SELECT private FROM object WHERE id = ?", key).fetchone()
        return dict(json.loads(row[0]))

    def remember(self, key: str, **values: Any) -> None:
        """Change what the stand-in knows about an object and never sends."""
        private = {**self.private(key), **values}
        self.execute("UPDATE object SET private = ? WHERE id = ?", json.dumps(private), key)

    def select(self, kind: str, filters: Json | None = None, *, oldest_first: bool = False) -> list[Json]:
        """Return the objects of one kind whose fields have these values, newest first."""
        where, values = ["kind = ?", "json_extract(body, '$.deleted') IS NULL"], [kind]
        for path, value in (filters or {}).items():
            where.append(f"json_extract(body, '$.{path}') = ?")
            values.append(value)
        order = "ASC" if oldest_first else "DESC"
        sql = f"SELECT body FROM object WHERE {' AND '.join(where)} ORDER BY seq {order}"  # noqa: S608  (our own paths)
        return [dict(json.loads(row[0])) for row in self.execute(sql, *values)]

    def schedule(self, key: str, at: int | None) -> None:
        """Say when the stand-in must look at an object by itself; None for never."""
        self.execute("DELETE FROM due WHERE id = ?", key)
        if at is not None:
            self.execute("INSERT INTO due (id, at) VALUES (?, ?)", key, at)


class Store:
    """Lend connections to the state file, a transaction each; writers queue behind BEGIN IMMEDIATE."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # Kept open, because the last connection to close would fold the write-ahead log back on every request.
        self._keeper = self._connect()
        self._keeper.execute("PRAGMA journal_mode = WAL")
        self._keeper.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        self._idle: deque[sqlite3.Connection] = deque()
        self._is_closed = False

    def close(self) -> None:
        """Fold the write-ahead log back into the state file."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()
        self._keeper.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=30, check_same_thread=False)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """Open one transaction; commit it at the end, or roll it back on an exception."""
        with self._lent() as connection:
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        """Lend an idle connection, or a new one: opening one costs as much as a whole request."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            if self._is_closed:
                connection.close()
            else:
                self._idle.append(connection)
