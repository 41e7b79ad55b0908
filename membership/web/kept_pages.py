"""Rendered pages as they go over the wire, and a store of them that never outgrows its bound."""

import base64
import hashlib
import threading
from collections.abc import Iterable, Mapping

from membership.web.encodings import ENCODINGS, IDENTITY, encode

Headers = list[tuple[str, str]]
OURS = frozenset({"content-length", "content-encoding", "etag", "vary", "date"})
IN_A_304 = frozenset({"cache-control", "vary", "etag", "content-security-policy"})
OVERHEAD_BYTES = 8_192  # headers, keys and objects of one page, about


class Variant:
    """A page in one encoding, ready to be sent."""

    __slots__ = ("body", "etag", "headers", "headers_of_304")

    def __init__(self, body: bytes, etag: str, headers: Headers) -> None:
        self.body = body
        self.etag = etag
        self.headers = headers
        self.headers_of_304 = [(name, value) for name, value in headers if name.lower() in IN_A_304]


class Page:
    """A page in all encodings; version is what the database had before the page was rendered, never after."""

    __slots__ = ("expires_at", "size", "variants", "variants_by_header", "version", "was_used")

    def __init__(self, variants: Mapping[str, Variant], *, version: int, expires_at: float) -> None:
        self.variants = variants
        self.variants_by_header: dict[str, Variant] = {}  # by Accept-Encoding, as it was sent
        self.version = version
        self.expires_at = expires_at
        self.was_used = False
        self.size = sum(len(variant.body) for variant in variants.values()) + OVERHEAD_BYTES


def make_variants(headers: Headers, body: bytes, *, encodings: Iterable[str] = ENCODINGS) -> dict[str, Variant]:
    """Return the page in these encodings, each with a strong ETag of its own over all that a reader gets."""
    kept = [(name, value) for name, value in headers if name.lower() not in OURS]
    digest = hashlib.sha256(repr(kept).encode() + b"\n" + body).digest()
    tag = base64.urlsafe_b64encode(digest[:15]).decode()
    return {encoding: _variant(kept, body, encoding, tag) for encoding in encodings}


def _variant(kept: Headers, body: bytes, encoding: str, tag: str) -> Variant:
    encoded = encode(body, encoding)
    etag = f'"{tag}"' if encoding == IDENTITY else f'"{tag}-{encoding}"'
    own = [("Content-Length", str(len(encoded))), ("Vary", "Accept-Encoding"), ("ETag", etag)]
    if encoding != IDENTITY:
        own.append(("Content-Encoding", encoding))
    return Variant(encoded, etag, kept + own)


class KeptPages:
    """Pages by path; past max_bytes those that nobody asked for lately make room."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pages: dict[str, Page] = {}
        self._lock = threading.Lock()
        self._size = 0
        self.find = self._pages.get  # readers take no lock: a dict's get is atomic

    def __len__(self) -> int:
        return len(self._pages)

    @property
    def size(self) -> int:
        """How many bytes the pages take, about."""
        return self._size

    def keep(self, path: str, page: Page) -> None:
        """Keep the page in place of what was there; one that would push out a quarter of the others is not kept."""
        with self._lock:
            self._drop(path)
            if page.size > self._max_bytes // 4:
                return
            self._pages[path] = page
            self._size += page.size
            while self._size > self._max_bytes:
                self._make_room()

    def forget(self, path: str) -> None:
        """Drop the page if it is there."""
        with self._lock:
            self._drop(path)

    def _drop(self, path: str) -> None:
        page = self._pages.pop(path, None)
        if page is not None:
            self._size -= page.size

    def _make_room(self) -> None:
        # Second chance: what was asked for since it last stood in front goes to the back once more. So a hit needs no lock.
        path = next(iter(self._pages))
        page = self._pages.pop(path)
        if page.was_used:
            page.was_used = False
            self._pages[path] = page
        else:
            self._size -= page.size
