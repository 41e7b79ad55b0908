"""Limits that hold for every process, on both databases."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.limits import LimitedAct, count_act, forget_acts
from tests.conftest import NOW

HOUR = timedelta(hours=1)


def tries(session: Session, *who: bytes, act: str = "guess", many: int = 3, at: timedelta = timedelta()) -> list[bool]:
    answers = []
    for _ in range(many):
        with transaction(session):
            answers.append(count_act(session, act=act, who=who, most=2, within=HOUR, now=NOW + at))
    return answers


def test_the_try_past_the_limit_is_refused_and_an_hour_later_it_works_again(session: Session) -> None:
    assert tries(session, b"a") == [True, True, False]
    assert tries(session, b"a", many=1, at=HOUR) == [True]


def test_another_browser_of_the_same_network_is_the_same_asker(session: Session) -> None:
    tries(session, b"browser", b"network", many=2)

    assert tries(session, b"other browser", b"network", many=1) == [False]
    assert tries(session, b"other browser", b"other network", many=1) == [True]


def test_another_act_is_counted_for_itself(session: Session) -> None:
    tries(session, b"a")

    assert tries(session, b"a", act="ask", many=1) == [True]


def test_after_a_day_nothing_is_known_of_it(session: Session) -> None:
    tries(session, b"a", many=2)
    tries(session, b"b", many=1, at=HOUR)

    forgotten = forget_acts(session, now=NOW + timedelta(days=1, minutes=1))

    assert forgotten == 2
    assert session.scalar(select(func.count()).select_from(LimitedAct)) == 1
