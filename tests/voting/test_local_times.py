"""Times on the newsroom's wall, in the two nights in which its clocks change too."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from membership.voting.local_times import DoubledTime, SkippedTime, days_later, instant_of, wall_time

KYIV = ZoneInfo("Europe/Kyiv")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # whose clocks change by half an hour, in the other half of the year
SANTIAGO = ZoneInfo("America/Santiago")  # where they change at midnight
wall = datetime.fromisoformat


@pytest.mark.parametrize(
    ("zone", "local", "refusal"),
    [
        (KYIV, wall("2026-03-29 03:00"), SkippedTime),
        (KYIV, wall("2026-03-29 03:59"), SkippedTime),
        (KYIV, wall("2026-10-25 03:00"), DoubledTime),
        (KYIV, wall("2026-10-25 03:59"), DoubledTime),
        (LORD_HOWE, wall("2026-10-04 02:15"), SkippedTime),
        (LORD_HOWE, wall("2026-04-05 01:45"), DoubledTime),
        (SANTIAGO, wall("2026-09-06 00:30"), SkippedTime),
        (SANTIAGO, wall("2026-04-04 23:30"), DoubledTime),
    ],
)
def test_a_time_that_never_comes_or_comes_twice_is_refused(zone: ZoneInfo, local: datetime, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        instant_of(local, zone)


def test_a_time_with_a_zone_of_its_own_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="on the wall"):
        instant_of(datetime(2026, 3, 28, 20, 0, tzinfo=UTC), KYIV)


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        (KYIV, wall("2026-03-28 20:00"), datetime(2026, 3, 28, 18, 0, tzinfo=UTC)),
        (KYIV, wall("2026-03-29 02:59"), datetime(2026, 3, 29, 0, 59, tzinfo=UTC)),
        (KYIV, wall("2026-03-29 04:00"), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (KYIV, wall("2026-10-25 02:59"), datetime(2026, 10, 24, 23, 59, tzinfo=UTC)),
        (KYIV, wall("2026-10-25 04:00"), datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
        (LORD_HOWE, wall("2026-10-04 02:30"), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        (ZoneInfo("UTC"), wall("2026-03-29 03:00"), datetime(2026, 3, 29, 3, 0, tzinfo=UTC)),
    ],
)
def test_every_other_time_is_one_instant_and_back(zone: ZoneInfo, local: datetime, instant: datetime) -> None:
    assert (instant_of(local, zone), wall_time(instant, zone)) == (instant, local)


def test_a_week_ends_at_the_same_hour_on_the_wall_and_a_day_after_twenty_four_hours() -> None:
    before_summer, before_winter = wall("2026-03-28 20:00"), wall("2026-10-24 20:00")
    week, day = timedelta(days=7), timedelta(hours=24)

    assert days_later(before_summer, week, KYIV) - instant_of(before_summer, KYIV) == timedelta(hours=167)
    assert days_later(before_winter, week, KYIV) - instant_of(before_winter, KYIV) == timedelta(hours=169)
    assert wall_time(days_later(before_summer, week, KYIV), KYIV) == wall("2026-04-04 20:00")
    assert wall_time(days_later(before_summer, day, KYIV), KYIV) == wall("2026-03-29 21:00")
    assert wall_time(days_later(before_winter, day, KYIV), KYIV) == wall("2026-10-25 19:00")


def test_a_week_that_would_end_in_the_hour_that_is_skipped_is_refused() -> None:
    with pytest.raises(SkippedTime):
        days_later(wall("2026-03-22 03:30"), timedelta(days=7), KYIV)
