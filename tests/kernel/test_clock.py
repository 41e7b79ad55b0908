"""Instants are aware, and the database's clock is read when it is asked, not when the transaction began."""

from datetime import UTC, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from membership.clock import FixedClock, SystemClock
from membership.db import UtcDateTime, is_postgresql
from tests.conftest import NOW


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime().process_bind_param(NOW.replace(tzinfo=None), None)  # type: ignore[arg-type]


def test_the_systems_clock_is_aware_and_agrees_with_the_databases(session: Session) -> None:
    clock = SystemClock()

    instants = clock.now(), clock.now_in(session), clock.now()

    assert [instant.tzinfo for instant in instants] == [UTC] * 3
    assert max(instants) - min(instants) < timedelta(seconds=5)


def test_inside_a_transaction_the_databases_clock_goes_on(session: Session) -> None:
    clock = SystemClock()
    first = clock.now_in(session)
    if is_postgresql(session):
        session.execute(text("SELECT pg_sleep(0.01)"))

    assert clock.now_in(session) > first


def test_a_fixed_clock_stands_until_it_is_moved(session: Session) -> None:
    clock = FixedClock(NOW)
    before = clock.now(), clock.now_in(session)
    clock.instant += timedelta(days=1)

    assert (before, clock.now()) == ((NOW, NOW), NOW + timedelta(days=1))
