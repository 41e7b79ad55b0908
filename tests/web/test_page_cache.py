"""The page cache keeps only what is the same for everybody, and never for longer than it is true."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import brotli
import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session
from werkzeug.test import Client, TestResponse

from membership.db import make_engine, transaction
from membership.page_version import raise_page_version
from membership.web.page_cache import KEEP, MAX_AGE_SECONDS, PageCache
from membership.web.version_watch import INTERVAL_SECONDS, VersionWatch
from tests.conftest import make_sessions

OPEN = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "public, max-age=0, must-revalidate")]
LONG = "<p>Слово за словом</p>" * 200


@dataclass
class Site:
    """An app behind the cache: one text for every address, which says how often it was asked."""

    body: str = LONG
    status: str = "200 OK"
    headers: list[tuple[str, str]] = field(default_factory=lambda: list(OPEN))
    is_marked: bool = True
    on_rendering: Callable[[], object] = lambda: None
    seen: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.seen.append(" ".join(filter(None, (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING")))))
        body = self.body.encode()
        self.on_rendering()
        if self.is_marked:
            environ[KEEP] = True
        start_response(self.status, [*self.headers, ("Content-Length", str(len(body)))])
        return [body]


@dataclass
class Time:
    """Seconds that pass when a test says so."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def cache(engine: Engine, site: Site, time: Time) -> Iterator[PageCache]:
    yield PageCache(site, watch=VersionWatch(engine, patience=10), hosts=["localhost"], monotonic=time)
    engine.dispose()


@pytest.fixture
def reader(cache: PageCache) -> Client:
    return Client(cache)


def change(session: Session) -> None:
    """Commit a change of something that open pages show."""
    with transaction(session):
        raise_page_version(session)


def whole(response: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return all that came over the wire."""
    return response.status_code, response.headers.to_wsgi_list(), response.data


# Never kept


def test_a_page_that_no_view_has_marked_is_never_kept(reader: Client, site: Site) -> None:
    site.is_marked = False

    assert [reader.get("/account").text, reader.get("/account").text] == [LONG, LONG]

    assert site.seen == ["GET /account", "GET /account"]


@pytest.mark.parametrize(
    "header",
    [
        ("Set-Cookie", "session=secret"),
        ("Vary", "Accept-Encoding, Cookie"),
        ("Cache-Control", "private, no-store"),
        ("Cache-Control", "public, no-store"),
        ("Content-Encoding", "zstd"),
    ],
)
def test_a_marked_page_that_is_for_one_reader_after_all_is_never_kept(reader: Client, site: Site, header: tuple[str, str]) -> None:
    site.headers = [*OPEN, header]

    first, second = reader.get("/a"), reader.get("/a")

    assert len(site.seen) == 2
    assert header in first.headers.to_wsgi_list()
    assert header in second.headers.to_wsgi_list()


def test_a_header_that_comes_twice_is_read_twice(reader: Client, site: Site) -> None:
    site.headers = [("Vary", "Cookie"), ("Cache-Control", "private"), *OPEN, ("Vary", "Accept-Encoding")]

    reader.get("/a")
    reader.get("/a")

    assert len(site.seen) == 2


@pytest.mark.parametrize("status", ["301 MOVED PERMANENTLY", "404 NOT FOUND", "429 TOO MANY REQUESTS", "500 OH NO", "503 AWAY"])
def test_nothing_but_a_200_is_kept(reader: Client, site: Site, status: str) -> None:
    site.status = status

    answers = [reader.get("/a").status, reader.get("/a").status]

    assert (answers, len(site.seen)) == ([status, status], 2)


def test_an_answer_to_a_post_is_never_kept_nor_given_for_one(reader: Client, site: Site) -> None:
    reader.post("/a")
    reader.get("/a")
    reader.post("/a")

    assert site.seen == ["POST /a", "GET /a", "POST /a"]


@pytest.mark.parametrize("host", ["evil.example", "localhost:81", "LOCALHOST.", ""])
def test_a_request_for_another_host_neither_gets_a_kept_page_nor_leaves_one(reader: Client, site: Site, host: str) -> None:
    reader.get("/a", headers={"Host": host})
    reader.get("/a")
    site.status = "400 BAD REQUEST"

    assert reader.get("/a", headers={"Host": host}).status_code == 400
    assert reader.get("/a").status_code == 200
    assert len(site.seen) == 3


def test_a_query_goes_past_the_kept_page_and_is_not_kept(reader: Client, site: Site) -> None:
    for _ in range(2):
        reader.get("/a?page=2")
        reader.get("/a?page=2&utm_source=mail")

    assert site.seen == ["GET /a page=2", "GET /a page=2&utm_source=mail"] * 2


def test_nothing_is_kept_before_the_version_is_known(site: Site, time: Time) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    reader = Client(PageCache(site, watch=VersionWatch(nowhere, patience=10), hosts=["localhost"], monotonic=time))

    assert [reader.get("/a").text, reader.get("/a").text] == [LONG, LONG]

    assert len(site.seen) == 2
    nowhere.dispose()


# Kept


def test_a_kept_page_is_the_same_bytes_for_everybody_and_sets_no_cookie(reader: Client, site: Site) -> None:
    stranger = reader.get("/a")
    patron = Client(reader.application).get("/a", headers={"Cookie": "session=patron; m=1", "Authorization": "Basic eA=="})

    assert whole(patron) == whole(stranger)
    assert len(site.seen) == 1
    assert "Set-Cookie" not in stranger.headers
    assert stranger.headers["Vary"] == "Accept-Encoding"
    assert stranger.headers["Content-Length"] == str(len(LONG.encode()))


@pytest.mark.parametrize("query", ["utm_source=x&utm_campaign=%00", "fbclid=1", "gclid=", "utm_medium=mail&fbclid=2"])
def test_what_advertisers_add_to_an_address_is_ignored_and_never_rendered(reader: Client, site: Site, query: str) -> None:
    plain = reader.get("/a")
    site.seen.clear()

    assert whole(reader.get(f"/a?{query}")) == whole(plain)
    reader.get(f"/b?{query}")

    assert site.seen == ["GET /b"]


def test_a_head_is_the_get_without_its_body_whether_kept_or_not(reader: Client, site: Site) -> None:
    first = reader.head("/a", headers={"Accept-Encoding": "gzip"})
    page = reader.get("/a", headers={"Accept-Encoding": "gzip"})
    second = reader.head("/a", headers={"Accept-Encoding": "gzip"})

    assert whole(first) == whole(second) == (200, page.headers.to_wsgi_list(), b"")
    assert site.seen == ["GET /a"]


def test_a_head_of_a_private_page_has_no_body_either(reader: Client, site: Site) -> None:
    site.is_marked = False

    assert reader.head("/account").data == b""


def test_each_encoding_has_a_strong_tag_of_its_own_and_the_length_of_its_own_bytes(reader: Client, site: Site) -> None:
    pages = {name: reader.get("/a", headers={"Accept-Encoding": name}) for name in ("identity", "gzip", "br")}

    assert len(site.seen) == 1
    assert gzip.decompress(pages["gzip"].data) == brotli.decompress(pages["br"].data) == pages["identity"].data == LONG.encode()
    assert [pages[name].headers.get("Content-Encoding") for name in pages] == [None, "gzip", "br"]
    assert all(page.headers["Content-Length"] == str(len(page.data)) for page in pages.values())
    tags = {page.headers["ETag"] for page in pages.values()}
    assert len(tags) == 3
    assert all(tag.startswith('"') for tag in tags)


def test_a_reader_who_has_the_page_is_told_so_in_a_304(reader: Client) -> None:
    tag = reader.get("/a").headers["ETag"]

    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = reader.get("/a", headers={"If-None-Match": known})
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers.to_wsgi_list() == [
            ("Cache-Control", "public, max-age=0, must-revalidate"),
            ("Vary", "Accept-Encoding"),
            ("ETag", tag),
        ]
    assert reader.head("/a", headers={"If-None-Match": tag}).status_code == 304


def test_a_reader_who_has_another_page_or_encoding_gets_the_page(reader: Client) -> None:
    tag = reader.get("/a").headers["ETag"]

    for headers in ({"If-None-Match": '"other"'}, {"If-None-Match": ""}, {"If-None-Match": tag, "Accept-Encoding": "br"}):
        assert reader.get("/a", headers=headers).status_code == 200


def test_a_page_past_the_cache_is_tagged_and_compressed_like_a_kept_one(reader: Client) -> None:
    kept = reader.get("/a", headers={"Accept-Encoding": "br"})

    assert whole(reader.get("/a?q=1", headers={"Accept-Encoding": "br"})) == whole(kept)


def test_a_part_of_a_page_is_answered_with_the_whole(reader: Client) -> None:
    reader.get("/a")

    answer = reader.get("/a", headers={"Range": "bytes=0-3", "If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"})

    assert (answer.status_code, answer.text) == (200, LONG)


def test_a_server_that_adds_to_the_headers_does_not_change_the_kept_page(cache: PageCache, reader: Client) -> None:
    before = whole(reader.get("/a"))
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/a", "QUERY_STRING": "", "HTTP_HOST": "localhost"}

    cache(environ, lambda _status, headers: headers.append(("Date", "yesterday")))
    cache(environ | {"HTTP_IF_NONE_MATCH": "*"}, lambda _status, headers: headers.append(("Date", "yesterday")))

    assert whole(reader.get("/a")) == before
    assert reader.get("/a", headers={"If-None-Match": "*"}).headers.get("Date") is None


def test_a_server_may_leave_out_what_is_empty(cache: PageCache, site: Site) -> None:
    environ = {"REQUEST_METHOD": "GET", "HTTP_HOST": "localhost"}  # PEP 3333 lets it
    statuses: list[str] = []

    for _ in range(2):
        assert b"".join(cache(dict(environ), lambda status, _headers: statuses.append(status))) == LONG.encode()

    assert (statuses, len(site.seen)) == (["200 OK"] * 2, 1)


# Never for longer than it is true


def test_a_change_is_seen_within_a_second(reader: Client, session: Session, site: Site, time: Time) -> None:
    reader.get("/a")
    site.body = "corrected"
    change(session)

    time.seconds += 0.99

    assert reader.get("/a").text == "corrected"


def test_the_first_change_ever_is_seen_too(reader: Client, session: Session, site: Site, time: Time) -> None:
    reader.get("/a")
    site.body = "corrected"
    change(session)
    time.seconds += 1
    reader.get("/a")
    site.body = "corrected again"
    change(session)
    time.seconds += 1

    assert reader.get("/a").text == "corrected again"


def test_the_version_is_asked_for_once_in_each_interval_however_many_ask(reader: Client, time: Time) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "page_version" in statement:
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for _ in range(50):
            reader.get("/a")
        assert len(asked) == 1
        time.seconds += INTERVAL_SECONDS
        for _ in range(50):
            reader.get("/a")
        assert len(asked) == 2
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_who_wrote_something_sees_it_on_the_next_page(reader: Client, session: Session, site: Site) -> None:
    reader.get("/a")
    site.body = "corrected"
    site.on_rendering = lambda: change(session)
    reader.post("/staff/articles")
    site.on_rendering = lambda: None

    assert reader.get("/a").text == "corrected"


def test_a_page_rendered_before_a_change_is_never_kept_as_new(
    reader: Client,
    cache: PageCache,
    session: Session,
    site: Site,
    time: Time,
) -> None:
    def change_meanwhile() -> None:
        change(session)
        cache.watch.ask(time())  # another request of this process has noticed already

    site.on_rendering = change_meanwhile
    reader.get("/a")
    site.on_rendering = lambda: None
    site.body = "corrected"

    assert reader.get("/a").text == "corrected"


def test_a_slow_rendering_of_the_old_does_not_replace_a_quick_one_of_the_new(
    reader: Client,
    session: Session,
    site: Site,
    time: Time,
) -> None:
    def change_and_be_overtaken() -> None:
        site.on_rendering = lambda: None
        site.body = "corrected"
        change(session)
        time.seconds += 1
        assert reader.get("/a").text == "corrected"

    site.on_rendering = change_and_be_overtaken
    reader.get("/a")
    site.seen.clear()

    assert (reader.get("/a").text, site.seen) == ("corrected", [])


def test_while_one_request_renders_a_page_anew_the_others_get_it_as_it_was(
    reader: Client,
    session: Session,
    site: Site,
    time: Time,
) -> None:
    reader.get("/a")
    change(session)
    time.seconds += 1
    meanwhile: list[str] = []
    site.on_rendering = lambda: meanwhile.append(reader.get("/a").text)
    site.body = "corrected"

    assert reader.get("/a").text == "corrected"
    assert (meanwhile, len(site.seen)) == ([LONG], 2)


def test_a_rendering_that_failed_lets_the_next_request_try(reader: Client, session: Session, site: Site, time: Time) -> None:
    reader.get("/a")
    change(session)
    time.seconds += 1

    def fail() -> None:
        raise ZeroDivisionError

    site.on_rendering = fail
    with pytest.raises(ZeroDivisionError):
        reader.get("/a")
    site.on_rendering = lambda: None
    site.body = "corrected"

    assert reader.get("/a").text == "corrected"


def test_a_page_that_cannot_be_rendered_anew_is_served_as_it_was(reader: Client, session: Session, site: Site, time: Time) -> None:
    before = whole(reader.get("/a"))
    change(session)
    time.seconds += 1
    site.status, site.body, site.headers = "503 AWAY", "sorry", [("Cache-Control", "private, no-store")]

    assert whole(reader.get("/a")) == before
    assert len(site.seen) == 2


def test_a_page_that_was_taken_back_is_gone(reader: Client, session: Session, site: Site, time: Time) -> None:
    reader.get("/a")
    change(session)
    time.seconds += 1
    site.status = "404 NOT FOUND"

    assert [reader.get("/a").status_code, reader.get("/a").status_code] == [404, 404]


def test_what_changes_by_time_alone_is_seen_after_a_while(reader: Client, site: Site, time: Time) -> None:
    reader.get("/a")
    site.body = "its hour has come"

    time.seconds += MAX_AGE_SECONDS - 0.1
    assert reader.get("/a").text == LONG
    time.seconds += 0.1
    assert reader.get("/a").text == "its hour has come"


def test_while_the_version_cannot_be_read_the_pages_stay_and_are_new_when_it_can(site: Site, time: Time, tmp_path: Any) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'own.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE page_version (id INTEGER PRIMARY KEY, version INTEGER NOT NULL)"))
    reader = Client(PageCache(site, watch=VersionWatch(engine, patience=10), hosts=["localhost"], monotonic=time))
    before = whole(reader.get("/a"))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE page_version RENAME TO away"))
    site.body = "corrected"

    time.seconds += 10 * MAX_AGE_SECONDS
    assert whole(reader.get("/a")) == before

    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO page_version"))
    with make_sessions(engine)() as session:
        change(session)
    time.seconds += 1
    assert reader.get("/a").text == "corrected"
    engine.dispose()
