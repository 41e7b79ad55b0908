"""Processes of the product that die as by a power cut and are started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from membership.paths import ROOT
from tests.serving import wait_for_port

PYTHON = (sys.executable, "-m")


class Process:
    """A process with all its children, which can be killed and started again; what it says goes to a file, or nowhere."""

    def __init__(self, *command: str, environ: Mapping[str, str], log: Path | None = None) -> None:
        self.command = (*PYTHON, *command)
        self.environ = {**os.environ, **environ}
        self.log = log or Path(os.devnull)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """Kill it and its children, if it runs: no handler runs any more."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


class Server(Process):
    """The product on granian, which comes back on its port."""

    def __init__(self, environ: Mapping[str, str], port: int, *flags: str, log: Path | None = None) -> None:
        at = ("--host", "127.0.0.1", "--port", str(port))
        super().__init__("granian", "--interface", "wsgi", *at, *flags, "wsgi:app", environ=environ, log=log)
        self.port = port

    def start(self) -> None:
        """Start it and return when it answers."""
        super().start()
        assert self.process is not None
        wait_for_port(self.port, self.process)

    def kill_worker(self) -> None:
        """Kill the oldest of its workers; with --respawn-failed-workers it makes another.

        The oldest, because granian gives up when a worker dies within seconds of its birth.
        """
        assert self.process is not None
        main = self.process.pid
        oldest = Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split()[0]
        os.kill(int(oldest), signal.SIGKILL)


class JobRunner(Process):
    """The job runner."""

    def __init__(self, environ: Mapping[str, str], *, log: Path | None = None) -> None:
        super().__init__("flask", "--app", "wsgi", "jobs", "run", environ=environ, log=log)


def deadlocks_in(log: Path) -> list[str]:
    """Return the lines in which a process says that it and another one had waited for each other, until PostgreSQL ended it.

    A reader meets it as a page that asks to come back in a moment, and a job as a run that failed: both come again.
    """
    return [line for line in log.read_text(errors="replace").splitlines() if "DeadlockDetected" in line]


@contextmanager
def dead_in_the_end(processes: Sequence[Process]) -> Iterator[None]:
    """Leave nobody behind."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
