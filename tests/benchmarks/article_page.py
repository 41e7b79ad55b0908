"""How many times a second one worker serves an article, beside the same bytes from a bare WSGI callable: `make bench`."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event

from membership.app import create_app
from membership.articles.imported_article import ImportedArticle
from membership.articles.services import import_articles
from membership.config import read_settings
from membership.db import Base
from membership.paths import ROOT
from membership.patronage.services import ensure_plan
from tests.serving import free_port, serve

SLUG = "benchmark-story-0"
PATH = f"/articles/{SLUG}"
GOAL = 0.85
CONNECTIONS = 16
NOW = datetime(2026, 3, 22, 12, tzinfo=UTC)
FLAGS = ("--workers", "1", "--blocking-threads", "2", "--no-ws")
ENCODINGS = {"Accept-Encoding": "gzip, deflate, br"}


@dataclass(frozen=True)
class Figures:
    """Requests a second, seconds of the server's CPU for each, and what a page past the cache asks of the database; medians.

    ratio is the median over the turns, each the page's rate in that of the bare callable measured right beside it.
    """

    page: float
    bare: float
    ratio: float
    page_cpu: float
    bare_cpu: float
    cold: float
    queries: int
    size: int


@dataclass
class Load:
    """What one server answered: requests a second turn by turn, and the processor time of it all."""

    rates: list[float]
    answers: int
    cpu_seconds: float

    @property
    def cpu(self) -> float:
        """Seconds of the server's CPU for each request."""
        return self.cpu_seconds / self.answers


def main() -> int:
    """Measure and print; the exit code says whether the goal was met."""
    figures = measure(turns=30, seconds=0.3)
    show(figures)
    return 0 if figures.ratio >= GOAL else 1


def show(figures: Figures) -> None:
    """Print the figures beside each other."""
    print(f"Article page, {figures.size:,} bytes compressed; granian {' '.join(FLAGS)}; {CONNECTIONS} connections, SQLite")
    print(f"  bare WSGI callable   {figures.bare:>9,.0f} requests/s   {figures.bare_cpu * 1e6:>7,.0f} µs of the server's CPU each")
    print(f"  warm                 {figures.page:>9,.0f} requests/s   {figures.page_cpu * 1e6:>7,.0f} µs of the server's CPU each")
    print(f"  cold                 {figures.cold:>9,.0f} requests/s   {figures.queries} queries each")
    by_cpu = figures.bare_cpu / figures.page_cpu if figures.page_cpu else float("nan")
    print(f"  warm / bare          {figures.ratio:>9.2f}   (goal ≥ {GOAL}); by the server's CPU {by_cpu:.2f}")


def measure(*, turns: int, seconds: float) -> Figures:
    """Load the app and the bare callable in turns; then the app alone, past its cache."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as servers:
        environ = environment(Path(folder))
        size, queries = _build(environ, Path(folder) / "page.json")
        ours = servers.enter_context(serve("wsgi:app", environ, FLAGS))
        with_page = environ | {"BENCH_PAGE": f"{folder}/page.json"}
        bare = servers.enter_context(serve("tests.benchmarks.bare:app", with_page, FLAGS))
        _load(PATH, seconds, 2, ours, bare)  # both are warm from here on
        page, base = _load(PATH, seconds, turns, ours, bare)
        (cold,) = _load(f"{PATH}?past=cache", seconds * 4, 1, ours)
    ratio = statistics.median(with_cache / without for with_cache, without in zip(page.rates, base.rates, strict=True))
    rates = (statistics.median(each.rates) for each in (page, base))
    return Figures(*rates, ratio, page.cpu, base.cpu, statistics.median(cold.rates), queries, size)


def _load(path: str, seconds: float, turns: int, *servers: tuple[int, subprocess.Popen[bytes]]) -> list[Load]:
    before = [cpu_seconds(process.pid) for _port, process in servers]
    ports = [str(port) for port, _process in servers]
    command = [sys.executable, "-m", "tests.benchmarks.load", path, str(CONNECTIONS), str(seconds), str(turns), *ports]
    came = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    loads = []
    for (port, process), started_at in zip(servers, before, strict=True):
        rates = [answers / took for answers, took in came[str(port)]]
        loads.append(Load(rates, sum(answers for answers, _took in came[str(port)]), cpu_seconds(process.pid) - started_at))
    return loads


def environment(folder: Path) -> dict[str, str]:
    """Return a newsroom's settings, everything of it in this folder, and make the folder of its keys."""
    (folder / "round-keys").mkdir(mode=0o700)
    return {
        "MEMBERSHIP_ENV": "demo",
        "DATABASE_URL": f"sqlite:///{folder / 'membership.db'}",
        "SECRET_KEY": "benchmark-key-of-32-characters-or-more",
        "SITE_URL": f"http://localhost:{free_port()}",
        "SITE_NAME": "The Benchmark",
        "CONTACT_EMAIL": "desk@benchmark.example",
        "STATE_DIR": str(folder),
        "STRIPE_SECRET_KEY": "sk_test_benchmark",
        "STRIPE_WEBHOOK_SECRET": "whsec_benchmark",
        "STATEMENT_DESCRIPTOR": "BENCHMARK",
        "MAIL_URL": f"maildir://{folder / 'mailbox'}",
        "MAIL_FROM": "desk@benchmark.example",
    }


def _build(environ: Mapping[str, str], page: Path) -> tuple[int, int]:
    """Fill the database through the services and keep the page for the bare callable; return its size and its cold queries."""
    app = create_app(read_settings(environ))
    engine, sessions = app.extensions["kernel"].engine, app.extensions["kernel"].sessions
    Base.metadata.create_all(engine)
    with sessions() as session:
        minimums = {"month": 300, "year": 3000, "once": 300}
        presets = {"month": (300, 500, 1000), "year": (3000, 5000, 10000), "once": (1000, 2000, 5000)}
        ensure_plan(session, key="patron", name="Patron", currency="eur", minimums=minimums, presets=presets, now=NOW)
        import_articles(session, articles=[_story(number) for number in range(40)], now=NOW)
    queries = _count_queries(app, engine)
    response = app.test_client().get(PATH, base_url=environ["SITE_URL"], headers=ENCODINGS)
    assert response.status_code == 200
    page.write_text(json.dumps({"headers": response.headers.to_wsgi_list(), "body": response.data.hex()}), encoding="utf-8")
    engine.dispose()
    return len(response.data), queries


def _count_queries(app: Flask, engine: Any) -> int:
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_rest: asked.append(statement))
    app.test_client().get(f"{PATH}?past=cache", base_url=app.extensions["kernel"].settings.site_url, headers=ENCODINGS)
    return sum(statement.lstrip().startswith("SELECT") for statement in asked)


def _story(number: int) -> ImportedArticle:
    words = "The pier was repaired twice, and paid for three times; we asked who counted. ".split()
    paragraphs = (" ".join(words[(place + each) % len(words)] for each in range(70)) for place in range(18))
    return ImportedArticle(
        source="benchmark",
        source_id=str(number),
        slug=f"benchmark-story-{number}",
        language="en",
        headline=f"Who counted the pier, part {number}",
        standfirst="One pier, three invoices.",
        byline="Ada Reporter",
        body_html="\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs),
        published_at=NOW - timedelta(days=number),
        tags=("pier", "money"),
    )


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a server and its worker have used; 0 where there is no /proc."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    workers = children.read_text().split() if children.exists() else []
    return sum(_cpu_seconds_of(each) for each in (str(pid), *workers))


def _cpu_seconds_of(pid: str) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
