"""The writers' queue of a SQLite database: who wants to write is given a turn, in the order in which they came.

Left to itself SQLite lets a writer who must wait sleep for up to 100 ms and try again, and whoever comes at the right moment goes
first: most wait for nothing and a few for seconds. The queue decides about the order alone; what keeps writers apart is still
SQLite's own lock, also from those who don't stand in line (migrations, a shell).
"""

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from sqlalchemy import URL
from sqlalchemy.exc import OperationalError

POLL_SECONDS = 0.001


class WaitedTooLong(Exception):
    """Other writers have held the database for as long as anybody should wait."""


class WritersQueue:
    """One line for all threads of this process; who is first in it shares turns with the other processes by a lock of the folder.

    The folder's, which every process that uses the database can open. A lock file belongs to whoever makes it first (root's cron),
    and opening and closing the database file would drop SQLite's locks.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._line: deque[threading.Lock] = deque()  # the first has the turn; each waits at a gate of its own
        self._writer: int | None = None

    @contextmanager
    def turn(self, *, seconds: float) -> Iterator[None]:
        """Write in this block. Raises OperationalError, as SQLite does, when the turn has not come within so many seconds."""
        if self._writer == threading.get_ident():
            raise RuntimeError("this thread writes already, in another session: it would wait for itself")
        until = time.monotonic() + seconds
        gate = self._stand_in_line(until)
        try:
            with self._locked_folder(until):
                self._writer = threading.get_ident()
                yield
        finally:
            self._writer = None
            self._leave(gate)

    def _stand_in_line(self, until: float) -> threading.Lock:
        gate = threading.Lock()
        gate.acquire()
        with self._guard:
            self._line.append(gate)
            is_first = self._line[0] is gate
        try:
            if not is_first and not gate.acquire(timeout=_left(until)):
                raise _too_long()
        except BaseException:
            self._leave(gate)
            raise
        return gate

    def _leave(self, gate: threading.Lock) -> None:
        with self._guard:
            was_first = self._line[0] is gate
            self._line.remove(gate)
            if was_first and self._line:
                self._line[0].release()

    @contextmanager
    def _locked_folder(self, until: float) -> Iterator[None]:
        folder = _open(self._folder)  # each time: nothing is shared with a process that is forked
        try:
            while not _lock(folder):
                if not _left(until):
                    raise _too_long()
                time.sleep(POLL_SECONDS)
            yield
        finally:
            fcntl.flock(folder, fcntl.LOCK_UN)  # closing alone would not do: whoever was forked meanwhile has it open too
            os.close(folder)


_queues: dict[str, WritersQueue] = {}
os.register_at_fork(after_in_child=_queues.clear)  # of the parent's writers none goes on here


def turn_to_write(url: URL, *, seconds: float) -> AbstractContextManager[None]:
    """Return a turn in the queue of this database; on PostgreSQL and in memory there is no queue."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":memory:", "file:")):
        return nullcontext()
    folder = os.path.dirname(os.path.realpath(url.database))
    return _queues.setdefault(folder, WritersQueue(folder)).turn(seconds=seconds)


def _open(folder: str) -> int:
    try:
        return os.open(folder, os.O_RDONLY)
    except OSError as error:  # without its folder there is no database either
        raise OperationalError("BEGIN IMMEDIATE", None, error) from error


def _lock(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _left(until: float) -> float:
    return max(0.0, until - time.monotonic())


def _too_long() -> OperationalError:
    return OperationalError("BEGIN IMMEDIATE", None, WaitedTooLong("other writers hold the database"))
