"""A stand-in on a fixed clock, the official client, and a receiver of webhooks."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from membership.stripe_standin.server import StandInServer, end_serving


@dataclass
class FixedClock:
    """A clock that stands still until a test moves it."""

    instant: datetime = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.instant

    def move(self, **delta: float) -> None:
        self.instant += timedelta(**delta)


@dataclass
class Receiver:
    """A webhook receiver which answers with the statuses given, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[bytes, str]] = field(default_factory=list)

    def types(self) -> list[str]:
        return [json.loads(payload)["type"] for payload, _ in self.got]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def standin(tmp_path: Path, clock: FixedClock) -> Iterator[StandInServer]:
    with StandInServer(tmp_path, clock=clock, product_url="http://localhost:8000/") as server:
        yield server


@pytest.fixture
def client(standin: StandInServer) -> Any:
    return standin.client()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    seen = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.got.append((body, self.headers["Stripe-Signature"]))
            self.send_response(seen.statuses.pop(0) if seen.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    seen.url = f"http://127.0.0.1:{server.server_port}/stripe/webhook"
    yield seen
    end_serving(server)
    thread.join()
    server.server_close()
