"""What all tests share: no network but loopback, a database of each kind, settings, an app."""

import gc
import io
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from membership import db
from membership.app import create_app
from membership.audit import derive_key
from membership.clock import FixedClock
from membership.config import Settings, read_settings
from membership.db import Base, SessionFactory, make_engine
from membership.logs import configure_logs
from membership.voting.keys import RoundKeys
from membership.web.kept_pages import KeptPages
from tests.serving import postgresql

NOW = datetime(2026, 3, 22, 12, 0, tzinfo=UTC)
MEMORY = Path("/dev/shm")  # every commit is synced: in memory the databases of the tests cost a third less
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 * 1024**3:
    tempfile.tempdir = str(MEMORY)
SECRET_KEY = "test-secret-key-of-32-characters-or-more"
LOOPBACK = ("127.", "::1", "localhost")
os.environ["NO_PROXY"] = "127.0.0.1,localhost"  # or each call to the stand-in looks through the whole environment for proxies


def pytest_collection_finish() -> None:
    """Never look for garbage in what is imported now: it took a seventh of the run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """Refuse every connection that leaves this machine."""
    real_connect, real_lookup = socket.socket.connect, socket.getaddrinfo

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(LOOPBACK):
            raise RuntimeError(f"a test tried to reach {address[0]}")
        real_connect(self, address)

    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not str(host).startswith(LOOPBACK):
            raise RuntimeError(f"a test tried to look up {host}")
        return real_lookup(host, *args, **kwargs)

    socket.socket.connect = connect  # type: ignore[method-assign]
    socket.getaddrinfo = lookup
    yield
    socket.socket.connect = real_connect  # type: ignore[method-assign]
    socket.getaddrinfo = real_lookup


@pytest.fixture(autouse=True, scope="session")
def _compiled_routes() -> Iterator[None]:
    """Let werkzeug compile what builds a route's URLs once for all the apps of this run: anew it took a fifth of the run."""
    real: Any = Rule._compile_builder
    compiled: dict[object, Any] = {}

    def compile_builder(self: Rule, append_unknown: bool = True) -> Any:
        key = (self.rule, str(self._trace), str(self.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = real(self, append_unknown)
        return compiled[key]

    Rule._compile_builder = compile_builder  # type: ignore[method-assign]
    yield
    Rule._compile_builder = real  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A real PostgreSQL for this test run."""
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def _postgresql_engine(postgresql_url: str) -> Iterator[Engine]:
    engine = make_engine(postgresql_url)
    with engine.begin() as connection:  # durability is proved elsewhere; here it would only cost time
        connection.execute(text(f'ALTER DATABASE "{engine.url.database}" SET synchronous_commit = off'))
    engine.dispose()
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('template') / 'template.db'}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return engine


@pytest.fixture(scope="session")
def _sqlite_template(_sqlite_engine: Engine) -> Path:
    """An empty database with its tables, to copy."""
    return Path(str(_sqlite_engine.url.database))


def share_statements(engine: Engine, other: Engine) -> None:
    """Let an engine use the statements that another one of its kind has compiled, and keep there what it compiles."""
    engine.dialect, engine._compiled_cache = other.dialect, other._compiled_cache


def empty(engine: Engine) -> None:
    """Delete every row of every table, in one go to the server."""
    tables = "; ".join(f'DELETE FROM "{table.name}"' for table in Base.metadata.sorted_tables)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL session_replication_role = replica; {tables}")


def make_sessions(engine: Engine, *, audit_secrets: Sequence[str] = (SECRET_KEY,)) -> SessionFactory:
    """Return the factory of sessions that record as the app of the tests does."""
    return db.make_sessions(engine, audit_keys=[derive_key(secret) for secret in audit_secrets])


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind; a test that uses it runs twice."""
    if request.param == "sqlite":
        path = tmp_path / "membership.db"
        shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
        opened = make_engine(f"sqlite:///{path}")
        share_statements(opened, request.getfixturevalue("_sqlite_engine"))
        yield opened
        opened.dispose()
        return
    shared: Engine = request.getfixturevalue("_postgresql_engine")
    yield shared
    empty(shared)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on an empty database."""
    with make_sessions(engine)() as opened:
        yield opened


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at NOW until a test moves it."""
    return FixedClock(NOW)


SettingsMaker = Callable[..., Settings]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A complete, valid environment of the demo kind."""
    return {
        "MEMBERSHIP_ENV": "demo",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'membership.db'}",
        "SECRET_KEY": SECRET_KEY,
        "SITE_URL": "http://localhost",
        "SITE_NAME": "The Test Gazette",
        "CONTACT_EMAIL": "desk@gazette.example",
        "STATE_DIR": str(tmp_path / "state"),
        "STRIPE_SECRET_KEY": "sk_test_standin",
        "STRIPE_WEBHOOK_SECRET": "whsec_test",
        "STRIPE_API_BASE": "http://127.0.0.1:1",
        "STATEMENT_DESCRIPTOR": "TEST GAZETTE",
        "MAIL_URL": f"maildir://{tmp_path / 'mailbox'}",
        "MAIL_FROM": "desk@gazette.example",
        "JOBS_URL": f"sqlite:///{tmp_path / 'jobs.db'}",
    }


@pytest.fixture
def make_settings(environ: dict[str, str]) -> SettingsMaker:
    """Settings of the demo kind with some values changed."""

    def make(**changes: str) -> Settings:
        return read_settings(environ | changes)

    return make


@pytest.fixture
def keys(tmp_path: Path) -> RoundKeys:
    """The keys of this test's votes, in the folder that the app fixture uses too."""
    return RoundKeys(tmp_path / "state" / "round-keys")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the logs go, until the test is over."""
    handlers, level = logging.root.handlers[:], logging.root.level
    out = io.StringIO()
    configure_logs(out)
    yield out
    structlog.reset_defaults()
    logging.root.handlers, logging.root.level = handlers, level


@pytest.fixture(scope="session")
def _compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates compiled once for all the apps of this run: compiling them took most of a page's test."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(
    engine: Engine,
    make_settings: SettingsMaker,
    clock: FixedClock,
    _compiled_templates: FileSystemBytecodeCache,
) -> Iterator[Flask]:
    """The whole app on an empty database of each kind, at a clock that stands still."""
    settings = make_settings(DATABASE_URL=engine.url.render_as_string(hide_password=False))
    settings.round_keys_dir.mkdir(parents=True, mode=0o700)
    made = create_app(settings, clock=clock)
    share_statements(made.extensions["kernel"].engine, engine)
    made.config["TESTING"] = True
    made.jinja_env.bytecode_cache = _compiled_templates
    # Nothing is kept: tests look at a page right after they changed it. The page cache has tests of its own.
    made.extensions["page_cache"].pages = KeptPages(0)
    yield made
    made.extensions["kernel"].engine.dispose()


@pytest.fixture(scope="session")
def chromium_path() -> str | None:
    """The system's Chromium, None where there is none; under CI its absence is a failure."""
    found = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
    if found is None and os.environ.get("CI"):
        pytest.fail("CI must run the browser journeys, and no Chromium is installed")
    return found
