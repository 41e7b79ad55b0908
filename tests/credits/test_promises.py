"""Lateness and the share of promises kept."""

from datetime import date

import pytest

from membership.credits.promises import DROPPED, IN_PROGRESS, PUBLISHED, Promise, Record, default_due, last_day, record_of

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


@pytest.mark.parametrize(
    ("chosen_on", "due_on"),
    [
        (date(2026, 3, 31), date(2026, 5, 1)),
        (date(2026, 10, 1), date(2026, 12, 1)),
        (date(2026, 11, 30), date(2027, 1, 1)),
        (date(2026, 12, 31), date(2027, 2, 1)),
    ],
)
def test_a_story_is_promised_for_the_month_after_next(chosen_on: date, due_on: date) -> None:
    assert default_due(chosen_on) == due_on


@pytest.mark.parametrize(
    ("month", "end"),
    [(date(2026, 2, 1), date(2026, 2, 28)), (date(2028, 2, 1), date(2028, 2, 29)), (date(2026, 12, 1), date(2026, 12, 31))],
)
def test_a_month_ends_on_its_last_day(month: date, end: date) -> None:
    assert last_day(month) == end


@pytest.mark.parametrize(
    ("promise", "days"),
    [
        (Promise(IN_PROGRESS, MAY, MAY), 9),
        (Promise(IN_PROGRESS, MAY, JUNE), 0),
        (Promise(PUBLISHED, MAY, MAY, date(2026, 6, 3)), 3),
        (Promise(PUBLISHED, MAY, MAY, date(2026, 5, 31)), 0),
        (Promise(DROPPED, MAY, MAY), 0),
    ],
)
def test_days_late_on_the_ninth_of_june(promise: Promise, days: int) -> None:
    assert promise.days_late(date(2026, 6, 9)) == days


def test_a_story_is_not_late_before_its_month_is_over() -> None:
    assert Promise(IN_PROGRESS, MAY, MAY).days_late(date(2026, 5, 31)) == 0


def test_moving_the_month_does_not_make_a_late_story_one_in_time() -> None:
    moved = Promise(PUBLISHED, MAY, JUNE, date(2026, 6, 3))

    assert (moved.days_late(date(2026, 6, 9)), moved.was_in_time()) == (0, False)


def test_without_a_promise_there_is_no_share() -> None:
    nothing = record_of([], on=MAY)

    assert (nothing, nothing.percent_in_time) == (Record(0, 0, 0, 0, 0, 0, 0), None)


def test_the_record_counts_a_dropped_and_a_moved_promise_as_not_kept() -> None:
    promises = [
        Promise(PUBLISHED, MAY, MAY, date(2026, 4, 30)),
        Promise(PUBLISHED, MAY, MAY, date(2026, 6, 2)),
        Promise(DROPPED, MAY, MAY),
        Promise(IN_PROGRESS, MAY, MAY),
        Promise(IN_PROGRESS, MAY, JUNE),
        Promise(IN_PROGRESS, JUNE, JUNE),
    ]

    record = record_of(promises, on=date(2026, 6, 9))

    assert record == Record(chosen=6, out=2, in_time=1, dropped=1, late=1, most_days_late=9, decided=5)
    assert (record.in_progress, record.percent_in_time) == (3, 20)
