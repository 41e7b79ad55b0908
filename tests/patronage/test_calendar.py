"""Months as people count them."""

from datetime import UTC, datetime

import pytest

from membership.patronage.calendar import add_months


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2028, 1, 31), 1, (2028, 2, 29)),
        ((2026, 11, 22), 1, (2026, 12, 22)),
        ((2026, 11, 30), 3, (2027, 2, 28)),
        ((2026, 3, 22), 12, (2027, 3, 22)),
        ((2026, 12, 31), 12, (2027, 12, 31)),
    ],
)
def test_months_end_on_the_same_day_or_the_last(start: tuple[int, int, int], months: int, end: tuple[int, int, int]) -> None:
    assert add_months(datetime(*start, 9, 30, tzinfo=UTC), months) == datetime(*end, 9, 30, tzinfo=UTC)
