"""Thousands of voters at once while the vote ends, perhaps on a server that dies again and again; then what they were told is held
against what was counted."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine

from membership.app import create_app
from membership.clock import FixedClock, SystemClock
from membership.config import read_settings
from membership.errors import Conflict
from membership.voting import queries, services
from membership.voting.models import Round
from membership.voting.receipts import receipt, receipt_hash
from tests.factories.voting import counted_voters, make_staff
from tests.proofs.processes import Server, dead_in_the_end, deadlocks_in
from tests.proofs.voters_clients import Crowd
from tests.proofs.voters_history import LATE, Box, end_of, faults, recount
from tests.proofs.voters_world import Vote, open_vote, read_box
from tests.serving import free_port

VOTERS, BROWSERS, WORKERS = 2_000, 32, 2
PATIENCE_SECONDS = 120
MOST_ANSWERS = 250  # between two deaths
LATE_ANSWERS = 150  # heard before everybody goes home
WORKER, SERVER = "a worker", "the server"
FLAGS = ("--workers", str(WORKERS), "--blocking-threads", "8", "--respawn-failed-workers", "--respawn-interval", "0.1")


@dataclass
class Fire:
    """One run: the crowd, the server, and between which two instants the vote ended."""

    app: Flask
    vote: Vote
    crowd: Crowd
    server: Server
    seed: int
    ended: tuple[float, float] = (0.0, 0.0)
    browsers: list[Future[None]] = field(default_factory=list)
    clock: SystemClock = field(default_factory=SystemClock)

    @contextmanager
    def crowded(self) -> Iterator[None]:
        """Let all browsers vote until the block ends."""
        with ThreadPoolExecutor(BROWSERS) as threads:
            self.browsers = [threads.submit(self.crowd.votes, number, BROWSERS) for number in range(BROWSERS)]
            try:
                yield
            finally:
                self.crowd.over.set()
        for browser in self.browsers:
            browser.result()

    def ends_by_the_clock(self) -> None:
        """Wait until the vote's time is over; the job that closes it is late."""
        self.ended = (self.vote.closes_at.timestamp(),) * 2
        self._hear(LATE, LATE_ANSWERS)

    def ends_by_hand(self) -> None:
        """Close the vote now, while everybody votes."""
        started = time.time()
        with self.app.extensions["kernel"].sessions() as session:
            editor = make_staff(session, clock=self._now(), role="editor")
            services.close_round(session, round_id=self.vote.round_id, note="Enough", actor_id=editor, clock=self.clock)
        self.ended = started, time.time()

    def dies(self, deaths: Sequence[str], *, word: str) -> None:
        """Kill a worker or the whole server, one after the other, each after some more answers of a kind."""
        chance = random.Random(f"{self.seed} {word}")
        for death in deaths:
            self._hear(word, chance.randrange(MOST_ANSWERS))
            threading.Event().wait(chance.random() / 50)
            if death == WORKER:
                self.server.kill_worker()
            else:
                self.server.kill()
                self.server.start()
        self._hear(word, 0)  # it has come back

    def _hear(self, word: str, more: int) -> None:
        """Wait until so many more requests, and one for each browser, were answered with this."""
        wanted, until = self.crowd.heard[word] + more + BROWSERS, time.monotonic() + PATIENCE_SECONDS
        while self.crowd.heard[word] < wanted:
            assert time.monotonic() < until, f"no more is {word}: {self.crowd.heard}"
            for browser in self.browsers:
                assert not browser.done(), browser.result()  # what it met that no voter should is raised here
            self.crowd.over.wait(0.01)

    def holds(self) -> None:
        """Hold the box against what its voters were told, start everything again, count it, and hold the count against them too."""
        assert deadlocks_in(self.server.log) == []
        box = self._box()
        end = end_of(self.crowd.history, not_before=self.ended[0], not_after=self.ended[1])
        assert faults(self.crowd.history, box, end=end) == []
        closed_at = self._close()
        self._restarts(box, closed_at)
        result_of_box, undecided = recount(self.crowd.history, box, end=end)
        self._counts(box, result_of_box)
        answers = ", ".join(f"{many:,} {word}" for word, many in self.crowd.heard.items())
        print(f"{answers}; {len(box):,} ballots, {undecided} of them not told by the answers alone")

    def _box(self) -> Box:
        key = self.app.extensions["round_keys"].read(self.vote.round_id)
        with self.app.extensions["kernel"].sessions() as session:
            return read_box(session, round_id=self.vote.round_id, key=key, members=self.vote.cookies)

    def _close(self) -> datetime:
        """Let the job do what is due, twice, and return when the vote closed: at its time, however late the job is."""
        with self.app.extensions["kernel"].sessions() as session:
            services.close_due_rounds(session, clock=self.clock)
            assert services.close_due_rounds(session, clock=self.clock) == 0
            closed_at = _closed_at(queries.get_round(session, self.vote.round_id))
            assert self.ended[0] <= closed_at.timestamp() <= self.ended[1]
            return closed_at

    def _restarts(self, box: Box, closed_at: datetime) -> None:
        """Start the server again: everybody is too late, the box is as it was, and nothing closes it a second time."""
        self.server.kill()
        self.server.start()
        self.crowd.over.clear()
        with self.crowded():
            self._hear(LATE, LATE_ANSWERS)
        assert self._box() == box
        with self.app.extensions["kernel"].sessions() as session:
            assert _is_refused(lambda: services.close_round(session, round_id=self.vote.round_id, actor_id=None, clock=self.clock))
            assert _closed_at(queries.get_round(session, self.vote.round_id)) == closed_at

    def _counts(self, box: Box, ballots: Mapping[frozenset[str], int]) -> None:
        """Check the box, open it: whoever has a ballot was counted, and the sums are those of what was acknowledged."""
        keys, round_id = self.app.extensions["round_keys"], self.vote.round_id
        numbers = sorted(receipt_hash(receipt(keys.read(round_id), voter)) for voter in box)
        with self.app.extensions["kernel"].sessions() as session:
            first, second = (make_staff(session, clock=self._now()) for _ in range(2))
            act = {"round_id": round_id, "now": self.clock.now()}
            services.check_box(session, keys=keys, actor_id=first, **act)
            services.confirm_check(session, keys=keys, actor_id=second, **act)
            services.open_box(session, actor_id=first, **act)
            round_ = queries.get_round(session, round_id)
            assert counted_voters(session, round_) == sorted(box)
            assert queries.receipt_hashes(session, round_id) == numbers
            assert queries.certified_ballots(session, round_id) == dict(ballots)
            totals = {slug: sum(many for ticked, many in ballots.items() if slug in ticked) for slug in round_.titles}
            assert queries.result_of(round_).totals == totals

    def _now(self) -> FixedClock:
        return FixedClock(datetime.now(UTC))


def _closed_at(round_: Round) -> datetime:
    assert round_.closing is not None
    return round_.closing.closed_at


def _is_refused(act: Callable[[], None]) -> bool:
    try:
        act()
    except Conflict:
        return True
    return False


@contextmanager
def fire(engine: Engine, environ: Mapping[str, str], *, seed: int, open_for: timedelta) -> Iterator[Fire]:
    """An open vote with all its voters, and a server that takes their ballots."""
    port = free_port()
    database = engine.url.render_as_string(hide_password=False)
    own = {**environ, "SITE_URL": f"http://localhost:{port}", "DATABASE_URL": database}
    settings = read_settings(own)
    settings.round_keys_dir.mkdir(parents=True, mode=0o700)
    app = create_app(settings)
    server = Server(own, port, *FLAGS, "--no-access-log", log=Path(environ["STATE_DIR"]) / "server.log")
    try:
        with dead_in_the_end([server]):
            server.start()
            vote = open_vote(app, voters=VOTERS, open_for=open_for)
            yield Fire(app, vote, Crowd(port, vote, seed), server, seed)
    finally:
        app.extensions["kernel"].engine.dispose()
