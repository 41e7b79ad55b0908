"""Sends prepared requests, each once, over keep-alive connections with one request under way each; a process of its own.

    python -m tests.benchmarks.posts PORT CONNECTIONS < REQUESTS

Each line of the input is a request in hexadecimal. It prints as JSON how many seconds it all took, and how many each answer.
"""

import json
import select
import sys
import time
from collections.abc import Iterable

from tests.benchmarks.load import CHUNK, connect


def send(port: int, connections: int, requests: Iterable[bytes]) -> tuple[float, list[float]]:
    """Send them all; return how long that took, and each of them."""
    opened = {each.fileno(): each for each in (connect(port) for _ in range(connections))}
    waiting, left, sent_at, took = select.poll(), iter(requests), dict[int, float](), list[float]()

    def send_next(number: int) -> None:
        request = next(left, None)
        if request is None:
            waiting.unregister(number)
            sent_at.pop(number, None)
            return
        sent_at[number] = time.perf_counter()
        opened[number].sendall(request)

    started = time.perf_counter()
    for number in opened:
        waiting.register(number, select.POLLIN)
        send_next(number)
    while sent_at:
        for number, _event in waiting.poll():
            answer = opened[number].recv(CHUNK)
            # An answer has no body, and is far shorter than what one call reads.
            if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(b"\r\n\r\n"):
                raise SystemExit(f"refused: {answer[:200]!r}")
            took.append(time.perf_counter() - sent_at[number])
            send_next(number)
    return time.perf_counter() - started, took


if __name__ == "__main__":
    print(json.dumps(send(int(sys.argv[1]), int(sys.argv[2]), [bytes.fromhex(line) for line in sys.stdin])))
