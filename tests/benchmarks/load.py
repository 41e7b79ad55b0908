"""A load generator, run as a process of its own: keep-alive connections, each with one request under way.

    python -m tests.benchmarks.load PATH CONNECTIONS SECONDS TURNS PORT...

It loads the servers in turns, a moment each, so that whatever else the machine does hits them alike, and prints for each port
how many answers came in how many seconds, turn by turn, as JSON. It reads the first answer as HTTP and from then on counts
bytes, for every answer is as long as the first: a client that parsed each one would measure itself.
"""

import json
import re
import select
import socket
import sys
import time
from collections.abc import Sequence

CHUNK = 262_144


class Server:
    """One server and the connections that load it."""

    def __init__(self, port: int, path: str, connections: int) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept-Encoding: gzip, deflate, br\r\n\r\n".encode()
        self._connections = [connect(port) for _ in range(connections)]
        self._length = self._length_of_an_answer()

    def load(self, seconds: float) -> tuple[int, float]:
        """Return how many answers came, and how long that took to the last of them."""
        by_number = {connection.fileno(): connection for connection in self._connections}
        missing = dict.fromkeys(by_number, self._length)
        waiting = select.poll()
        started = time.perf_counter()
        for connection in self._connections:
            waiting.register(connection, select.POLLIN)
            connection.sendall(self._request)
        answers, until, under_way = 0, started + seconds, len(missing)
        while under_way:
            goes_on = time.perf_counter() < until
            for number, _event in waiting.poll():
                received = by_number[number].recv(CHUNK)
                if not received or (missing[number] == self._length and not received.startswith(b"HTTP/1.1 200")):
                    raise SystemExit(f"the server broke off: {received[:100]!r}")
                missing[number] -= len(received)
                if missing[number]:
                    continue
                answers += 1
                missing[number] = self._length
                if goes_on:
                    by_number[number].send(self._request)
                else:
                    under_way -= 1
        return answers, time.perf_counter() - started

    def _length_of_an_answer(self) -> int:
        connection = self._connections[0]
        connection.sendall(self._request)
        received = connection.recv(CHUNK)
        while b"\r\n\r\n" not in received:
            received += connection.recv(CHUNK)
        head = received.split(b"\r\n\r\n")[0]
        announced = re.search(rb"(?i)content-length: (\d+)", head)
        if not head.startswith(b"HTTP/1.1 200 ") or not announced:
            raise SystemExit(f"not a page: {head[:200]!r}")
        length = len(head) + 4 + int(announced[1])
        while len(received) < length:
            received += connection.recv(CHUNK)
        return length


def connect(port: int) -> socket.socket:
    """Open a connection that sends at once what it is given."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def main(path: str, connections: int, seconds: float, turns: int, ports: Sequence[int]) -> None:
    """Load each server in turns, forwards and backwards by turns, and print what came."""
    servers = {port: Server(port, path, connections) for port in ports}
    came: dict[int, list[tuple[int, float]]] = {port: [] for port in ports}
    for turn in range(turns):
        for port in ports if turn % 2 else reversed(ports):
            came[port].append(servers[port].load(seconds))
    print(json.dumps(came))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), [int(port) for port in sys.argv[5:]])
