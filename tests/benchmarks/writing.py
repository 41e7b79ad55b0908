"""A transaction that writes, with nothing around it: what the product is measured against."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from membership.db import BUSY_TIMEOUT_MS
from membership.writers import turn_to_write


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that writes, and commit it; on SQLite in the writers' queue too, without which some never get a turn."""
    with (
        turn_to_write(engine.url, seconds=BUSY_TIMEOUT_MS / 1000),
        engine.connect() as connection,
        connection.execution_options(sqlite_begin="IMMEDIATE").begin(),
    ):
        yield connection
