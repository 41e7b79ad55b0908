"""The only place where the stand-in reads the system's clock."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the system's instant, aware and in UTC."""
    return datetime.now(UTC)
