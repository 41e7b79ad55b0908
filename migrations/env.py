"""Alembic's environment: migrations import no app code, this file alone knows the models."""

import os
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Engine

from membership import audit, audit_check, limits, outbox, page_version, refusal_counts
from membership.accounts import models as accounts
from membership.articles import models as articles
from membership.credits import models as credit
from membership.db import Base, UtcDateTime, make_engine
from membership.patronage import models as patronage
from membership.voting import models as voting

MODELS = (audit, audit_check, limits, outbox, page_version, refusal_counts, accounts, articles, patronage, voting, credit)


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our column types in plain SQLAlchemy, so that a migration stands for itself."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out the tables that the job queue makes for itself."""
    return not (kind == "table" and (name or "").startswith("huey_"))


def run() -> None:
    """Migrate the database of the caller's engine, or of DATABASE_URL."""
    engine: Engine = context.config.attributes.get("engine") or make_engine(os.environ["DATABASE_URL"])
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # To change a table SQLite makes it anew and drops the old one, which would take along what refers to its rows. Said to
            # the driver: within a transaction it would not be heard.
            driver: Any = connection.connection.dbapi_connection
            driver.execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=render_item,
            include_name=include_name,
            render_as_batch=engine.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if engine.dialect.name == "sqlite":
            broken = driver.execute("PRAGMA foreign_key_check").fetchall()
            driver.execute("PRAGMA foreign_keys=ON")
            if broken:
                raise RuntimeError(f"the migration has left rows that refer to nothing: {broken[:5]}")


run()
