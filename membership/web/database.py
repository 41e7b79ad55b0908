"""What a request works with: the app's kernel, one session per request, the clock."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Flask, current_app, g
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from membership.clock import Clock
from membership.config import Settings
from membership.db import SessionFactory
from membership.jobs import Queue


@dataclass(frozen=True)
class Kernel:
    """Made once in create_app and handed to the whole app."""

    settings: Settings
    engine: Engine
    sessions: SessionFactory
    clock: Clock
    queue: Queue


def init_app(app: Flask, kernel: Kernel) -> None:
    """Keep the kernel on the app and close each request's session."""
    app.extensions["kernel"] = kernel
    app.teardown_appcontext(_close_session)


def kernel() -> Kernel:
    """Return the present app's kernel."""
    return cast(Kernel, current_app.extensions["kernel"])


def settings() -> Settings:
    """Return the present app's settings."""
    return kernel().settings


def session() -> Session:
    """Return this request's database session; it is opened at the first use."""
    if "db_session" not in g:
        g.db_session = kernel().sessions()
    return cast(Session, g.db_session)


def clock() -> Clock:
    """Return the app's clock."""
    return kernel().clock


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return clock().now()


def _close_session(_error: BaseException | None) -> None:
    opened: Session | None = g.pop("db_session", None)
    if opened is not None:
        opened.close()
