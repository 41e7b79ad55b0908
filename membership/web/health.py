"""Is the process alive, and can it serve? For load balancers and people on call."""

from collections.abc import Callable

import structlog
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy.exc import SQLAlchemyError

from membership.logs import name_of
from membership.paths import ROOT
from membership.web.audience import everyone
from membership.web.database import kernel

bp = Blueprint("health", __name__)
log = structlog.get_logger()


@bp.get("/healthz")
@everyone
def healthz() -> Response:
    """Answer as long as the process runs."""
    return jsonify(status="ok")


@bp.get("/readyz")
@everyone
def readyz() -> tuple[Response, int]:
    """Answer 200 when the database is there and migrated and every part has what it needs; else 503 with what is missing."""
    needed: dict[str, Callable[[], bool]] = {"database": database_is_migrated, **current_app.extensions["readiness"]}
    checks = {name: _holds(name, check) for name, check in needed.items()}
    return jsonify(checks), 200 if all(checks.values()) else 503


def alembic_config() -> Config:
    """Return Alembic's configuration; there is no alembic.ini."""
    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config


def _holds(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (SQLAlchemyError, OSError) as error:
        log.warning(f"readyz.{name}", error=name_of(error))
        return False


def database_is_migrated() -> bool:
    """Return whether the database has this version's shape."""
    with kernel().engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current == ScriptDirectory.from_config(alembic_config()).get_current_head()
