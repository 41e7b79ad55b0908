"""What building the demo newsroom needs, and the clock that is moved from step to step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.config import Settings
from membership.voting.keys import RoundKeys

PATRON = "patron@readers.example"
Report = Callable[[str], object]


@dataclass
class Newsroom:
    """What building needs: a session, the settings, the votes' keys, and a clock that is moved from step to step."""

    session: Session
    settings: Settings
    keys: RoundKeys
    clock: FixedClock
    run_job: Callable[[str], object]
    report: Report
    today: datetime = field(init=False)
    staff: dict[str, int] = field(default_factory=dict)  # address: member id
    patrons: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.today = self.clock.now()

    def go_to(self, days: float) -> datetime:
        """Move the clock to so many days from today, at 20:00 in the newsroom; return the instant."""
        local = (self.today + timedelta(days=days)).astimezone(self.settings.time_zone)
        self.clock.instant = local.replace(hour=20, minute=0, second=0, microsecond=0).astimezone(UTC)
        return self.clock.instant

    @property
    def editor(self) -> int:
        """The first of the two staff."""
        return next(iter(self.staff.values()))

    @property
    def counter(self) -> int:
        """The second of the two staff."""
        return list(self.staff.values())[1]

    def deliver(self, *jobs: str) -> None:
        """Run these jobs and send what they wrote: on the day, so that it doesn't bury the first visitor's own mails."""
        for job in (*jobs, "mails"):
            self.run_job(job)
