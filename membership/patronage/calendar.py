"""Calendar months, as people count them."""

import calendar
from datetime import UTC, date, datetime, time


def add_months(instant: datetime, months: int) -> datetime:
    """Return the same day and time some months later; the last day where that month is shorter."""
    years, month = divmod(instant.month - 1 + months, 12)
    year, month = instant.year + years, month + 1
    last = calendar.monthrange(year, month)[1]
    return instant.replace(year=year, month=month, day=min(instant.day, last))


def within(day: date, now: datetime) -> datetime:
    """Return an instant that is on this day nearly everywhere, and has come: of what came in we know the day alone."""
    return min(datetime.combine(day, time(12), UTC), now)
