"""Engine, session, transaction and column types; the same behaviour on SQLite and PostgreSQL."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from membership.writers import turn_to_write

BUSY_TIMEOUT_MS = 15_000


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite would hand it back naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The declarative base: named constraints, aware instants."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        },
    )
    type_annotation_map = {datetime: UtcDateTime(), dict[str, Any]: JSON(), list[Any]: JSON()}  # noqa: RUF012


def normalise_url(url: str) -> str:
    """Return the SQLAlchemy form of a database URL; `postgres://` and `postgresql://` mean psycopg 3."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def make_engine(url: str, *, pool_size: int = 10) -> Engine:
    """Open the engine for this URL with the durability and locking that votes and money need."""
    normalised = normalise_url(url)
    if make_url(normalised).get_backend_name() != "sqlite":
        # A dead database must fail a request quickly, not hang it.
        return create_engine(
            normalised,
            pool_size=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,  # an error's text ends in the log
            json_serializer=_dumps,
            connect_args={"connect_timeout": 5},
        )
    engine = create_engine(normalised, pool_size=pool_size, hide_parameters=True, json_serializer=_dumps)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _configure_sqlite(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: a read-then-write in a deferred one fails with "database is locked".
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


SessionFactory = sessionmaker[Session]


def make_sessions(engine: Engine, *, audit_keys: Sequence[bytes] = ()) -> SessionFactory:
    """Return the factory of sessions; what a session loaded stays readable after its commit.

    The first of audit_keys signs what is recorded, the others are still known; without any, recording raises RuntimeError.
    """
    return sessionmaker(engine, expire_on_commit=False, info={"audit_keys": tuple(audit_keys)})


class ClosingStep(Protocol):
    """What a use case does last of all, just before its commit."""

    def __call__(self, session: Session) -> None: ...


Step = TypeVar("Step", bound=ClosingStep)


def closing_step(session: Session, kind: type[Step]) -> Step:
    """Return the closing step of this kind of the use case under way, made when it is first asked for.

    It is called once, after everything else was written: the locks it takes are the last ones, so nobody waits for it while holding
    what it needs. Raises RuntimeError outside of a transaction(): nobody would ever call it.
    """
    if not session.info.get("in_use_case"):
        raise RuntimeError("something was recorded outside of a transaction()")
    return cast(Step, session.info["closing"].setdefault(kind, kind()))


@contextmanager
def transaction(session: Session) -> Iterator[None]:
    """Run one use case in one write transaction: commit at the end, roll back on any error.

    A read transaction that is already open (flask-login has read the member) is ended first. On SQLite writers wait in a queue.
    Raises RuntimeError when nested or when changes were made outside of a transaction().
    """
    if session.info.get("in_use_case"):
        raise RuntimeError("transactions do not nest: one service calls another")
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("something was changed outside of a transaction()")
    session.commit()
    with turn_to_write(session.get_bind().engine.url, seconds=BUSY_TIMEOUT_MS / 1000):
        session.info.update(in_use_case=True, closing={})
        try:
            session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
            yield
            session.flush()
            for step in session.info["closing"].values():
                step(session)
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            session.info.update(in_use_case=False, closing={})


def release(session: Session) -> None:
    """End the read transaction and give the connection back: nothing of ours is held while we wait for somebody else."""
    if session.info.get("in_use_case"):
        raise RuntimeError("a use case waits for nobody")
    session.commit()


def insert_into(session: Session, model: type[Base]) -> PostgresqlInsert | SqliteInsert:
    """Return an INSERT that can say ON CONFLICT, which both databases spell alike and SQLAlchemy does not."""
    return postgresql_insert(model) if is_postgresql(session) else sqlite_insert(model)


def is_postgresql(session: Session) -> bool:
    """Return whether this session speaks to PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"
