"""How many events a second one worker takes in and gives their effect, beside the same writes without HTTP: `make bench`."""

import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, func, select

from membership.db import Base, make_engine
from membership.patronage.models import StripeEvent
from membership.patronage.webhooks import MOST_INLINE
from tests.benchmarks.article_page import cpu_seconds, environment
from tests.benchmarks.by_core import Core
from tests.benchmarks.posts import send_apart
from tests.benchmarks.renewals import Renewal, seed
from tests.benchmarks.side import Side, load_average, ratio, ratio_by_cpu
from tests.conftest import make_sessions
from tests.serving import postgresql, serve

LEAST_RATIO, MOST_TAIL = 0.3, 10.0
CONNECTIONS = 8
# As many threads as may work on events at once: with more, some events would only be kept, and left to the sweep.
FLAGS = ("--workers", "1", "--blocking-threads", str(MOST_INLINE), "--no-ws")


@dataclass(frozen=True)
class Figures:
    """Both sides on one database; undone is how many events have not had their effect."""

    database: str
    webhook: Side
    core: Side
    undone: int

    @property
    def ratio(self) -> float:
        """The median over the turns, each with both sides right beside each other."""
        return ratio(self.webhook, self.core)

    @property
    def is_good(self) -> bool:
        """Whether the goals were met and every event has had its effect."""
        return self.ratio >= LEAST_RATIO and self.webhook.tail <= MOST_TAIL and not self.undone


def main() -> int:
    """Measure and print; the exit code says whether the goals were met."""
    good = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name, postgresql() as url:
        environ = environment(Path(name))
        for database_url in (environ["DATABASE_URL"], url):
            figures = measure(environ | {"DATABASE_URL": database_url}, turns=12, events=100)
            show(figures)
            good.append(figures.is_good)
    return 0 if all(good) else 1


def show(figures: Figures) -> None:
    """Print the sides beside each other."""
    many = len(figures.webhook.took)
    print(f"Webhook on {figures.database}, {many:,} events each; granian {' '.join(FLAGS)}; {CONNECTIONS} connections and threads")
    for name, side in (("over HTTP", figures.webhook), ("SQLAlchemy Core", figures.core)):
        print(side.line(name, "events"))
    goals = f"goals: ratio ≥ {LEAST_RATIO}, p99 ≤ {MOST_TAIL:.0f} × p50"
    ratios = f"ratio            {figures.ratio:>7.2f}   ({goals}); by CPU {ratio_by_cpu(figures.webhook, figures.core):.2f}"
    print(f"  {ratios}; without effect: {figures.undone}; {load_average()}")


def measure(environ: Mapping[str, str], *, turns: int, events: int) -> Figures:
    """Bring so many events in each turn, over HTTP and by Core, into an empty database."""
    environ = {**environ, "STRIPE_API_BASE": "http://127.0.0.1:1"}  # nobody: whatever is not answered from memory fails
    engine = make_engine(environ["DATABASE_URL"])
    Base.metadata.create_all(engine)
    lots = _lots(2 * (turns + 1), events)
    with make_sessions(engine)() as session:
        seed(session, [renewal for lot in lots for renewal in lot])
    with serve("tests.benchmarks.from_memory:app", environ, FLAGS) as (port, process):
        webhook, core = _take_turns(lots, port, process.pid, environ["STRIPE_WEBHOOK_SECRET"], Core(engine))
    figures = Figures(engine.dialect.name, webhook, core, _undone(engine, sum(len(lot) for lot in lots)))
    engine.dispose()
    return figures


def _take_turns(lots: Sequence[Sequence[Renewal]], port: int, pid: int, secret: str, by_core: Core) -> tuple[Side, Side]:
    webhook, core = Side(), Side()
    for turn, (ours, theirs) in enumerate(zip(lots[::2], lots[1::2], strict=True)):
        before = cpu_seconds(pid)
        posted = *_post(port, secret, ours), cpu_seconds(pid) - before
        before = time.process_time()
        written = *by_core.write_all(theirs, threads=CONNECTIONS), time.process_time() - before
        if turn:  # both are warm from here on
            webhook.add(*posted)
            core.add(*written)
    return webhook, core


def _lots(many: int, size: int) -> list[list[Renewal]]:
    return [[Renewal(lot * size + place) for place in range(size)] for lot in range(many)]


def _post(port: int, secret: str, renewals: Iterable[Renewal]) -> tuple[float, list[float]]:
    return send_apart(port, CONNECTIONS, [one.request(secret, port=port, sent_at=int(time.time())) for one in renewals])


def _undone(engine: Engine, sent: int) -> int:
    with make_sessions(engine)() as session:
        done = select(func.count()).select_from(StripeEvent).where(StripeEvent.state == "done")
        return sent - (session.scalar(done) or 0)


if __name__ == "__main__":
    sys.exit(main())
