"""Rendered open pages in front of Flask."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine

from membership.clock import Clock


class PageCache:
    """WSGI middleware."""

    def __init__(self, app: Any, *, engine: Engine, clock: Clock) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self.app(environ, start_response)  # type: ignore[no-any-return]
