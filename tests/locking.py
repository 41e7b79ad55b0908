"""Letting two use cases meet in the middle, in the same order each time; on PostgreSQL, since SQLite has one writer."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.conftest import make_sessions

ON_POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")

Act = Callable[[Session], Any]
Begin = Callable[[Act], Future[Any]]


@contextmanager
def meeting(engine: Engine) -> Iterator[Begin]:
    """Give what begins an act in a session of its own, and returns once that is over or waits for somebody's lock."""
    with ThreadPoolExecutor(4) as pool, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watch:

        def run(act: Act) -> Any:
            with make_sessions(engine)() as own:
                return act(own)

        def begin(act: Act) -> Future[Any]:
            before = watch.scalar(WAITING)
            begun = pool.submit(run, act)
            while not begun.done() and watch.scalar(WAITING) == before:
                pass
            return begun

        yield begin


def meet(engine: Engine, held: str, values: Mapping[str, object], *acts: Act) -> list[Future[Any]]:
    """Begin one act after the other while a lock (a SELECT that takes it) is held, let go of it, and return what became of each."""
    with meeting(engine) as begin, engine.begin() as holder:
        holder.execute(text(held), values).all()
        return [begin(act) for act in acts]
