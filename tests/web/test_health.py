"""Ready means: the database answers, is migrated, and the votes' keys can be kept."""

from collections.abc import Iterator

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.voting.keys import RoundKeys
from membership.web.health import alembic_config
from tests.factories.voting import certify_vote, close_vote, open_vote


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


def test_a_vote_whose_key_can_not_be_read_is_not_ready_until_it_is_certified(
    migrated_app: Flask, session: Session, clock: FixedClock
) -> None:
    keys: RoundKeys = migrated_app.extensions["round_keys"]
    client = migrated_app.test_client()
    round_ = open_vote(session, keys=keys, clock=clock)
    path = keys.directory / f"round-{round_.id}.key"
    key = path.read_bytes()
    said = [client.get("/readyz").status_code]

    path.unlink()
    said.append(client.get("/readyz").status_code)
    path.mkdir()
    close_vote(session, round_, clock=clock)
    said.append(client.get("/readyz").status_code)
    path.rmdir()
    path.write_bytes(key)
    certify_vote(session, round_, keys=keys, clock=clock)  # which destroys the key
    said.append(client.get("/readyz").status_code)

    assert (said, keys.exists(round_.id)) == ([200, 503, 503, 200], False)


def test_without_a_database_it_says_what_is_missing(migrated_app: Flask) -> None:
    migrated_app.extensions["readiness"]["round_keys"] = _no_database

    answer = migrated_app.test_client().get("/readyz")

    assert (answer.status_code, answer.json) == (503, {"database": True, "round_keys": False})


def _no_database() -> bool:
    raise OperationalError("SELECT", {}, Exception("away"))
