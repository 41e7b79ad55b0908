"""Rendered open pages in front of Flask: the same for everybody, new within a second, there while the database is away."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import structlog

from membership.web.encodings import choose_encoding
from membership.web.kept_pages import Headers, KeptPages, Page, Variant, make_variants
from membership.web.version_watch import VersionWatch

log = structlog.get_logger()

# A view sets this in the WSGI environ: what it answers is the same for everybody (membership.web.open_pages).
KEEP = "membership.keep_page"
READS = frozenset({"GET", "HEAD"})
IGNORED_PARAMETERS = frozenset({"fbclid", "gclid"})
MAX_BYTES = 32 * 1024 * 1024
# Some things change by time alone (a story's hour of publication comes): no page is older than this while the database answers.
MAX_AGE_SECONDS = 10.0
# Browsers send a handful of Accept-Encodings; anything past this is somebody's experiment, and worked out each time.
MAX_KNOWN_HEADERS = 32
MAX_HEADER = 100

Environ = dict[str, Any]
Answer = Iterable[bytes]


class PageCache:
    """WSGI middleware that keeps what open pages answer, by path and encoding; cookies play no part."""

    def __init__(
        self,
        app: Callable[..., Answer],
        *,
        watch: VersionWatch,
        hosts: Iterable[str],
        max_bytes: int = MAX_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app = app
        self.pages = KeptPages(max_bytes)
        self.watch = watch
        self._hosts = frozenset(hosts)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._renewing: set[str] = set()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Answer:
        # Most requests end here. Every call costs what this whole path may: measured by `make bench`.
        watch = self.watch
        at = self._monotonic()
        page = self.pages.find(environ.get("PATH_INFO", ""))
        if (
            page is None
            or at >= watch.due_at
            or at >= page.expires_at
            or page.version != watch.version
            or environ.get("QUERY_STRING")
            or environ["REQUEST_METHOD"] != "GET"
            or environ.get("HTTP_HOST") not in self._hosts
            or "HTTP_IF_NONE_MATCH" in environ
        ):
            return self._consider(environ, start_response, at=at)
        page.was_used = True
        variant = page.variants_by_header.get(environ.get("HTTP_ACCEPT_ENCODING", "")) or self._variant(page, environ)
        start_response("200 OK", variant.headers[:])  # a copy: some servers add to what they are given
        return [variant.body]

    def _consider(self, environ: Environ, start_response: Callable[..., Any], *, at: float) -> Answer:
        environ.setdefault("PATH_INFO", "")
        if environ.get("QUERY_STRING") or environ["REQUEST_METHOD"] not in READS:
            return self._unusual(environ, start_response)
        watch = self.watch
        if at >= watch.due_at:
            watch.ask(at)
        page = self.pages.find(environ["PATH_INFO"])
        if page is None or environ.get("HTTP_HOST") not in self._hosts:
            return self._render(environ, start_response, at=at)
        if watch.is_well and (page.version != watch.version or at >= page.expires_at):
            return self._renew(environ, start_response, page, at=at)
        page.was_used = True
        return _send(self._variant(page, environ), environ, start_response)

    def _unusual(self, environ: Environ, start_response: Callable[..., Any]) -> Answer:
        if environ["REQUEST_METHOD"] not in READS:
            answer = self.app(environ, start_response)
            self.watch.ask_soon()  # whoever wrote something sees it on the next page
            return answer
        if _is_noise(environ["QUERY_STRING"]):
            return self({**environ, "QUERY_STRING": ""}, start_response)
        return self._render(environ, start_response)

    def _renew(self, environ: Environ, start_response: Callable[..., Any], page: Page, *, at: float) -> Answer:
        """Render the page anew; whoever asks meanwhile gets it as it was."""
        path = environ["PATH_INFO"]
        with self._lock:
            is_first = path not in self._renewing
            self._renewing.add(path)
        if not is_first:
            return _send(self._variant(page, environ), environ, start_response)
        try:
            return self._render(environ, start_response, at=at, old=page)
        finally:
            with self._lock:
                self._renewing.discard(path)

    def _render(
        self,
        environ: Environ,
        start_response: Callable[..., Any],
        *,
        at: float | None = None,
        old: Page | None = None,
    ) -> Answer:
        """Let Flask answer and keep the answer if it may be kept; without at it is not kept."""
        # Taken before the page is: a page rendered before a change can then never pass for one rendered after it.
        version = self.watch.version
        status, headers, answer = self._ask_flask(environ)
        path = environ["PATH_INFO"]
        if old is not None and status.startswith("5"):
            _close(answer)
            log.warning("page_cache.served_old", path=path, status=status)
            return _send(self._variant(old, environ), environ, start_response)
        if not environ.get(KEEP) or not _may_be_kept(status, headers, path):
            if old is not None:
                self.pages.forget(path)
            return _pass_on(status, headers, answer, environ, start_response)
        body = b"".join(answer)
        _close(answer)
        if at is None or version is None or environ.get("HTTP_HOST") not in self._hosts:
            choice = choose_encoding(environ.get("HTTP_ACCEPT_ENCODING", ""))
            return _send(make_variants(headers, body, encodings=[choice])[choice], environ, start_response)
        page = Page(make_variants(headers, body), version=version, expires_at=at + MAX_AGE_SECONDS)
        self._keep(path, page)
        return _send(self._variant(page, environ), environ, start_response)

    def _keep(self, path: str, page: Page) -> None:
        present = self.pages.find(path)
        newest = self.watch.version
        # A slow rendering that began before a change must not replace a quick one that began after it.
        if present is None or present.version != newest or page.version == newest:
            self.pages.keep(path, page)

    def _ask_flask(self, environ: Environ) -> tuple[str, Headers, Answer]:
        started: list[Any] = []

        def start(status: str, headers: Headers, _exc_info: Any = None) -> Callable[[bytes], object]:
            started[:] = status, headers
            return _no_write

        # A HEAD is answered from the page that a GET would get.
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        asked = {**environ, "REQUEST_METHOD": "GET"} if is_head else environ
        answer = self.app(asked, start)
        environ[KEEP] = asked.get(KEEP)
        return started[0], started[1], answer

    def _variant(self, page: Page, environ: Environ) -> Variant:
        """Return the page as this reader's software takes it; the header's answer is remembered with the page."""
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        found = page.variants_by_header.get(accepted)
        if found is None:
            found = page.variants[choose_encoding(accepted)]
            if len(accepted) <= MAX_HEADER and len(page.variants_by_header) < MAX_KNOWN_HEADERS:
                page.variants_by_header[accepted] = found
        return found


def _send(variant: Variant, environ: Environ, start_response: Callable[..., Any]) -> Answer:
    known = environ.get("HTTP_IF_NONE_MATCH")
    if known is not None and _matches(known, variant.etag):
        start_response("304 NOT MODIFIED", variant.headers_of_304[:])
        return []
    start_response("200 OK", variant.headers[:])  # a copy: some servers add to what they are given
    return [variant.body] if environ["REQUEST_METHOD"] == "GET" else []


def _matches(known: str, etag: str) -> bool:
    """Return whether an If-None-Match names this ETag, by weak comparison (RFC 9110, 13.1.2)."""
    return known.strip() == "*" or any(each.strip().removeprefix("W/") == etag for each in known.split(","))


def _may_be_kept(status: str, headers: Headers, path: str) -> bool:
    values: dict[str, str] = {}
    for name, value in headers:
        values[name.lower()] = f"{values.get(name.lower(), '')},{value.lower()}".lstrip(",")
    control = {part.strip() for part in values.get("cache-control", "").split(",")}
    if not status.startswith("200 ") or "public" not in control or control & {"private", "no-store"}:
        return False
    varies = {part.strip() for part in values.get("vary", "").split(",")} - {"", "accept-encoding"}
    if "set-cookie" in values or "content-encoding" in values or varies:
        log.error("page_cache.not_the_same_for_everybody", path=path)
        return False
    return True


def _pass_on(status: str, headers: Headers, answer: Answer, environ: Environ, start_response: Callable[..., Any]) -> Answer:
    start_response(status, headers)
    if environ["REQUEST_METHOD"] == "GET":
        return answer
    _close(answer)
    return []


def _is_noise(query: str) -> bool:
    names = [name for name, _value in parse_qsl(query, keep_blank_values=True)]
    return bool(names) and all(name in IGNORED_PARAMETERS or name.startswith("utm_") for name in names)


def _close(answer: Answer) -> None:
    close = getattr(answer, "close", None)
    if close:
        close()


def _no_write(_data: bytes) -> None:
    raise RuntimeError("this app returns its answers and never writes them")
