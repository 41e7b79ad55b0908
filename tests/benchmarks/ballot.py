"""How many ballots a second two workers take over HTTP, beside a minimal Flask handler that writes the same rows: `make bench`."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import Engine, func, select, text

from membership.app import create_app
from membership.config import read_settings
from membership.db import Base
from membership.voting.models import Ballot, RoundTopic
from membership.voting.receipts import voter_tag
from tests.benchmarks.article_page import cpu_seconds, environment
from tests.benchmarks.posts import send_apart
from tests.benchmarks.side import Side, load_average, ratio, ratio_by_cpu
from tests.proofs.voters_world import SLUGS, Vote, open_vote
from tests.serving import postgresql, serve

# Half of what the least handler can do goes into syncing on SQLite, and into round trips on PostgreSQL, of which we need more.
LEAST_RATIO = {"sqlite": 0.6, "postgresql": 0.4}
MOST_TAIL, TAIL_AT = 4.0, 32
CONNECTIONS = (8, 32)
FLAGS = ("--workers", "2", "--blocking-threads", "8", "--no-ws")


@dataclass(frozen=True)
class Figures:
    """Both sides with so many connections; missing is how many voters have no ballot though it was acknowledged."""

    database: str
    connections: int
    ours: Side
    minimal: Side
    missing: int
    deadlocks: int

    @property
    def ratio(self) -> float:
        """Our rate in the minimal handler's."""
        return ratio(self.ours, self.minimal)

    @property
    def is_good(self) -> bool:
        """Whether the goals were met, every ballot is there, and nobody was in anybody's way."""
        has_tail = self.connections == TAIL_AT and self.ours.tail > MOST_TAIL
        return self.ratio >= LEAST_RATIO[self.database] and not (has_tail or self.missing or self.deadlocks)


class Voters:
    """A vote's voters, half of them for each side, and their requests; a ballot sent again is a change."""

    def __init__(self, app: Flask, vote: Vote, topics: Mapping[str, int]) -> None:
        self.vote, self.topics, self.chance = vote, topics, Random(len(vote.cookies))
        members = list(vote.cookies)
        self.ours, self.others = members[::2], members[1::2]
        self.key = app.extensions["round_keys"].read(vote.round_id)
        self.voted: set[int] = set()

    def requests(self, port: int, many: int, *, minimal: bool) -> list[bytes]:
        """Return so many ballots of as many voters."""
        drawn = self.chance.sample(self.others if minimal else self.ours, many)
        self.voted.update(drawn)
        return [self._minimal(port, voter) if minimal else self._ours(port, voter) for voter in drawn]

    def _ours(self, port: int, voter: int) -> bytes:
        ticks = [("topics", slug) for slug in self._ticks()]
        head = f"Cookie: {self.vote.cookies[voter]}\r\nSec-Fetch-Site: same-origin\r\n"
        return _post(port, f"/votes/{self.vote.slug}/ballot", head, ticks)

    def _minimal(self, port: int, voter: int) -> bytes:
        ticks = [("topics", str(self.topics[slug])) for slug in self._ticks()]
        own = [("round", str(self.vote.round_id)), ("tag", voter_tag(self.key, voter).hex())]
        return _post(port, "/ballot", "", [*own, *ticks])

    def _ticks(self) -> list[str]:
        return self.chance.sample(SLUGS, self.chance.randint(1, 3))


def _post(port: int, path: str, head: str, fields: Sequence[tuple[str, str]]) -> bytes:
    body = urlencode(fields)
    form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{head}{form}\r\n{body}".encode()


def main() -> int:
    """Measure and print; the exit code says whether the goals were met."""
    good = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name, postgresql() as url:
        environ = environment(Path(name))
        for database_url in (environ["DATABASE_URL"], url):
            for figures in measure(environ | {"DATABASE_URL": database_url}, turns=12, ballots=200):
                show(figures)
                good.append(figures.is_good)
    return 0 if all(good) else 1


def show(figures: Figures) -> None:
    """Print the sides beside each other."""
    many = len(figures.ours.took)
    print(f"Ballots on {figures.database}, {many:,} each; granian {' '.join(FLAGS)}; {figures.connections} connections")
    for name, side in (("full ballot", figures.ours), ("minimal handler", figures.minimal)):
        print(side.line(name, "ballots"))
    goals = f"goals: ratio ≥ {LEAST_RATIO[figures.database]}, p99 ≤ {MOST_TAIL:.0f} × p50 at {TAIL_AT} connections"
    print(f"  ratio            {figures.ratio:>7.2f}   ({goals}); by CPU {ratio_by_cpu(figures.ours, figures.minimal):.2f}")
    print(f"  refused: 0; missing: {figures.missing}; deadlocks: {figures.deadlocks}; {load_average()}")


def measure(environ: Mapping[str, str], *, turns: int, ballots: int) -> list[Figures]:
    """Send so many ballots in each turn, to each side in turns, into one new vote."""
    app = create_app(read_settings(environ))
    engine: Engine = app.extensions["kernel"].engine
    Base.metadata.create_all(engine)
    vote = open_vote(app, voters=8 * ballots, open_for=timedelta(hours=1))
    with engine.connect() as connection:
        topic_ids = connection.scalars(select(RoundTopic.topic_id).order_by(RoundTopic.position)).all()
    voters = Voters(app, vote, dict(zip(SLUGS, topic_ids, strict=True)))
    with (
        serve("wsgi:app", environ, FLAGS) as ours,
        serve("tests.benchmarks.minimal_ballot:app", environ, FLAGS) as minimal,
    ):
        sides = [(many, *_take_turns(voters, ours, minimal, many, turns, ballots)) for many in CONNECTIONS]
    missing, deadlocks = _missing(engine, voters), _deadlocks(engine)
    engine.dispose()
    return [Figures(engine.dialect.name, *each, missing, deadlocks) for each in sides]


Server = tuple[int, "subprocess.Popen[bytes]"]


def _take_turns(voters: Voters, ours: Server, minimal: Server, connections: int, turns: int, ballots: int) -> tuple[Side, Side]:
    sides = Side(), Side()
    for turn in range(turns + 1):
        for side, (port, process) in zip(sides, (ours, minimal), strict=True):
            before = cpu_seconds(process.pid)
            # Whatever is not taken, a lock that was waited for in vain too, ends the benchmark.
            seconds, took = send_apart(port, connections, voters.requests(port, ballots, minimal=side is sides[1]), status=303)
            if turn:  # both are warm from here on
                side.add(seconds, took, cpu_seconds(process.pid) - before)
    return sides


def _missing(engine: Engine, voters: Voters) -> int:
    with engine.connect() as connection:
        return len(voters.voted) - (connection.scalar(select(func.count()).select_from(Ballot)) or 0)


def _deadlocks(engine: Engine) -> int:
    if engine.dialect.name != "postgresql":
        return 0
    with engine.connect() as connection:
        own = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return connection.scalar(own) or 0


if __name__ == "__main__":
    sys.exit(main())
