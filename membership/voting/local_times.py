"""What a clock on the newsroom's wall shows, as an instant; on the two days a year when that is no simple matter too."""

from datetime import UTC, datetime, timedelta, tzinfo

from membership.errors import NotAllowed


class SkippedTime(NotAllowed):
    """The clocks go forward over this time: no clock ever shows it."""

    def __init__(self) -> None:
        super().__init__("The clocks go forward in that night: this time does not exist. Choose an hour earlier or later.")


class DoubledTime(NotAllowed):
    """The clocks go back over this time: it comes twice, and nobody could tell which is meant."""

    def __init__(self) -> None:
        super().__init__("The clocks go back in that night: this time comes twice. Choose an hour earlier or later.")


def instant_of(local: datetime, zone: tzinfo) -> datetime:
    """Return the instant at which clocks in this zone show this time (naive); raises SkippedTime, DoubledTime."""
    if local.tzinfo is not None:
        raise ValueError("a time on the wall has no time zone of its own")
    before, after = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if before.utcoffset() == after.utcoffset():
        return before.astimezone(UTC)
    raise DoubledTime if wall_time(before.astimezone(UTC), zone) == local else SkippedTime


def wall_time(instant: datetime, zone: tzinfo) -> datetime:
    """Return what clocks in this zone show at this instant, without a zone."""
    return instant.astimezone(zone).replace(tzinfo=None)


def days_later(local: datetime, length: timedelta, zone: tzinfo) -> datetime:
    """Return the instant so long after this time on the wall: several days by the wall's clock, a day or less to the second."""
    if length > timedelta(days=1):
        return instant_of(local + length, zone)
    return instant_of(local, zone) + length
