"""Sends prepared requests, each once, over keep-alive connections with one request under way each; a process of its own.

    python -m tests.benchmarks.posts PORT CONNECTIONS STATUS < REQUESTS

Each line of the input is a request in hexadecimal; an answer with another status than this one ends it. It prints as JSON how
many seconds it all took, and how many each answer.
"""

import json
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterable

from membership.paths import ROOT
from tests.benchmarks.load import CHUNK, connect


def send_apart(port: int, connections: int, requests: Iterable[bytes], *, status: int = 200) -> tuple[float, list[float]]:
    """Send them all from a process of its own; return how long that took, and each of them."""
    command = [sys.executable, "-m", "tests.benchmarks.posts", str(port), str(connections), str(status)]
    given = "\n".join(request.hex() for request in requests).encode()
    seconds, took = json.loads(subprocess.run(command, cwd=ROOT, check=True, input=given, stdout=subprocess.PIPE).stdout)
    return seconds, took


def send(port: int, connections: int, status: int, requests: Iterable[bytes]) -> tuple[float, list[float]]:
    """Send them all; return how long that took, and each of them."""
    opened = {each.fileno(): each for each in (connect(port) for _ in range(connections))}
    waiting, left, sent_at, took = select.poll(), iter(requests), dict[int, float](), list[float]()
    answers = dict.fromkeys(opened, b"")

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
            received = opened[number].recv(CHUNK)
            answers[number] += received
            if not received or not answers[number].startswith(b"HTTP/1.1 %d " % status):
                raise SystemExit(f"refused: {answers[number][:200]!r}")
            if not _is_whole(answers[number]):
                continue
            answers[number] = b""
            took.append(time.perf_counter() - sent_at[number])
            send_next(number)
    return time.perf_counter() - started, took


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    announced = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(end) and len(body) >= (int(announced[1]) if announced else 0)


if __name__ == "__main__":
    port, connections, status = (int(each) for each in sys.argv[1:])
    print(json.dumps(send(port, connections, status, [bytes.fromhex(line) for line in sys.stdin])))
