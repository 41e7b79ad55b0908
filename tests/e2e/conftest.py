"""The demo as `make run` starts it, in a folder of its own, and browsers to walk through it."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Request
from playwright.sync_api import Error as PlaywrightError
from sqlalchemy import create_engine, make_url, text

from membership.db import normalise_url
from tests.log_reading import ADDRESS, Used, found_in

ROOT = Path(__file__).parents[2]
EVERYTHING = {"resultTypes": ["violations"]}
COLOURS_ONLY = {"runOnly": ["color-contrast"]}  # all that differs between the schemes
REFUSALS = {
    "sqlite": ("CREATE TRIGGER refuse BEFORE INSERT ON sign_in_request BEGIN SELECT RAISE(ABORT, 'refused: ADDRESS'); END",),
    "postgresql": (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused: ADDRESS'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON sign_in_request FOR EACH ROW EXECUTE FUNCTION refuse()",
    ),
}
LONG = 20  # a cookie's value that is nobody else's
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
]


@dataclass(frozen=True)
class Newsroom:
    """A running demo: where it is, what it printed, and where it keeps what it knows."""

    url: str
    printed: str
    folder: Path
    database_url: str

    @property
    def staff_links(self) -> list[str]:
        """The one-use links, one for each of the two people."""
        return re.findall(r"http://localhost:\d+/demo/staff/\S+", self.printed)

    @property
    def patron_address(self) -> str:
        """The address under which a patron of the demo can sign in."""
        found = re.search(r"\w+@readers\.example", self.printed)
        assert found
        return found[0]


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


@pytest.fixture(scope="session")
def used() -> Used:
    """What the visitors of this run have used to name themselves or to be let in."""
    return Used()


@pytest.fixture(scope="session")
def start_newsroom(
    tmp_path_factory: pytest.TempPathFactory,
    postgresql_url: str,
    used: Used,
) -> Iterator[Callable[[str | None], Newsroom]]:
    """Start the demo on a database URL (None: its own SQLite); all are stopped with Ctrl-C, while PostgreSQL is still there.

    At the end everything that was used is looked for in the logs, after things have gone as wrong as they can.
    """
    running: list[subprocess.Popen[str]] = []
    newsrooms: list[Newsroom] = []

    def start(database_url: str | None) -> Newsroom:
        port, stripe_port = _free_ports()
        folder = tmp_path_factory.mktemp("newsroom")
        environment = {**os.environ, "PORT": str(port), "STRIPE_PORT": str(stripe_port), "DEMO_DIR": str(folder)}
        environment.pop("DATABASE_URL", None)
        if database_url:
            environment["DATABASE_URL"] = database_url
        process = subprocess.Popen(
            [sys.executable, "-m", "membership.demo"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout
        printed = ""
        for line in process.stdout:
            printed += line
            if "Ctrl-C" in line:
                break
        assert "Ctrl-C" in printed, f"the demo did not start: {printed}"
        own = f"sqlite:///{folder / 'membership.db'}"
        newsroom = Newsroom(f"http://localhost:{port}", printed, folder, normalise_url(database_url or own))
        newsrooms.append(newsroom)
        return newsroom

    try:
        yield start
        for newsroom in newsrooms:
            _take_what_it_knows(newsroom, used)
            _let_everything_fail(newsroom)
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            process.wait(30)
            assert process.stdout
            process.stdout.close()
    logs = {file: file.read_text(encoding="utf-8") for newsroom in newsrooms for file in (newsroom.folder / "log").glob("*.log")}
    assert not newsrooms or "request.failed" in "".join(logs.values()), "the logs hold nothing that could tell too much"
    assert {str(file): found for file, text in logs.items() if (found := found_in(text, used.secrets))} == {}


def _take_what_it_knows(newsroom: Newsroom, used: Used) -> None:
    """Remember every mail that was sent, every address in the database, and the staff's links."""
    used.take(newsroom.printed)
    used.take_mails(newsroom.folder / "mailbox")
    engine = create_engine(newsroom.database_url)
    with engine.connect() as connection:
        for column in ("email", "typed_email"):
            used.take(" ".join(connection.scalars(text(f"SELECT {column} FROM member WHERE {column} IS NOT NULL"))), ADDRESS)
    engine.dispose()


def _let_everything_fail(newsroom: Newsroom) -> None:
    """Let the database refuse a sign-in in words that hold an address: a failure's traceback is the worst that a log gets."""
    engine = create_engine(newsroom.database_url)
    with engine.begin() as connection:
        for statement in REFUSALS[engine.dialect.name]:
            connection.exec_driver_sql(statement.replace("ADDRESS", newsroom.patron_address))
    engine.dispose()
    typed = f"email={newsroom.patron_address}&code=123456"
    assert _post(f"{newsroom.url}/sign-in", typed) == 500
    for path in ("/sign-in/code", "/stripe/webhook", *(urlsplit(link).path for link in newsroom.staff_links)):
        _post(newsroom.url + path, typed)


def _post(url: str, body: str) -> int:
    request = urllib.request.Request(url, data=body.encode(), headers={"Sec-Fetch-Site": "same-origin"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.fixture(scope="session")
def sqlite_newsroom(start_newsroom: Callable[[str | None], Newsroom]) -> Newsroom:
    """The demo as `make run` starts it."""
    return start_newsroom(None)


@pytest.fixture(scope="session")
def postgresql_newsroom(start_newsroom: Callable[[str | None], Newsroom], postgresql_url: str) -> Newsroom:
    """The demo on PostgreSQL."""
    url = make_url(normalise_url(postgresql_url))
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE newsroom"))
    admin.dispose()
    return start_newsroom(url.set(database="newsroom", drivername="postgresql").render_as_string(hide_password=False))


@pytest.fixture(scope="session")
def chromium(playwright: Playwright, chromium_path: str | None) -> Iterator[Browser]:
    """The system's Chromium; without one the browser journeys are skipped, loudly."""
    if chromium_path is None:
        pytest.skip("NO CHROMIUM FOUND: the browser journeys were not run")
    browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
    yield browser
    browser.close()


class Visitor:
    """One person's browser; every page they see is checked by axe, once per path, title and whether scripts run."""

    def __init__(self, context: BrowserContext, newsroom: Newsroom, inspector: "Inspector", *, javascript: bool) -> None:
        self.context = context
        self.newsroom = newsroom
        self.page: Page = context.new_page()
        self._inspector, self._javascript = inspector, javascript

    def open(self, path: str) -> Page:
        """Go to a path of the site or to a whole address."""
        self.page.goto(path if path.startswith("http") else self.newsroom.url + path)
        self.inspect()
        return self.page

    def press(self, name: str | re.Pattern[str], *, role: str = "button") -> Page:
        """Press the button, or follow the link, of this name."""
        self.page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]
        self.page.wait_for_load_state("load")
        self.inspect()
        return self.page

    def inspect(self) -> None:
        """Have the page looked at as it is now."""
        self._inspector.inspect(self.page, javascript=self._javascript)


class Inspector:
    """Looks at pages with axe, in a browser of its own, since axe needs JavaScript and the visitor may have none."""

    def __init__(self, context: BrowserContext, used: Used) -> None:
        self._page = context.new_page()
        self._used = used
        self.findings: dict[str, list[str]] = {}

    def inspect(self, page: Page, *, javascript: bool) -> None:
        """Check what this page shows now, in both colour schemes, unless it was seen like this, be it in another newsroom."""
        self._used.take(page.content())
        address = page.url.split("#")[0]
        path = re.sub(r"[0-9a-f]{12,}|cs_test_\w+|[\w-]{30,}", "…", urlsplit(address).path)
        key = f"{path} · {page.title()} · {'with' if javascript else 'without'} JavaScript"
        if key in self.findings:
            return
        html = page.content()
        self._page.route(address, lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
        self.findings[key] = []
        self._page.goto(address)
        for scheme, options in (("light", EVERYTHING), ("dark", COLOURS_ONLY)):
            self._page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found = Axe().run(self._page, options=options).response["violations"]
            self.findings[key] += [f"{scheme}: {v['id']} {v['nodes'][0]['html'][:200]}" for v in found]
        self._page.unroute(address)


@pytest.fixture(scope="session")
def shared_inspector(chromium: Browser, used: Used) -> Iterator[Inspector]:
    """One inspector for the whole run: each page is looked at once."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    yield Inspector(context, used)
    context.close()


@pytest.fixture
def inspector(shared_inspector: Inspector) -> Iterator[Inspector]:
    """What axe finds on any page fails the test that saw it first."""
    known = set(shared_inspector.findings)
    yield shared_inspector
    assert {page: found for page, found in shared_inspector.findings.items() if found and page not in known} == {}


VisitorMaker = Callable[..., Visitor]


@pytest.fixture
def visitor(chromium: Browser, inspector: Inspector, used: Used) -> Iterator[VisitorMaker]:
    """Make a visitor with a browser profile of their own."""
    contexts: list[BrowserContext] = []

    def make(newsroom: Newsroom, *, javascript: bool, width: int = 1280) -> Visitor:
        context = chromium.new_context(java_script_enabled=javascript, viewport={"width": width, "height": 900}, locale="en-GB")
        context.set_default_timeout(15_000)
        context.on("request", lambda request: used.take_request(request.url, _body_of(request)))
        contexts.append(context)
        return Visitor(context, newsroom, inspector, javascript=javascript)

    yield make
    for context in contexts:
        with suppress(PlaywrightError):  # a test may have closed one itself
            used.secrets.update(cookie["value"] for cookie in context.cookies() if len(cookie["value"]) >= LONG)
        context.close()


def _body_of(request: Request) -> str | None:
    """Return a sent form as text; None for anything else."""
    kind = request.headers.get("content-type", "")
    return request.post_data if kind.startswith("application/x-www-form-urlencoded") else None
