"""The demo's processes: started together, stopped together."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

START_SECONDS = 60
STOP_SECONDS = 10


class PortTaken(Exception):
    """Somebody else listens on the port."""


class ProcessDied(Exception):
    """One of the processes ended by itself."""


def refuse_taken_port(port: int, *, name: str = "PORT") -> None:
    """Raise PortTaken, with what to do, when something listens on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise PortTaken(f"Port {port} is taken. Choose another one: make run {name}={port + 10}") from None


class Processes:
    """Children in sessions of their own, so that Ctrl-C reaches only us and we stop them in order."""

    def __init__(self, *, logs: Path, environment: Mapping[str, str]) -> None:
        self.logs = logs
        self.environment = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.open_logs: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for log in self.open_logs:
            log.close()

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start `python ARGUMENTS`, its output in logs/<name>.log."""
        log = (self.logs / f"{name}.log").open("ab")
        self.open_logs.append(log)
        self.running[name] = subprocess.Popen(
            [sys.executable, *arguments], env=self.environment, stdout=log, stderr=log, start_new_session=True
        )

    def run(self, name: str, arguments: Sequence[str]) -> str:
        """Run `python ARGUMENTS` to its end, its progress on our terminal; return what it printed to stdout."""
        done = subprocess.run([sys.executable, *arguments], env=self.environment, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise ProcessDied(f"The step {name!r} failed with exit code {done.returncode}.")
        return done.stdout

    def wait_for(self, url: str) -> None:
        """Return when this address answers 200; raise ProcessDied when a process ends first or it takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self._raise_if_one_died()
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise ProcessDied(f"{url} did not answer within {START_SECONDS} seconds; see {self.logs}.")

    def wait(self) -> None:
        """Return never, unless one of the processes ends: then raise ProcessDied."""
        while True:
            self._raise_if_one_died()
            time.sleep(0.5)

    def _raise_if_one_died(self) -> None:
        for name, process in self.running.items():
            if process.poll() is not None:
                raise ProcessDied(f"The {name} process ended with exit code {process.returncode}; see {self.logs / name}.log.")
