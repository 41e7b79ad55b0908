"""How many requests of strangers and readers were refused, by day and kind: numbers only, of nobody in particular."""

import threading
from collections import Counter
from datetime import date, datetime, timedelta

from sqlalchemy import CheckConstraint, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from membership.db import Base, SessionFactory, insert_into, transaction

# A flood of refused requests costs one write in this time.
EVERY = timedelta(seconds=10)


class RefusalCount(Base):
    """How often one kind of request was refused on one day (in the newsroom's zone)."""

    __tablename__ = "refusal_count"
    __table_args__ = (CheckConstraint("kind IN ('role', 'foreign', 'often')", name="kind_known"),)

    on: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    many: Mapped[int]


class RefusalCounter:
    """Counts in this process's memory and writes down now and then; what a killed process had not written is lost."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions
        self._pending: Counter[tuple[date, str]] = Counter()
        self._lock = threading.Lock()
        self._write_at: datetime | None = None

    def count(self, kind: str, *, on: date, now: datetime) -> None:
        """Count one refused request, and write if it is time."""
        with self._lock:
            self._pending[on, kind] += 1
            self._write_at = self._write_at or now + EVERY
        self.write_if_due(now)

    def write_if_due(self, now: datetime) -> None:
        """Write what was counted if the first of it is old enough."""
        if self._write_at is not None and self._write_at <= now:
            self.write()

    def write(self) -> None:
        """Add what was counted to the numbers of all processes; what the database does not take waits for the next time."""
        with self._lock:
            counted, self._pending, self._write_at = self._pending, Counter(), None
        if not counted:
            return
        try:
            self._add(counted)
        except SQLAlchemyError:
            with self._lock:
                self._pending += counted
            raise

    def _add(self, counted: Counter[tuple[date, str]]) -> None:
        with self._sessions() as session, transaction(session):
            for (on, kind), many in sorted(counted.items()):  # in one order: no two processes wait for each other
                row = insert_into(session, RefusalCount).values(on=on, kind=kind, many=many)
                session.execute(
                    row.on_conflict_do_update(
                        index_elements=[RefusalCount.on, RefusalCount.kind],
                        set_={"many": RefusalCount.many + row.excluded.many},
                    ),
                )


def refusals_since(session: Session, day: date) -> list[RefusalCount]:
    """Return the numbers of the days from this one on, the newest day first."""
    since = select(RefusalCount).where(RefusalCount.on >= day).order_by(RefusalCount.on.desc(), RefusalCount.kind)
    return list(session.scalars(since.execution_options(populate_existing=True)))
