"""The commands: the audit trail is walked, and the doctor looks at everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy.orm import Session

from membership import audit
from membership.audit_check import AuditCheck, check_daily
from membership.config import BadSettings
from membership.db import transaction
from membership.web.health import alembic_config
from tests.conftest import NOW, SettingsMaker
from tests.kernel.test_audit import KEY, execute, fill, keep_head, put_back_head, unguarded


def test_before_anything_was_recorded_there_is_no_head_and_nothing_is_wrong(app: Flask) -> None:
    assert run(app, "audit", "head") == (1, "Error: Nothing was recorded yet.")
    assert run(app, "audit", "verify") == (0, "0 entries, all as they were written. Head: none yet")


def test_the_head_that_was_printed_fits_until_something_is_taken_out(app: Flask, session: Session) -> None:
    record(app, 3)
    code, head = run(app, "audit", "head")
    record(app, 1)

    assert (code, head[:2]) == (0, "3:")
    assert run(app, "audit", "verify", "--head", head)[0] == 0
    with unguarded(session):
        execute(session, "DELETE FROM audit_entry WHERE id = 3")
        code, told = run(app, "audit", "verify", "--head", head)

    assert code == 1
    assert "entry 3: it was taken out" in told
    assert "entry 3: the head that was written down does not fit" in told


@pytest.mark.parametrize("head", ["3", "x:y", "3:abc"])
def test_what_is_no_head_is_refused(app: Flask, head: str) -> None:
    code, told = run(app, "audit", "verify", "--head", head)

    assert (code, "is not of the form N:HEX" in told) == (2, True)


def test_once_a_day_the_chain_is_walked_and_what_was_found_is_kept(app: Flask, session: Session) -> None:
    record(app, 2)
    job = app.extensions["kernel"].queue.jobs["audit_check"]

    assert [job.run(), job.run()] == [1, 0]
    kept = session.query(AuditCheck).one()
    assert (kept.at, kept.last_id, kept.faults) == (NOW, 2, [])
    assert kept.head == run(app, "audit", "head")[1]


def test_the_daily_walk_keeps_what_is_wrong(session: Session) -> None:
    with transaction(session):
        audit.record(session, act="act", subject=("thing", 1), actor_id=None, now=NOW)
    check_daily(session, [b"another key"], now=NOW)

    assert session.query(AuditCheck).one().faults == [
        [1, "entry 1: it was changed, or put in by somebody without the key"],
        [
            1,
            "entry 1: it was recorded as the chain's end by somebody without the key, so later ones may have been taken out",
        ],
    ]


def test_the_daily_walk_misses_the_last_entries_also_where_the_recorded_end_was_put_back(session: Session) -> None:
    fill(session, 1)
    keep_head(session)
    fill(session, 1)
    check_daily(session, [KEY], now=NOW)
    with unguarded(session):
        execute(session, "DELETE FROM audit_entry WHERE id = 2")
        put_back_head(session)
        for days in (1, 2):  # and goes on missing them
            check_daily(session, [KEY], now=NOW + timedelta(days=days))

    faults = [check.faults for check in session.query(AuditCheck).order_by(AuditCheck.id)]
    missed = [[2, "entry 2: the head that was written down does not fit: entries were taken out or replaced since"]]
    assert faults == [[], missed, missed]


def test_an_older_key_still_verifies_and_a_short_one_is_refused(app: Flask, make_settings: SettingsMaker) -> None:
    assert make_settings().audit_secrets == ("test-secret-key-of-32-characters-or-more",)
    assert make_settings(AUDIT_KEY="n" * 32 + ", " + "o" * 32).audit_secrets == ("n" * 32, "o" * 32)
    with pytest.raises(BadSettings, match="AUDIT_KEY"):
        make_settings(AUDIT_KEY="n" * 32 + ",short")


def test_the_doctor_stops_at_a_database_that_is_not_migrated(app: Flask) -> None:
    code, told = run(app, "doctor")

    assert code == 1
    assert "FAULT   database: is away, or of another version\n        -> flask --app wsgi db upgrade" in told
    assert "audit" not in told


def test_the_doctor_says_of_each_thing_how_it_is(app: Flask) -> None:
    with migrated(app):
        code, told = run(app, "doctor")

    assert "ok      database: is there" in told
    assert "warning plan: there is nothing to buy" in told
    assert "FAULT   admins: 0 of two" in told
    assert code == 1


def test_the_doctor_says_what_is_wrong_with_the_certificates_key(app: Flask) -> None:
    signer = app.extensions["certificate_signer"]
    assert "ok      certificate key: is made with the next certificate" in run(app, "doctor")[1]

    signer.public_key()
    signer.path.chmod(0o644)
    assert (
        f"FAULT   certificate key: others on this machine can read it\n        -> chmod 600 {signer.path}" in run(app, "doctor")[1]
    )

    signer.path.write_text("damaged")
    assert "FAULT   certificate key: is there and can't be read" in run(app, "doctor")[1]


def test_the_doctor_asks_stripe_only_when_told_to(app: Flask) -> None:
    with migrated(app):
        assert "Stripe:" not in run(app, "doctor")[1]
        assert "ok      Stripe: answers" in run(app, "doctor", "--stripe")[1]  # of no plan nothing has to be asked


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it says."""
    result = app.test_cli_runner().invoke(args=list(arguments))
    return result.exit_code, result.stdout.strip() or result.output.strip()


def record(app: Flask, many: int) -> None:
    with app.extensions["kernel"].sessions() as session, transaction(session):
        for number in range(many):
            audit.record(session, act="act", subject=("thing", number), actor_id=None, now=NOW)


@contextmanager
def migrated(app: Flask) -> Iterator[None]:
    """Let the database say that it has this version's shape."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    engine = app.extensions["kernel"].engine
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{head}')")
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE alembic_version")
