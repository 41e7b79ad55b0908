"""A wire between the app and PostgreSQL that a test can cut or clog."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator


class Wire:
    """Forwards TCP connections on 127.0.0.1 to a server's Unix socket until it is told otherwise."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def clog(self) -> None:
        """Let nothing through any more, without closing anything: a network that swallows packets."""
        self._flows.clear()

    def flow(self) -> None:
        """Let through again what was held back, and all that follows."""
        self._flows.set()

    def cut(self) -> None:
        """Close every connection and accept no new one."""
        self._listener.close()
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._flows.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                self._ends += [near, far]
                threading.Thread(target=self._forward, args=(near, far), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with near, far, selectors.DefaultSelector() as waiting, contextlib.suppress(OSError):
            for end in other:
                waiting.register(end, selectors.EVENT_READ)
            while True:
                for key, _events in waiting.select():
                    end = key.fileobj
                    assert isinstance(end, socket.socket)
                    data = end.recv(65_536)
                    self._flows.wait()
                    if not data:
                        return
                    other[end].sendall(data)


@contextlib.contextmanager
def wire_to(socket_path: str) -> Iterator[Wire]:
    """Open a wire and cut it at the end."""
    wire = Wire(socket_path)
    try:
        yield wire
    finally:
        wire.cut()
