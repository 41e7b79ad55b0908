"""Is the process alive, and can it serve? For load balancers and people on call."""

import structlog
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from membership.config import Settings
from membership.paths import ROOT
from membership.web.audience import everyone
from membership.web.database import kernel, settings

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
    """Answer 200 when the database is there, migrated, and the votes' keys can be kept; else 503 with what is missing."""
    checks = {"database": _database_is_migrated(), "round_keys": _can_keep_keys(settings())}
    return jsonify(checks), 200 if all(checks.values()) else 503


def alembic_config() -> Config:
    """Return Alembic's configuration; there is no alembic.ini."""
    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config


def _database_is_migrated() -> bool:
    try:
        with kernel().engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        log.warning("readyz.database", error=type(error).__name__)
        return False
    return current == ScriptDirectory.from_config(alembic_config()).get_current_head()


def _can_keep_keys(current: Settings) -> bool:
    directory = current.round_keys_dir
    return directory.is_dir() and directory.stat().st_mode & 0o077 == 0
