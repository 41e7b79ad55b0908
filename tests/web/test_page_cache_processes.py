"""Over real HTTP: what one process changes, another serves within a second, and kept pages outlive the database."""

import http.client
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.test import Client

from membership.app import create_app
from membership.articles.services import correct_article
from membership.web.page_cache import PageCache
from membership.web.version_watch import PATIENCE_SECONDS, VersionWatch
from tests.conftest import NOW, SettingsMaker, empty, make_sessions
from tests.factories.articles import make_article
from tests.serving import serve
from tests.web.wire import Wire, wire_to

ENOUGH_SECONDS = 60


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Ask a server as a browser would."""
    connection = http.client.HTTPConnection("localhost", port, timeout=ENOUGH_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_an_edit_through_one_process_is_read_new_from_another_within_a_second(
    engine: Engine,
    session: Session,
    environ: dict[str, str],
) -> None:
    article = make_article(session)
    url = engine.url.render_as_string(hide_password=False)
    with serve("wsgi:app", environ | {"DATABASE_URL": url}, ("--blocking-threads", "4")) as (port, _process):
        first = get(port, "/articles/a-story")
        again = get(port, "/articles/a-story", Cookie="session=somebody; m=1")
        assert (first[0], again[0], again[2]) == (200, 200, first[2])
        assert get(port, "/articles/a-story", **{"If-None-Match": first[1]["etag"]})[0] == 304
        assert "set-cookie" not in again[1]
        assert "date" in again[1]

        correct_article(session, article_id=article.id, headline="Corrected", now=NOW)
        edited_at = time.monotonic()
        while True:
            asked_at = time.monotonic()
            if b"<h1>Corrected</h1>" in get(port, "/articles/a-story")[2]:
                break
            assert asked_at - edited_at < 1.0, "who asked a second after the edit got the old page"


@dataclass
class Outage:
    """An app whose PostgreSQL lies behind a wire, and a time that passes when a test says so."""

    wire: Wire
    reader: Client
    session: Session
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def outage(_postgresql_engine: Engine, make_settings: SettingsMaker) -> Iterator[Outage]:
    (folder,) = parse_qs(urlsplit(_postgresql_engine.url.render_as_string()).query)["host"]
    url = _postgresql_engine.url
    with wire_to(f"{folder}/.s.PGSQL.5432") as wire, make_sessions(_postgresql_engine)() as session:
        app = create_app(make_settings(DATABASE_URL=f"postgresql://{url.username}@127.0.0.1:{wire.port}/{url.database}"))
        made = Outage(wire, Client(_cached(app, lambda: made())), session)
        yield made
        wire.flow()
        app.extensions["kernel"].engine.dispose()
    empty(_postgresql_engine)


def _cached(app: Flask, monotonic: object) -> PageCache:
    kernel = app.extensions["kernel"]
    inner = app.extensions["page_cache"].app
    return PageCache(inner, watch=VersionWatch(kernel.engine), hosts=kernel.settings.hosts, monotonic=monotonic)  # type: ignore[arg-type]


def _ask_until(outage: Outage, is_so: Callable[[bytes], bool]) -> bytes:
    """Ask for the story until its page is so: a connection may take longer to open than the cache has patience."""
    deadline = time.monotonic() + ENOUGH_SECONDS
    while time.monotonic() < deadline:
        outage.seconds += 1
        page = outage.reader.get("/articles/a-story").data
        if is_so(page):
            return page
    raise AssertionError("it never came to be so")


def _ask_until_kept(outage: Outage) -> bytes:
    cache = outage.reader.application
    assert isinstance(cache, PageCache)
    return _ask_until(outage, lambda _page: cache.pages.find("/articles/a-story") is not None and cache.watch.is_well)


def test_kept_pages_are_served_while_the_database_is_away(outage: Outage) -> None:
    make_article(outage.session)
    kept = _ask_until_kept(outage)

    outage.wire.cut()
    outage.seconds += 3_600

    assert [outage.reader.get("/articles/a-story").data for _ in range(3)] == [kept] * 3
    lost = outage.reader.get("/feed.xml")
    assert (lost.status_code, lost.headers["Cache-Control"]) == (503, "private, no-store")


def test_kept_pages_are_served_at_once_while_the_database_hangs_and_new_when_it_answers(outage: Outage) -> None:
    article = make_article(outage.session)
    kept = _ask_until_kept(outage)

    outage.wire.clog()
    correct_article(outage.session, article_id=article.id, headline="Corrected", now=NOW)
    outage.seconds += 3_600
    asked_at = time.monotonic()
    answers = [outage.reader.get("/articles/a-story").data for _ in range(20)]
    took = time.monotonic() - asked_at

    assert answers == [kept] * 20
    assert took < 20 * PATIENCE_SECONDS, "more than one request waited for the database"

    outage.wire.flow()
    _ask_until(outage, lambda page: b"<h1>Corrected</h1>" in page)
