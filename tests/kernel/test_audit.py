"""The audit trail: written when the use case ends, without gaps, append-only, and what was tampered with is found."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from membership import audit
from membership.audit import AuditEntry
from membership.audit_check import Head, current_head, is_append_only, verify
from membership.db import is_postgresql, make_sessions, transaction
from tests.conftest import NOW, SECRET_KEY
from tests.factories.accounts import race

KEY = audit.derive_key(SECRET_KEY)
MIDDLE, LAST = 5, 10


def test_what_is_recorded_outside_of_a_use_case_is_refused(session: Session) -> None:
    with pytest.raises(RuntimeError, match="outside"):
        record(session, 1)


def test_a_use_case_that_fails_leaves_no_gap_and_nothing_to_be_written_later(session: Session) -> None:
    with transaction(session):
        record(session, 1)
    with pytest.raises(ZeroDivisionError), transaction(session):
        record(session, 2)
        _ = 1 // 0
    with transaction(session):
        record(session, 3)

    assert rows(session) == [(1, "1"), (2, "3")]
    assert found(session) == []


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET act = 'other'", "DELETE FROM audit_entry"])
def test_the_database_refuses_to_change_an_entry(session: Session, statement: str) -> None:
    fill(session, 1)

    with pytest.raises(DBAPIError, match="append-only"), transaction(session):
        session.execute(text(statement))
    assert is_append_only(session)


def test_missing_triggers_are_noticed(session: Session) -> None:
    with unguarded(session):
        assert not is_append_only(session)


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        (f"UPDATE audit_entry SET reason = 'other' WHERE id = {MIDDLE}", ["entry 5: it was changed, or put in by"]),
        (f"UPDATE audit_entry SET actor_id = 7 WHERE id = {MIDDLE}", ["entry 5: it was changed, or put in by"]),
        (f"UPDATE audit_entry SET mac = NULL WHERE id = {MIDDLE}", ["entry 5: it was put in"]),
        (f"DELETE FROM audit_entry WHERE id = {MIDDLE}", ["entry 5: it was taken out"]),
        ("DELETE FROM audit_entry WHERE id IN (1, 2)", ["entry 1: it was taken out", "entry 2: it was taken out"]),
        (f"DELETE FROM audit_entry WHERE id = {LAST}", ["entry 10: it was taken out"]),
        ("DELETE FROM audit_head", ["entry 10: what is recorded as the chain's end"]),
        ("UPDATE audit_head SET last_id = 9", ["entry 9: what is recorded as the chain's end"]),
        ("DELETE FROM audit_entry", [f"entry {number}: it was taken out" for number in range(1, 11)]),
    ],
)
def test_what_was_tampered_with_is_named(session: Session, tampering: str, told: list[str]) -> None:
    fill(session, LAST)

    with unguarded(session):
        execute(session, tampering)

        assert_told(found(session), told)


def test_two_entries_that_changed_places_are_named_and_their_neighbours_are_not(session: Session) -> None:
    fill(session, LAST)

    with unguarded(session):
        for one, other in ((3, 99), (7, 3), (99, 7)):
            execute(session, f"UPDATE audit_entry SET id = {other} WHERE id = {one}")

        assert_told(
            found(session),
            [
                "entry 3: it stands in the place of another: it was entry 7",
                "entry 7: it stands in the place of another: it was entry 3",
            ],
        )


def test_an_entry_put_in_between_is_told_from_those_that_it_moved(session: Session) -> None:
    fill(session, LAST)

    with unguarded(session):
        for number in range(LAST, MIDDLE - 1, -1):
            execute(session, f"UPDATE audit_entry SET id = {number + 1} WHERE id = {number}")
        execute(
            session,
            "INSERT INTO audit_entry (id, at, act, subject_type, subject_id, reason, details, mac) "
            f"SELECT {MIDDLE}, at, 'role.granted', subject_type, subject_id, reason, details, mac FROM audit_entry WHERE id = 1",
        )

        assert_told(
            found(session),
            [
                "entry 5: it was changed, or put in by",
                *[f"entry {place + 1}: it stands in the place of another: it was entry {place}" for place in range(5, 10)],
                "entry 10: what is recorded as the chain's end",
                "entry 11: it stands in the place of another: it was entry 10",
            ],
        )


def test_a_true_entry_of_another_history_does_not_fit_into_this_one(session: Session) -> None:
    fill(session, MIDDLE - 1)
    keep_head(session)
    with transaction(session):
        record(session, MIDDLE)
    with unguarded(session):
        # A copy from before the fifth entry was put back, and the newsroom went on; now somebody brings the old fifth one.
        execute(session, "CREATE TABLE kept AS SELECT * FROM audit_entry WHERE id = 5")
        execute(session, "DELETE FROM audit_entry WHERE id = 5")
        put_back_head(session)
        fill(session, 2)
        execute(session, "DELETE FROM audit_entry WHERE id = 5")
        execute(session, "INSERT INTO audit_entry SELECT * FROM kept")
        execute(session, "DROP TABLE kept")

        assert_told(found(session), ["entry 6: it was changed, or put in by"])


def test_an_end_that_was_cut_off_is_told_also_where_the_recorded_end_was_set_back(session: Session) -> None:
    fill(session, LAST)

    with unguarded(session):
        cut_off_last(session)

        assert_told(found(session), ["entry 9: it was recorded as the chain's end by somebody without the key"])
        fill(session, 1)  # the newsroom goes on, and does not make it good by that
        assert_told(found(session), ["entry 10: it was recorded as the chain's end by somebody without the key"])


def test_an_older_copy_of_everything_is_told_by_the_head_that_was_written_down(session: Session) -> None:
    fill(session, LAST - 1)
    keep_head(session)
    fill(session, 1)
    known = current_head(session)

    with unguarded(session):
        execute(session, f"DELETE FROM audit_entry WHERE id = {LAST}")
        put_back_head(session)

        assert found(session) == []
        assert known is not None
        assert_told(found(session, known=known), ["entry 10: the head that was written down does not fit"])


def test_a_head_of_yesterday_still_fits_today(session: Session) -> None:
    fill(session, 3)
    known = current_head(session)
    fill(session, 3)

    assert known is not None
    assert Head.parse(str(known)) == known
    assert found(session, known=known) == []


def test_an_entry_from_before_the_chain_can_not_be_changed_unnoticed_either(session: Session) -> None:
    with transaction(session):
        session.add_all(entry(number) for number in range(1, 4))
    fill(session, 2)

    assert rows(session) == [(1, "1"), (2, "2"), (3, "3"), (4, "1"), (5, "2")]
    assert found(session) == []
    with unguarded(session):
        execute(session, "UPDATE audit_entry SET reason = 'other' WHERE id = 2")

        assert_told(found(session), ["entry 4: it, or an entry before it (from before the chain began), was changed"])


def test_a_chain_of_two_keys_needs_both(session: Session, engine: Engine) -> None:
    fill(session, 2)
    with make_sessions(engine, audit_keys=[b"new", KEY])() as renewed:
        fill(renewed, 2)

    assert verify(session, [b"new", KEY]).faults == []
    assert_told([str(each) for each in verify(session, [b"new"]).faults], ["entry 1: it was changed", "entry 2: it was changed"])


def test_without_a_key_nothing_is_recorded(engine: Engine, session: Session) -> None:
    with make_sessions(engine)() as keyless, pytest.raises(RuntimeError, match="no audit key"):
        fill(keyless, 1)

    assert rows(session) == []


def test_racers_make_one_chain_without_gaps(engine: Engine, session: Session) -> None:
    def attempt(own: Session) -> None:
        with transaction(own):
            record(own, 1)
            record(own, 2)

    race(engine, attempt)

    assert rows(session) == [(number, "1" if number % 2 else "2") for number in range(1, 41)]
    assert found(session) == []


def test_what_is_recorded_while_the_chain_is_walked_is_no_fault(engine: Engine, session: Session) -> None:
    fill(session, 3)

    def record_meanwhile(_done: int, _total: int) -> None:
        with make_sessions(engine, audit_keys=[KEY])() as other:
            fill(other, 1)

    assert verify(session, [KEY], progress=record_meanwhile).faults == []


def test_a_thousand_entries_cost_two_more_statements_than_one(engine: Engine, session: Session) -> None:
    fill(session, 1)

    assert statements(engine, lambda: fill(session, 1000)) <= statements(engine, lambda: fill(session, 1)) + 2
    assert session.scalar(select(func.count()).select_from(AuditEntry)) == 1002
    assert found(session) == []


def test_details_come_back_as_they_were_signed(session: Session) -> None:
    with transaction(session):
        audit.record(
            session, act="act", subject=("thing", 1), actor_id=None, now=NOW, seats=(1, 2), names={1: "Ї"}, share=0.1, none=None
        )

    assert session.scalars(select(AuditEntry.details)).one() == {"seats": [1, 2], "names": {"1": "Ї"}, "share": 0.1, "none": None}
    assert found(session) == []


@pytest.mark.parametrize("written", ["", "7", "7:00", "x:" + "0" * 64, "-1:" + "0" * 64])
def test_what_is_no_head_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        Head.parse(written)


def fill(session: Session, many: int) -> None:
    """Record this many acts in one use case."""
    with transaction(session):
        for number in range(1, many + 1):
            record(session, number)


def record(session: Session, number: int) -> None:
    audit.record(session, act="act", subject=("thing", number), actor_id=None, now=NOW, reason="why", many=number)


def entry(number: int) -> AuditEntry:
    """Make an entry as it was written before there was a chain."""
    return AuditEntry(id=number, at=NOW, act="act", subject_type="thing", subject_id=str(number))


def found(session: Session, *, known: Head | None = None) -> list[str]:
    """Walk the chain and return what is told of it."""
    session.expire_all()
    return [str(fault) for fault in verify(session, [KEY], known=known).faults]


def assert_told(said: list[str], beginnings: list[str]) -> None:
    assert [line[: len(start)] for line, start in zip(said, beginnings, strict=False)] == beginnings
    assert len(said) == len(beginnings)


def rows(session: Session) -> list[tuple[int, str]]:
    return [
        (row.id, row.subject_id) for row in session.execute(select(AuditEntry.id, AuditEntry.subject_id).order_by(AuditEntry.id))
    ]


def execute(session: Session, statement: str) -> None:
    with transaction(session):
        session.execute(text(statement))


def cut_off_last(session: Session) -> None:
    """Take the last entry out and set the head to the one before it, as somebody can who has the database alone."""
    execute(session, "DELETE FROM audit_entry WHERE id = (SELECT last_id FROM audit_head)")
    last = "(SELECT mac FROM audit_entry WHERE id = audit_head.last_id - 1)"
    execute(session, f"UPDATE audit_head SET last_id = last_id - 1, mac = {last}")


def keep_head(session: Session) -> None:
    """Save the head's row, for put_back_head()."""
    execute(session, "CREATE TABLE kept_head AS SELECT * FROM audit_head")


def put_back_head(session: Session) -> None:
    """Put the head's row back as it was."""
    execute(session, "DELETE FROM audit_head")
    execute(session, "INSERT INTO audit_head SELECT * FROM kept_head")
    execute(session, "DROP TABLE kept_head")


@contextmanager
def unguarded(session: Session) -> Iterator[None]:
    """Take the triggers out, as somebody would who has the database; put them back for whoever comes next."""
    dialect = "postgresql" if is_postgresql(session) else "sqlite"
    table = " ON audit_entry" if dialect == "postgresql" else ""
    for name in audit.TRIGGERS[dialect]:
        execute(session, f"DROP TRIGGER {name}{table}")
    try:
        yield
    finally:
        for statement in audit.APPEND_ONLY[dialect]:
            execute(session, statement)


def statements(engine: Engine, work: Callable[[], None]) -> int:
    """Count what is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    work()
    event.remove(engine, "before_cursor_execute", note)
    return len(sent)
