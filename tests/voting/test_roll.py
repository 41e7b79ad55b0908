"""Who can vote: drawn again and again while the vote is open, or once at its opening."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.roll import roll_hash
from tests.factories.voting import close_vote, make_patrons, make_staff, open_vote


def test_staff_are_never_on_the_roll(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    make_staff(session, clock=clock)
    patrons = make_patrons(session, 2, clock=clock)

    assert queries.roll_of(session, open_vote(session, keys=keys, clock=clock).id) == patrons


def test_nobody_joins_the_roll_after_the_close(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    close_vote(session, round_, clock=clock)
    make_patrons(session, 1, clock=clock)

    assert services.draw_roll(session, round_id=round_.id, clock=clock) == 0
    assert queries.roll_of(session, round_.id) == []


def test_nobody_joins_the_roll_of_a_vote_of_those_who_were_patrons_at_its_opening(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    early = make_patrons(session, 2, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock, electorate="at_opening")
    make_patrons(session, 1, clock=clock)

    assert (services.draw_rolls(session, clock=clock), services.draw_roll(session, round_id=round_.id, clock=clock)) == (0, 0)
    closed = close_vote(session, round_, clock=clock)

    assert queries.roll_of(session, round_.id) == early
    assert closed.closing
    assert closed.closing.roll_sha256 == roll_hash("march", early)


class EndsMeanwhile(FixedClock):
    """A vote's time runs out while we wait for its row."""

    def now_in(self, session: Session) -> datetime:
        return self.instant + timedelta(days=7) if session.info.get("in_use_case") else self.instant


def test_the_time_is_read_once_the_row_is_locked_so_that_nobody_joins_a_vote_that_ended_meanwhile(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    open_vote(session, keys=keys, clock=clock)
    make_patrons(session, 1, clock=clock)

    assert services.draw_rolls(session, clock=EndsMeanwhile(clock.now())) == 0


def test_whoever_becomes_a_patron_while_it_is_open_joins_the_roll_and_nobody_leaves_it(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    [early] = make_patrons(session, 1, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    [late] = make_patrons(session, 1, clock=clock)

    assert [services.draw_rolls(session, clock=clock) for _ in range(2)] == [1, 0]
    assert queries.roll_of(session, round_.id) == [early, late]
    clock.instant += timedelta(days=400)  # everybody's free seat has ended
    assert queries.roll_of(session, close_vote(session, round_, clock=clock).id) == [early, late]


@pytest.mark.parametrize("many", [0, 3])
def test_the_close_draws_the_roll_for_the_last_time(session: Session, clock: FixedClock, keys: RoundKeys, many: int) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    patrons = make_patrons(session, many, clock=clock) if many else []

    closed = close_vote(session, round_, clock=clock)

    assert closed.closing
    assert (queries.roll_of(session, round_.id), closed.closing.roll_sha256) == (patrons, roll_hash("march", patrons))
