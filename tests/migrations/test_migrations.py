"""The migrations make the very schema that the models describe, up and down, on both databases."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, make_url, text

from membership.db import Base, make_engine
from membership.paths import ROOT
from membership.web.health import alembic_config
from tests.migrations.schema import differences, schema_of

# Somebody who pays each month, as the first version kept them.
OLD_ROWS = (
    "INSERT INTO member (id, email, display_name, language, created_at) VALUES (1, 'a@example.org', '', 'en', :now)",
    "INSERT INTO plan (id, key, name, currency, minimum_month_minor, minimum_year_minor, minimum_once_minor, presets_month,"
    " presets_year, presets_once, created_at) VALUES (1, 'main', 'Support', 'eur', 300, 3000, 300, '3', '3', '3', :now)",
    "INSERT INTO checkout_attempt (id, plan_id, interval, amount_minor, currency, language, browser_hash, member_id, created_at)"
    " VALUES (:a, 1, 'month', 500, 'eur', 'en', '1', 1, :now)",
    "INSERT INTO subscription (stripe_id, member_id, attempt_id, claim, written, status, amount_minor, currency, interval,"
    " created_at) SELECT 'sub_1', 1, id, 1, 1, 'active', 500, 'eur', 'month', :now FROM checkout_attempt",
    "INSERT INTO payment (kind, source, reference, member_id, subscription_id, attempt_id, amount_minor, currency, occurred_at)"
    " SELECT 'charge', 'stripe', 'ch_1', 1, 'sub_1', id, 500, 'eur', :now FROM checkout_attempt",
    "INSERT INTO paid_period (member_id, source, reference, subscription_id, starts_at, ends_at)"
    " VALUES (1, 'subscription', 'in_1', 'sub_1', '2026-03-01 00:00:00+00:00', '2026-04-01 00:00:00+00:00')",
)
VERSIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of each kind without a single table."""
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path / 'bare.db'}")
        yield engine
        engine.dispose()
        return
    server = make_engine(request.getfixturevalue("postgresql_url"))
    name = f"bare_{uuid4().hex}"
    _outside_of_transactions(server, f'CREATE DATABASE "{name}"')
    _outside_of_transactions(server, f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    engine = make_engine(make_url(server.url).set(database=name).render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    _outside_of_transactions(server, f'DROP DATABASE "{name}"')
    server.dispose()


def test_the_migrations_make_what_the_models_describe(bare: Engine) -> None:
    command.upgrade(config_for(bare), "head")
    migrated = schema_of(bare)
    command.downgrade(config_for(bare), "base")
    Base.metadata.create_all(bare)

    assert differences(migrated, schema_of(bare)) == []


def test_the_way_down_leaves_no_table_behind(bare: Engine) -> None:
    command.upgrade(config_for(bare), "head")

    command.downgrade(config_for(bare), "base")

    assert inspect(bare).get_table_names() == ["alembic_version"]


def test_the_way_up_can_be_gone_again_after_the_way_down(bare: Engine) -> None:
    command.upgrade(config_for(bare), "head")
    once = schema_of(bare)

    command.downgrade(config_for(bare), "base")
    command.upgrade(config_for(bare), "head")

    assert differences(once, schema_of(bare)) == []


def test_there_is_one_line_of_migrations() -> None:
    script = ScriptDirectory.from_config(alembic_config())

    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_stands_for_itself(path: Path) -> None:
    imported = [name for node in ast.walk(ast.parse(path.read_text())) for name in _imports(node)]

    assert [name for name in imported if name.split(".")[0] == "membership"] == []


def config_for(engine: Engine) -> Config:
    """Return Alembic's configuration for this database."""
    config = alembic_config()
    config.attributes["engine"] = engine
    return config


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _outside_of_transactions(engine: Engine, statement: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def test_what_an_older_version_has_written_is_there_afterwards(bare: Engine) -> None:
    command.upgrade(config_for(bare), "0001")
    with bare.begin() as connection:
        for line in OLD_ROWS:
            connection.execute(text(line), {"now": datetime(2026, 3, 22, 12, tzinfo=UTC), "a": uuid4().hex})

    command.upgrade(config_for(bare), "head")

    with bare.connect() as connection:
        attempts = connection.execute(text("SELECT purpose, claim, written, link_key FROM checkout_attempt")).all()
        payments = connection.execute(text("SELECT kind, amount_minor, subscription_id, attempt_id IS NULL FROM payment")).all()
        supports = connection.execute(text("SELECT stripe_id, account, is_paused, attempt_id IS NULL FROM subscription")).all()
        periods = connection.execute(text("SELECT source, member_id, disputed_at FROM paid_period")).all()
    assert [tuple(row)[:3] for row in attempts] == [("membership", 0, 0)]
    assert None not in {row.link_key for row in attempts}
    assert [tuple(row) for row in payments] == [("charge", 500, "sub_1", False)]
    assert [tuple(row) for row in supports] == [("sub_1", "", False, False)]
    assert [tuple(row) for row in periods] == [("subscription", 1, None)]
