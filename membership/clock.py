"""The one way time enters: an instant is asked of a Clock, never of the system."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

_INSTANT = select(func.clock_timestamp())


class Clock(Protocol):
    """Gives aware UTC instants."""

    def now(self) -> datetime:
        """Return the present instant on this host."""

    def now_in(self, session: Session) -> datetime:
        """Return the database's present instant, read by a statement of its own.

        Ask it after the row that decides is locked: evaluated inside the locking SELECT it would be the instant before the wait.
        """


class SystemClock:
    """The host's clock, and the database's where that is shared by several hosts."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_in(self, session: Session) -> datetime:
        if session.get_bind().dialect.name != "postgresql":
            return self.now()
        instant: datetime = session.scalars(_INSTANT).one()
        return instant.astimezone(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is moved; for tests and for building the demo newsroom."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

    def now_in(self, session: Session) -> datetime:
        return self.instant
