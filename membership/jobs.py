"""Work in the background: huey carries it out, the database says what is due, so that a lost queue loses nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey, crontab
from huey.consumer import Consumer

from membership.clock import Clock
from membership.config import Settings
from membership.db import SessionFactory

log = structlog.get_logger()


@dataclass(frozen=True)
class JobContext:
    """What jobs work with: they run outside of any request."""

    sessions: SessionFactory
    clock: Clock
    settings: Settings


@dataclass(frozen=True)
class Job:
    """One repeatable piece of work, drawn from state; run each minute and whenever somebody wakes it."""

    name: str
    run: Callable[[], object]


def make_huey(jobs_url: str) -> Huey:
    """Open the queue behind a JOBS_URL: `sqlite:///path`, `postgresql://…` or `redis://…`."""
    scheme = urlsplit(jobs_url).scheme
    if scheme.startswith("redis"):
        return RedisHuey("membership", url=jobs_url, results=False)
    if scheme.startswith("postgres"):
        dsn = "postgresql://" + jobs_url.split("://", 1)[1]
        return PostgresHuey("membership", dsn=dsn, results=False)
    path = Path(jobs_url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    return SqliteHuey("membership", filename=str(path), results=False)


class Queue:
    """Wakes the job runner; losing a wake-up costs a minute, never a piece of work."""

    def __init__(self, huey: Huey, jobs: Sequence[Job]) -> None:
        self.huey = huey
        self.jobs = {job.name: job for job in jobs}
        self._run_named = huey.task(name="run_job")(self.run)
        huey.periodic_task(crontab(minute="*"), name="run_all_jobs")(self.run_all)

    def wake(self, name: str) -> None:
        """Ask the runner to run one job now."""
        try:
            self._run_named(name)
        except Exception as error:  # the queue is a convenience: the row is written, the sweep will find it
            log.warning("jobs.wake_failed", job=name, error=type(error).__name__)

    def run(self, name: str) -> None:
        """Run one job in this process; its failure is logged and waits for the next sweep."""
        try:
            outcome = self.jobs[name].run()
        except Exception:  # one broken job must not stop the others
            log.exception("jobs.failed", job=name)
        else:
            if outcome:
                log.info("jobs.ran", job=name, outcome=str(outcome))

    def run_all(self) -> None:
        """Run every job once, in the order given."""
        for name in self.jobs:
            self.run(name)

    def consume(self, *, workers: int = 2) -> None:
        """Run until a signal says stop."""
        options: dict[str, Any] = {"workers": workers, "periodic": True, "max_delay": 0.5, "initial_delay": 0.1}
        Consumer(self.huey, **options).run()
