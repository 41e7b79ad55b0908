"""Limits that hold for every process, on both databases."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.limits import LimitedAct, count_act, forget_acts, keyed
from tests.conftest import NOW
from tests.factories.accounts import race

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def attempt(
    session: Session, most: dict[bytes, int], *, act: str = "guess", at: timedelta = timedelta(), within: timedelta = HOUR
) -> datetime | None:
    with transaction(session):
        return count_act(session, act=act, most=most, within=within, now=NOW + at)


def counted(session: Session) -> list[tuple[str, bytes]]:
    rows = session.execute(select(LimitedAct.act, LimitedAct.who).order_by(LimitedAct.act, LimitedAct.who, LimitedAct.id))
    return [(act, who) for act, who in rows]


def test_the_try_past_the_limit_hears_when_it_may_again_and_then_it_may(session: Session) -> None:
    most = {b"a": 2}

    assert [attempt(session, most, at=at * MINUTE) for at in (0, 10, 20, 59)] == [None, None, NOW + HOUR, NOW + HOUR]
    # One has fallen out of the hour, so there is room for one.
    assert [attempt(session, most, at=at * MINUTE) for at in (60, 61)] == [None, NOW + HOUR + 10 * MINUTE]


def test_who_keeps_trying_does_not_wait_longer(session: Session) -> None:
    for at in range(50):
        attempt(session, {b"a": 2}, at=at * MINUTE)

    assert counted(session) == [("guess", b"a")] * 2
    assert attempt(session, {b"a": 2}, at=HOUR) is None


def test_each_actor_has_a_limit_of_its_own_and_the_latest_instant_is_told(session: Session) -> None:
    attempt(session, {b"network": 2}, at=5 * MINUTE)
    attempt(session, {b"browser": 1, b"network": 2}, at=10 * MINUTE)

    refusals = [
        attempt(session, most, at=20 * MINUTE)
        for most in ({b"other browser": 1, b"network": 2}, {b"browser": 1, b"network": 2}, {b"browser": 1, b"other network": 2})
    ]

    assert refusals == [NOW + HOUR + 5 * MINUTE, NOW + HOUR + 10 * MINUTE, NOW + HOUR + 10 * MINUTE]
    assert counted(session) == [("guess", b"browser"), ("guess", b"network"), ("guess", b"network")]
    assert attempt(session, {b"other browser": 1, b"other network": 2}, at=20 * MINUTE) is None


def test_another_act_is_counted_for_itself(session: Session) -> None:
    attempt(session, {b"a": 1})

    assert attempt(session, {b"a": 1}, act="ask") is None


def test_nothing_at_all_can_be_allowed(session: Session) -> None:
    assert attempt(session, {b"a": 0}) == NOW + HOUR


def test_a_use_case_that_fails_counts_for_nothing(session: Session) -> None:
    with pytest.raises(ZeroDivisionError), transaction(session):
        count_act(session, act="guess", most={b"a": 1}, within=HOUR, now=NOW)
        raise ZeroDivisionError

    assert counted(session) == []


def test_of_twenty_at_once_as_many_may_as_the_limit_says(session: Session, engine: Engine) -> None:
    turn = iter(range(20))

    def act(own: Session) -> datetime | None:
        browser = bytes([next(turn) % 2])  # two browsers of one network: each waits for the other too
        return attempt(own, {browser: 20, b"network": 7})

    answers = race(engine, act, racers=20)

    assert sorted(answers, key=str) == [NOW + HOUR] * 13 + [None] * 7
    assert counted(session).count(("guess", b"network")) == 7


def test_after_a_day_nothing_is_known_of_it(session: Session) -> None:
    attempt(session, {b"a": 9})
    attempt(session, {b"a": 9})
    attempt(session, {b"b": 9}, at=HOUR)

    forgotten = forget_acts(session, now=NOW + timedelta(days=1, minutes=1))

    assert forgotten == 2
    assert session.scalar(select(func.count()).select_from(LimitedAct)) == 1


def test_a_hash_depends_on_key_kind_and_text() -> None:
    made = {keyed(key, kind, text) for key in ("k", "K") for kind in ("address", "network") for text in ("a", "b")}

    assert len(made | {keyed("k", "a", "ddressa")}) == 9
    assert {len(each) for each in made} == {32}
