"""Money that came back after the box was checked, against what the result was decided by."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.staff.queries import desk
from membership.voting.alarm import Alarm, alarms, smallest_margin
from membership.voting.explanation import Points
from membership.voting.keys import RoundKeys
from membership.voting.tally import FAIR_SHARE, PLAIN
from tests.factories.voting import WORDS_EXAMPLE, cast_all, change_periods, count_vote, make_patrons, open_vote
from tests.voting.test_tally import count


@pytest.mark.parametrize(
    ("profile", "rule", "seats", "margin"),
    [
        ({"a": 9, "b": 4, "c": 3}, PLAIN, 1, 5),
        ({"a": 9, "b": 8, "c": 3}, PLAIN, 2, 5),  # who of two winners came first decides nothing
        ({"a": 9}, PLAIN, 1, 9),  # nobody beside it: its own ticks
        (WORDS_EXAMPLE, FAIR_SHARE, 2, 60),  # 30 points, in halves
        ({"a": 4, "b": 4}, PLAIN, 1, 0),
        ({"a": 0}, PLAIN, 1, None),
    ],
)
def test_the_smallest_margin(profile: dict[str, int], rule: str, seats: int, margin: int | None) -> None:
    assert smallest_margin(count(profile, seats=seats, rule=rule)) == margin


def test_fewer_than_the_margin_change_nothing(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    voters = cast_all(session, round_, {"water": 14, "port": 11}, keys=keys, clock=clock)
    count_vote(session, round_, keys=keys, clock=clock)

    change_periods(session, voters[:2], reversed_at=clock.now() + timedelta(days=1))
    assert alarms(session, at=clock.now() + timedelta(days=2)) == []


def test_what_came_back_before_the_check_was_not_counted_and_raises_no_alarm(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    voters = cast_all(session, round_, {"water": 5, "port": 2}, keys=keys, clock=clock)
    change_periods(session, voters[:4], reversed_at=clock.now() + timedelta(hours=1))
    count_vote(session, round_, keys=keys, clock=clock)

    assert alarms(session, at=clock.now() + timedelta(days=2)) == []


def test_as_many_as_the_margin_are_on_the_desk_without_saying_whether_they_voted(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    stayed_away = make_patrons(session, 2, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    voters = cast_all(session, round_, {"water": 14, "port": 11}, keys=keys, clock=clock)
    counted = count_vote(session, round_, keys=keys, clock=clock)

    change_periods(session, [*voters[:1], *stayed_away], disputed_at=clock.now() + timedelta(days=1))

    later = clock.now() + timedelta(days=2)
    assert desk(session, at=later, zone=ZoneInfo("Europe/Kyiv")).alarms == (Alarm(counted, 3, Points(3)),)
    change_periods(session, voters[:1], disputed_at=None)  # the bank has given it back to us
    assert alarms(session, at=later) == []


def test_whose_money_comes_back_later_changes_the_alarm_alike_whether_they_voted_or_not(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    stayed_away = make_patrons(session, 12, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    voters = cast_all(session, round_, {"water": 25, "port": 14}, keys=keys, clock=clock)
    counted = count_vote(session, round_, keys=keys, clock=clock)
    lost_at, later = clock.now() + timedelta(days=1), clock.now() + timedelta(days=2)
    change_periods(session, [*voters[:11], *stayed_away[:10]], reversed_at=lost_at)

    told = []
    for one in (voters[11], stayed_away[10]):
        change_periods(session, [one], reversed_at=lost_at)
        told.append(alarms(session, at=later))
        change_periods(session, [one], reversed_at=None)

    assert told == [[Alarm(counted, 22, Points(11))]] * 2


def test_of_fewer_than_20_ballots_the_alarm_does_not_tell_the_margin(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    voters = cast_all(session, round_, {"water": 14, "port": 3}, keys=keys, clock=clock)
    counted = count_vote(session, round_, keys=keys, clock=clock)

    change_periods(session, voters[:1], reversed_at=clock.now() + timedelta(days=1))

    assert alarms(session, at=clock.now() + timedelta(days=2)) == [Alarm(counted, 1, None)]
