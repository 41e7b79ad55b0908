"""Writers on SQLite take turns, in order, and no one waits for ever: not for a slow one, not for a dead one."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.paths import ROOT
from membership.writers import WritersQueue, turn_to_write

MOMENT, LONG = 0.05, 20.0

HOLDER = """
import sys
from membership.writers import WritersQueue

with WritersQueue(sys.argv[1]).turn(seconds=1):
    print("writing", flush=True)
    sys.stdin.read()
"""
FORKING = """
import os, sys
from sqlalchemy import make_url
from membership.writers import turn_to_write

url, (read, write) = make_url(sys.argv[1]), os.pipe()
with turn_to_write(url, seconds=1):
    child = os.fork()
    if child == 0:
        os.close(write)
        os.read(read, 1)  # until the parent has written again
        with turn_to_write(url, seconds=1):
            os._exit(7)
with turn_to_write(url, seconds=1):
    pass
os.close(write)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture
def queue(tmp_path: Path) -> WritersQueue:
    """The queue of an empty folder."""
    return WritersQueue(str(tmp_path))


@contextmanager
def another_process_writes(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Hold the turn in a process of its own; give it as soon as it has it."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def write(queue: WritersQueue, number: int, written: list[int]) -> None:
    with queue.turn(seconds=LONG):
        written.append(number)


def test_a_writer_who_waits_too_long_is_told_and_the_next_has_its_turn(queue: WritersQueue) -> None:
    told: list[str] = []
    written: list[int] = []

    def wait_a_moment() -> None:
        with pytest.raises(OperationalError) as refused, queue.turn(seconds=MOMENT):
            pass
        told.append(str(refused.value.orig))

    with queue.turn(seconds=LONG):
        thread = threading.Thread(target=wait_a_moment)
        thread.start()
        thread.join()
    write(queue, 1, written)

    assert (told, written) == (["other writers hold the database"], [1])


def test_a_thread_that_writes_already_is_told_at_once(queue: WritersQueue) -> None:
    with queue.turn(seconds=LONG), pytest.raises(RuntimeError, match="itself"), queue.turn(seconds=LONG):
        pass


def test_without_its_folder_the_database_is_away(tmp_path: Path) -> None:
    with pytest.raises(OperationalError, match="No such file"), WritersQueue(str(tmp_path / "gone")).turn(seconds=MOMENT):
        pass


def test_a_writer_that_fails_hands_its_turn_on(queue: WritersQueue) -> None:
    written: list[int] = []

    with pytest.raises(ZeroDivisionError), queue.turn(seconds=LONG):
        _ = 1 // 0
    write(queue, 1, written)

    assert written == [1]


def test_turns_come_in_the_order_in_which_writers_came(queue: WritersQueue) -> None:
    written: list[int] = []
    threads = [threading.Thread(target=write, args=(queue, number, written)) for number in range(8)]

    with queue.turn(seconds=LONG):
        for waiting, thread in enumerate(threads, start=1):
            thread.start()
            while len(queue._line) <= waiting:
                thread.join(0.001)
    for thread in threads:
        thread.join()

    assert written == list(range(8))


def test_a_killed_process_keeps_nobody_waiting(queue: WritersQueue, tmp_path: Path) -> None:
    written: list[int] = []

    with another_process_writes(tmp_path) as process:
        with pytest.raises(OperationalError, match="other writers"), queue.turn(seconds=MOMENT):
            pass
        process.kill()
        write(queue, 1, written)

    assert written == [1]


def test_a_forked_process_neither_keeps_nor_inherits_a_turn(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORKING, f"sqlite:///{tmp_path / 'membership.db'}"]

    assert subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=60).stdout == b"7\n"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_every_use_case_stands_in_line(session: Session, engine: Engine) -> None:
    with turn_to_write(engine.url, seconds=LONG), pytest.raises(RuntimeError, match="itself"), transaction(session):
        pass


@pytest.mark.parametrize("url", ["postgresql+psycopg://localhost/membership", "sqlite://", "sqlite:///:memory:"])
def test_elsewhere_there_is_no_line(url: str) -> None:
    with turn_to_write(make_url(url), seconds=MOMENT), turn_to_write(make_url(url), seconds=MOMENT):
        pass
