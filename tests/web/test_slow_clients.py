"""Over real HTTP, with the server as `make run` starts it: clients that never finish, and what is too large, stop nobody."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from membership.demo.__main__ import WEB_FLAGS
from membership.demo.environment import demo_environment
from tests.serving import serve

HELD = 64
STOPPED_SECONDS = 10  # without any answer; a server that waits for them waits until they go, however fast the machine
SEATS = 12  # of one network, with the demo's threads
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Iterator[int]:
    """A server of the demo's kind."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "membership.db").write_bytes(_sqlite_template.read_bytes())
    with serve("wsgi:app", demo_environment(folder, port=1, standin_port=2, environ={}), WEB_FLAGS) as (listening, _process):
        yield listening


@contextmanager
def held_open(port: int, begun: str) -> Iterator[list[socket.socket]]:
    """Hold connections from another network, each with the same beginning of a request."""
    held = [socket.create_connection(("127.0.0.1", port), source_address=("127.0.9.1", 0)) for _ in range(HELD)]
    try:
        for one in held:
            one.sendall(begun.encode())
        yield held
    finally:
        for one in held:
            one.close()


def drip(held: list[socket.socket]) -> None:
    for one in held:
        try:
            one.send(b"a")
        except OSError:  # was sent away already
            continue


def answer_of(connection: socket.socket) -> bytes:
    """Return what came so far, nothing if nothing did."""
    connection.settimeout(0.2)
    try:
        return connection.recv(100_000)
    except TimeoutError:
        return b""


def ask(port: int, method: str, path: str, body: str = "", *, source: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    """Return status and text of an answer to somebody who sends all at once. Raises TimeoutError where nothing comes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STOPPED_SECONDS, source_address=(source, 0))
    try:
        connection.request(method, path, body or None, headers | {"Host": f"localhost:{port}"})
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, text
    finally:
        connection.close()


def others_are_served(port: int) -> None:
    """Show that a reader, new or known to the page cache, and somebody who sends a form, get their answers."""
    answers = [
        ask(port, *asked, **FORM) for asked in (("GET", "/"), ("GET", "/sign-in"), ("POST", "/votes/none/ballot", "topics=a"))
    ]

    assert [status for status, _text in answers] == [200, 200, 404]


def test_clients_that_send_byte_by_byte_do_not_stop_other_readers(port: int) -> None:
    begun = f"POST /sign-in HTTP/1.1\r\nHost: localhost:{port}\r\nSec-Fetch-Site: same-origin\r\n"
    with held_open(port, begun + "X-Slow: ") as held:
        others_are_served(port)
        drip(held)
        others_are_served(port)

    with held_open(port, begun + f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: 200000\r\n\r\nemail=") as held:
        others_are_served(port)
        drip(held)
        others_are_served(port)
        answers = [answer_of(one) for one in held]

    sent_away = [answer for answer in answers if answer]
    assert len(sent_away) == HELD - SEATS
    assert all(answer.startswith(b"HTTP/1.1 503 ") and b"retry-after: 30\r\n" in answer for answer in sent_away)
    while ask(port, "POST", "/votes/none/ballot", "topics=a", source="127.0.9.1", **FORM)[0] == 503:
        pass  # until the server has noticed that they are gone; the time limit of the run ends it


def test_what_is_too_large_is_refused_with_a_page_or_by_the_server_itself(port: int) -> None:
    cookie, address = {"Cookie": "a=" + "b" * 16_384}, "/?q=" + "a" * 8_192
    ask(port, "GET", "/")
    pages = [ask(port, "GET", "/", **cookie), ask(port, "GET", "/sign-in", **cookie), ask(port, "GET", "/sign-in" + address[1:])]
    form = ask(port, "POST", "/sign-in", "email=" + "a" * 300_000, **FORM)
    by_server = [ask(port, "GET", "/sign-in", Cookie="a=" + "b" * 70_000)[0], ask(port, "GET", "/" + "a" * 65_536)[0]]

    # What the page cache holds it gives to everybody: it looks at no header.
    assert [status for status, _text in [*pages, form]] == [200, 431, 414, 413]
    assert "Your browser sends too much" in pages[1][1]
    assert by_server == [431, 414]


def test_a_body_without_length_is_read_like_any_other_and_half_a_body_never(port: int) -> None:
    head = f"POST /votes/none/ballot HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in FORM.items())

    def send(rest: str, *, hang_up: bool = False) -> bytes:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall((head + rest).encode())
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
            connection.settimeout(30)
            return connection.recv(100_000)[:13]

    chunked = "Transfer-Encoding: chunked\r\n\r\n"
    much = "".join(f"10000\r\n{'a' * 0x10000}\r\n" for _ in range(90))

    assert send(chunked + "8\r\ntopics=a\r\n0\r\n\r\n") == b"HTTP/1.1 404 "
    assert send(chunked + much + "0\r\n\r\n") == b"HTTP/1.1 413 "
    assert send("Content-Length: 30\r\n\r\ntopics=a", hang_up=True) in (b"HTTP/1.1 400 ", b"")
