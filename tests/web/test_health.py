"""Ready means: the database answers, is migrated, and the votes' keys can be kept."""

from collections.abc import Iterator

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import text

from membership.web.health import alembic_config


@pytest.fixture
def migrated_app(app: Flask) -> Iterator[Flask]:
    """An app whose database says that it has this version's shape."""
    engine = app.extensions["kernel"].engine
    config = alembic_config()
    config.attributes["engine"] = engine
    command.stamp(config, "head")
    yield app
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


def test_a_migrated_site_is_ready(migrated_app: Flask) -> None:
    answer = migrated_app.test_client().get("/readyz")

    assert (answer.status_code, answer.json) == (200, {"database": True, "round_keys": True})


def test_another_versions_database_is_not_ready(migrated_app: Flask) -> None:
    with migrated_app.extensions["kernel"].engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('another')"))

    answer = migrated_app.test_client().get("/readyz")

    assert (answer.status_code, answer.json) == (503, {"database": False, "round_keys": True})


def test_keys_that_others_could_read_are_not_ready(migrated_app: Flask) -> None:
    migrated_app.extensions["kernel"].settings.round_keys_dir.chmod(0o755)

    answer = migrated_app.test_client().get("/readyz")

    assert (answer.status_code, answer.json) == (503, {"database": True, "round_keys": False})


def test_a_missing_key_folder_is_not_ready(migrated_app: Flask) -> None:
    migrated_app.extensions["kernel"].settings.round_keys_dir.rmdir()

    assert migrated_app.test_client().get("/readyz").status_code == 503
