"""Requests' bodies are read before the app is asked: who sends one slowly holds a thread, and never the site.

A WSGI server gives each request a thread as soon as its headers are there, and who then sends the body a byte a minute keeps it: as
many such clients as there are threads stop everybody, and no server of ours ends such a wait. So there are more threads than
requests at work, at most half of them wait for bodies, not all of these for one network, and who finds no seat is told to come
back. A body that broke off is never taken for the whole of it: half a form is another form.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from membership.web.network import network_of

# What no view sees: the status that membership.web.security answers such a request with.
REFUSED = "membership.refused"
AT_WORK = 8
# Bodies that are there already are read in far less: of a crowd that sends at one moment everybody finds a seat.
PATIENCE_SECONDS = 0.25

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Seats:
    """Who may wait for a body: so many in all, and so many of one network."""

    def __init__(self, total: int, each: int) -> None:
        self.total, self.each = total, each
        self._taken: Counter[str] = Counter()
        self._change = threading.Condition()

    def take(self, network: str) -> bool:
        """Take a seat; return False if there is none, and none becomes free in a moment."""
        with self._change:
            if not self._change.wait_for(lambda: self._is_free(network), PATIENCE_SECONDS):
                return False
            self._taken[network] += 1
            return True

    def leave(self, network: str) -> None:
        """Make room for the next."""
        with self._change:
            self._taken[network] -= 1
            self._taken += Counter()  # forgets who has no seat any more
            self._change.notify_all()

    def _is_free(self, network: str) -> bool:
        return self._taken.total() < self.total and self._taken[network] < self.each


class BodyReader:
    """WSGI middleware that hands the app whole bodies, and no more than AT_WORK requests at the same time."""

    def __init__(self, app: App, *, threads: int, most_bytes: int) -> None:
        self.app = app
        self.most_bytes = most_bytes
        half = max(1, threads // 2)
        self.seats = Seats(half, half - half // 4)
        self._at_work = threading.BoundedSemaphore(AT_WORK)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ:
            self._receive(environ)
        with self._at_work:
            return self.app(environ, start_response)

    def _receive(self, environ: Environ) -> None:
        """Put the whole body in place of the stream that it comes in, or the status of a refusal and nothing."""
        announced = _announced(environ)
        network = network_of(environ.get("REMOTE_ADDR", ""))
        body = b""
        if announced is None:
            status = 400
        elif announced > self.most_bytes:
            status = 413
        elif not self.seats.take(network):
            status = 503
        else:
            try:
                status, body = self._read(environ["wsgi.input"], announced)
            finally:
                self.seats.leave(network)
        environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)), REFUSED: status}
        environ.pop("HTTP_TRANSFER_ENCODING", None)

    def _read(self, stream: Any, announced: int) -> tuple[int, bytes]:
        try:
            body: bytes = stream.read(announced if announced >= 0 else self.most_bytes + 1)
        except OSError:
            return 400, b""
        if announced >= 0:
            return (0, body) if len(body) == announced else (400, b"")
        return (0, body) if len(body) <= self.most_bytes else (413, b"")


def _announced(environ: Environ) -> int | None:
    """Return how many bytes are to come, -1 if only their end will tell, None for what no client of good will says."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return -1 if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH") else None
    text = environ["CONTENT_LENGTH"]
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
