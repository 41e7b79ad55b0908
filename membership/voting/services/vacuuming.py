"""What deleted ballots leave in the database's own files, and how it is taken out of them. Outside of any transaction."""

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from membership.db import BUSY_TIMEOUT_MS
from membership.writers import turn_to_write

# Voters must not queue behind us; we come again.
LOCK_TIMEOUT = "10s"


def rewrite_files(session: Session) -> None:
    """Rewrite the files that held ballots, so that deleted rows can't be read from them."""
    engine = _engine_of(session)
    if engine.dialect.name == "sqlite":
        _run_sqlite(engine, "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        _run_postgresql(engine, "VACUUM (FULL) ballot, ballot_choice")


def clear_dead_rows(session: Session) -> None:
    """Take out what a rewriting in place has left, while ballots go on arriving."""
    engine = _engine_of(session)
    if engine.dialect.name == "sqlite":  # which overwrites what it deletes; only the log still holds it
        _run_sqlite(engine, "PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        _run_postgresql(engine, "VACUUM ballot, ballot_choice")


def _engine_of(session: Session) -> Engine:
    session.commit()
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    return engine


def _run_sqlite(engine: Engine, *statements: str) -> None:
    raw = engine.raw_connection()  # no BEGIN: it runs outside of a transaction
    try:
        with turn_to_write(engine.url, seconds=BUSY_TIMEOUT_MS / 1000):
            for statement in statements:
                raw.cursor().execute(statement)
    finally:
        raw.close()


def _run_postgresql(engine: Engine, statement: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        try:
            connection.execute(text(statement))
        finally:
            connection.execute(text("RESET lock_timeout"))
