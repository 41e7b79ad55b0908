"""Jobs run when woken and each minute, and one that breaks stops nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huey import Huey

from membership.jobs import Job, Queue, make_huey


class Diary:
    """Jobs that write down when they ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def job(self, name: str, *, breaks: bool = False) -> Job:
        def run() -> int:
            self.ran.append(name)
            return 1 // 0 if breaks else 1

        return Job(name, run)


@pytest.fixture(params=["sqlite", "postgresql"])
def huey(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Huey]:
    """A queue of each kind that needs no service of its own."""
    path = tmp_path / "state" / "jobs.db"
    made = make_huey(f"sqlite:///{path}" if request.param == "sqlite" else request.getfixturevalue("postgresql_url"))
    yield made
    made.flush()
    made.storage.close()


def work(huey: Huey) -> None:
    """Do what the runner does with what waits in the queue."""
    while (task := huey.dequeue()) is not None:
        huey.execute(task)


def test_a_woken_job_runs_in_the_runner_and_no_other(huey: Huey) -> None:
    diary = Diary()
    queue = Queue(huey, [diary.job("mails"), diary.job("votes")])

    queue.wake("mails")
    before = list(diary.ran)
    work(huey)

    assert (before, diary.ran) == ([], ["mails"])


def test_each_minute_every_job_runs_in_order_and_a_broken_one_stops_nobody(huey: Huey) -> None:
    diary = Diary()
    queue = Queue(huey, [diary.job("a"), diary.job("b", breaks=True), diary.job("c")])

    queue.run_all()

    assert diary.ran == ["a", "b", "c"]


def test_an_unknown_job_breaks_nothing(huey: Huey) -> None:
    Queue(huey, []).wake("nonsense")

    work(huey)

    assert huey.pending_count() == 0


def test_a_queue_that_is_away_costs_the_reader_nothing(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    queue = Queue(make_huey(f"sqlite:///{path}"), [Diary().job("mails")])
    queue.huey.storage.close()
    path.unlink()
    path.mkdir()

    queue.wake("mails")


@pytest.mark.parametrize(
    ("url", "kind"),
    [("redis://127.0.0.1:1/0", "RedisHuey"), ("rediss://127.0.0.1:1/0", "RedisHuey")],
)
def test_redis_can_carry_the_queue(url: str, kind: str) -> None:
    pytest.importorskip("redis")

    assert type(make_huey(url)).__name__ == kind


def test_every_job_is_planned_for_each_minute(huey: Huey) -> None:
    Queue(huey, [])

    assert [type(task).__name__ for task in huey._registry.periodic_tasks] == ["run_all_jobs"]
