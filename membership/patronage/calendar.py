"""Calendar months, as people count them."""

import calendar
from datetime import datetime


def add_months(instant: datetime, months: int) -> datetime:
    """Return the same day and time some months later; the last day where that month is shorter."""
    years, month = divmod(instant.month - 1 + months, 12)
    year, month = instant.year + years, month + 1
    last = calendar.monthrange(year, month)[1]
    return instant.replace(year=year, month=month, day=min(instant.day, last))
