"""Billing periods, counted from the anchor so that a month's end stays one."""

import calendar
from datetime import UTC, datetime, timedelta


def period_start(anchor: int, interval: str, count: int, number: int) -> int:
    """Return the second at which period `number` (0 is the first) begins."""
    steps = count * number
    begin = datetime.fromtimestamp(anchor, UTC)
    if interval in {"day", "week"}:
        return int((begin + timedelta(days=steps * (7 if interval == "week" else 1))).timestamp())
    months = begin.month - 1 + steps * (12 if interval == "year" else 1)
    year, month = begin.year + months // 12, months % 12 + 1
    day = min(begin.day, calendar.monthrange(year, month)[1])
    return int(begin.replace(year=year, month=month, day=day).timestamp())
