"""Bodies are whole when the app sees them, and who sends one slowly takes a seat, never the house."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest

from membership.web.bodies import AT_WORK, REFUSED, BodyReader

THREADS, MOST = 16, 1_000
SEATS, SEATS_OF_ONE_NETWORK = 8, 6


class Inner:
    """An app that answers with what it saw of the request."""

    def __init__(self) -> None:
        self.at_work = self.most_at_work = 0
        self.gate = threading.Barrier(1)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        self.gate.wait()
        self.at_work -= 1
        seen = environ.get(REFUSED, 0), environ.get("CONTENT_LENGTH", ""), environ["wsgi.input"].read()
        return [repr((*seen, "HTTP_TRANSFER_ENCODING" in environ)).encode()]


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
def reader(inner: Inner) -> BodyReader:
    return BodyReader(inner, threads=THREADS, most_bytes=MOST)


class Held(BytesIO):
    """A body that comes when the test lets it."""

    def __init__(self, comes: threading.Event) -> None:
        super().__init__(b"abc")
        self.begun, self.comes = threading.Event(), comes

    def read(self, size: int | None = -1) -> bytes:
        self.begun.set()
        assert self.comes.wait(30)
        return super().read(size)


class Broken(BytesIO):
    """A connection that was reset."""

    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError


def ask(reader: BodyReader, sent: BytesIO | bytes = b"", *, network: str = "203.0.113.7", **environ: Any) -> str:
    stream = BytesIO(sent) if isinstance(sent, bytes) else sent
    asked = {"REQUEST_METHOD": "POST", "REMOTE_ADDR": network, "wsgi.input": stream, **environ}
    return b"".join(reader(asked, None)).decode()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sent", "environ", "seen"),
    [
        pytest.param(b"abc", {"CONTENT_LENGTH": "3"}, (0, "3", b"abc", False), id="whole"),
        pytest.param(b"abcdef", {"CONTENT_LENGTH": "3"}, (0, "3", b"abc", False), id="the next request behind it"),
        pytest.param(b"", {}, (0, "", b"", False), id="none"),
        pytest.param(b"", {"CONTENT_LENGTH": ""}, (0, "", b"", False), id="no length"),
        pytest.param(b"", {"CONTENT_LENGTH": "0"}, (0, "0", b"", False), id="nothing"),
        pytest.param(b"ab", {"CONTENT_LENGTH": "3"}, (400, "0", b"", False), id="broken off"),
        pytest.param(Broken(), {"CONTENT_LENGTH": "3"}, (400, "0", b"", False), id="reset"),
        pytest.param(b"abc", {"CONTENT_LENGTH": "-3"}, (400, "0", b"", False), id="a negative length"),
        pytest.param(b"abc", {"CONTENT_LENGTH": "٣"}, (400, "0", b"", False), id="a length in other digits"),
        pytest.param(b"abc", {"CONTENT_LENGTH": "9" * 40}, (400, "0", b"", False), id="a length past every number"),
        pytest.param(b"abc", {"CONTENT_LENGTH": "1001"}, (413, "0", b"", False), id="too long, and not even read"),
        pytest.param(b"a" * 1000, {"CONTENT_LENGTH": "1000"}, (0, "1000", b"a" * 1000, False), id="as long as may be"),
    ],
)
def test_a_body_is_whole_or_refused(reader: BodyReader, sent: BytesIO | bytes, environ: dict[str, str], seen: object) -> None:
    assert ask(reader, sent, **environ) == repr(seen)


@pytest.mark.parametrize(
    ("sent", "environ", "seen"),
    [
        pytest.param(b"abc", {"wsgi.input_terminated": True}, (0, "3", b"abc", False), id="whole"),
        pytest.param(b"a" * 1001, {"wsgi.input_terminated": True}, (413, "0", b"", False), id="too long"),
        pytest.param(b"abc", {}, (400, "0", b"", False), id="of a server that does not say where it ends"),
        pytest.param(b"abc", {"wsgi.input_terminated": True, "CONTENT_LENGTH": "3"}, (400, "0", b"", False), id="two lengths"),
    ],
)
def test_a_body_without_length_is_read_to_its_end(reader: BodyReader, sent: bytes, environ: dict[str, Any], seen: object) -> None:
    assert ask(reader, sent, HTTP_TRANSFER_ENCODING="chunked", **environ) == repr(seen)


def test_slow_senders_of_one_network_leave_seats_for_others_and_all_together_leave_threads(reader: BodyReader) -> None:
    comes, whole, full = threading.Event(), repr((0, "3", b"abc", False)), repr((503, "0", b"", False))
    slow = [Held(comes) for _ in range(SEATS)]
    networks = ["203.0.113.7"] * SEATS_OF_ONE_NETWORK + ["2001:db8::1"] * (SEATS - SEATS_OF_ONE_NETWORK)
    with ThreadPoolExecutor(SEATS) as pool:
        answers = []
        for number, (body, network) in enumerate(zip(slow, networks, strict=True)):
            answers.append(pool.submit(ask, reader, body, network=network, CONTENT_LENGTH="3"))
            assert body.begun.wait(30)
            if number == SEATS_OF_ONE_NETWORK - 1:
                neighbour = ask(reader, b"abc", network="203.0.113.99", CONTENT_LENGTH="3")
                stranger = ask(reader, b"abc", network="198.51.100.1", CONTENT_LENGTH="3")
        last = ask(reader, b"abc", network="198.51.100.1", CONTENT_LENGTH="3")
        without = ask(reader, network="203.0.113.7")
        comes.set()

        assert [answer.result() for answer in answers] == [whole] * SEATS
    assert (neighbour, stranger, last, without) == (full, whole, full, repr((0, "", b"", False)))
    assert ask(reader, b"abc", network="203.0.113.7", CONTENT_LENGTH="3") == whole


def test_more_threads_are_not_more_work_at_the_same_time(inner: Inner, reader: BodyReader) -> None:
    inner.gate = threading.Barrier(AT_WORK)  # opens only if so many are in at once

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: ask(reader), range(THREADS)))

    assert inner.most_at_work == AT_WORK
