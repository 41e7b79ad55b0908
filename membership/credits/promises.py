"""What was promised, and whether it was kept: months, lateness and the share of promises kept. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

IN_PROGRESS, PUBLISHED, DROPPED = "in_progress", "published", "dropped"


@dataclass(frozen=True)
class Promise:
    """One chosen topic: the month first promised, the month promised now, and the day its story came out."""

    state: str
    promised_on: date
    due_on: date
    out_on: date | None = None

    def days_late(self, on: date) -> int:
        """Return by how many days it is late, or was when it came out; 0 if it is not."""
        if self.state == DROPPED:
            return 0
        return max(0, ((self.out_on or on) - last_day(self.due_on)).days)

    def was_in_time(self) -> bool:
        """Return whether the story came out by the end of the month first promised."""
        return self.out_on is not None and self.out_on <= last_day(self.promised_on)

    def is_decided(self, on: date) -> bool:
        """Return whether it can be said by now if the promise was kept: it is out, dropped, or its first month is over."""
        return self.state != IN_PROGRESS or on > last_day(self.promised_on)


@dataclass(frozen=True)
class Record:
    """How a newsroom kept its word over all promises."""

    chosen: int
    out: int
    in_time: int
    dropped: int
    late: int  # not out, and the month promised now is over
    most_days_late: int  # of those
    decided: int

    @property
    def in_progress(self) -> int:
        """How many stories are being worked on, late ones included."""
        return self.chosen - self.out - self.dropped

    @property
    def percent_in_time(self) -> int | None:
        """The share of promises kept, of those of which it can be said; None before the first."""
        return 100 * self.in_time // self.decided if self.decided else None


def record_of(promises: Iterable[Promise], *, on: date) -> Record:
    """Add up all promises as they stand on this day."""
    known = list(promises)
    late = [promise.days_late(on) for promise in known if promise.state == IN_PROGRESS and promise.days_late(on)]
    return Record(
        chosen=len(known),
        out=sum(promise.state == PUBLISHED for promise in known),
        in_time=sum(promise.was_in_time() for promise in known),
        dropped=sum(promise.state == DROPPED for promise in known),
        late=len(late),
        most_days_late=max(late, default=0),
        decided=sum(promise.is_decided(on) for promise in known),
    )


def default_due(chosen_on: date) -> date:
    """Return the first day of the month after next."""
    months = chosen_on.year * 12 + chosen_on.month - 1 + 2
    return date(months // 12, months % 12 + 1, 1)


def last_day(month: date) -> date:
    """Return the last day of this day's month."""
    in_next_month = month.replace(day=28) + timedelta(days=4)
    return in_next_month.replace(day=1) - timedelta(days=1)
