"""Refused requests of strangers are counted, and a flood of them costs next to nothing."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.refusal_counts import RefusalCounter, refusals_since
from tests.conftest import NOW, make_sessions
from tests.factories.accounts import race

TODAY, YESTERDAY = date(2026, 3, 22), date(2026, 3, 21)


def test_a_flood_costs_one_write_in_ten_seconds(engine: Engine, session: Session) -> None:
    counter = RefusalCounter(make_sessions(engine))

    for tenths in range(99):
        counter.count("often", on=TODAY, now=NOW + timedelta(seconds=tenths / 10))
    before = counts(session)
    counter.count("foreign", on=TODAY, now=NOW + timedelta(seconds=10))

    assert (before, counts(session)) == ([], [(TODAY, "foreign", 1), (TODAY, "often", 99)])


def test_what_was_counted_is_written_by_the_next_page_too(engine: Engine, session: Session) -> None:
    counter = RefusalCounter(make_sessions(engine))
    counter.count("role", on=TODAY, now=NOW)

    counter.write_if_due(NOW + timedelta(seconds=9))
    assert counts(session) == []
    counter.write_if_due(NOW + timedelta(seconds=10))
    counter.write_if_due(NOW + timedelta(seconds=20))
    assert counts(session) == [(TODAY, "role", 1)]


def test_the_numbers_of_several_processes_add_up(engine: Engine, session: Session) -> None:
    def attempt(_own: Session) -> None:
        counter = RefusalCounter(make_sessions(engine))
        for kind, day in (("role", TODAY), ("often", TODAY), ("often", YESTERDAY)):
            counter.count(kind, on=day, now=NOW)
        counter.write()

    race(engine, attempt)

    assert counts(session) == [(TODAY, "often", 20), (TODAY, "role", 20), (YESTERDAY, "often", 20)]
    assert counts(session, since=TODAY) == [(TODAY, "often", 20), (TODAY, "role", 20)]


def test_what_the_database_did_not_take_is_not_lost(engine: Engine, session: Session) -> None:
    counter = RefusalCounter(make_sessions(engine))
    counter.count("role", on=TODAY, now=NOW)
    _rename(session, "refusal_count", "away")
    with pytest.raises(DBAPIError):
        counter.write()
    _rename(session, "away", "refusal_count")

    counter.count("role", on=TODAY, now=NOW)
    counter.write()

    assert counts(session) == [(TODAY, "role", 2)]


def _rename(session: Session, name: str, other: str) -> None:
    with transaction(session):
        session.execute(text(f"ALTER TABLE {name} RENAME TO {other}"))


def counts(session: Session, *, since: date = YESTERDAY) -> list[tuple[date, str, int]]:
    found = [(each.on, each.kind, each.many) for each in refusals_since(session, since)]
    session.commit()
    return found
