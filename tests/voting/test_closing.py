"""Closing a vote once and for good: at its time, or early by a person with a public note."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.errors import Conflict, NotAllowed
from membership.page_version import page_version
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from tests.factories.voting import close_vote, make_round, make_staff, open_vote


def test_closing_early_takes_a_person_and_a_public_note(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    editor = make_staff(session, clock=clock, role="editor")

    for actor, note in ((None, "a note"), (editor, "  ")):
        with pytest.raises(NotAllowed, match="note that everybody can read"):
            services.close_round(session, round_id=round_.id, note=note, actor_id=actor, clock=clock)
    before = page_version(session)
    services.close_round(session, round_id=round_.id, note="The mayor resigned.", actor_id=editor, clock=clock)

    closing = queries.get_round(session, round_.id).closing
    assert closing is not None
    assert (closing.closed_at, closing.closed_by_id, closing.note) == (clock.now(), editor, "The mayor resigned.")
    assert page_version(session) == before + 1


def test_a_vote_closes_once_and_for_good(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = close_vote(session, open_vote(session, keys=keys, clock=clock), clock=clock)

    with pytest.raises(Conflict, match="not open"):
        services.close_round(session, round_id=round_.id, note="again", actor_id=None, clock=clock)


def test_a_vote_that_never_opened_can_not_be_closed(session: Session, clock: FixedClock) -> None:
    round_ = make_round(session, clock=clock)

    with pytest.raises(Conflict, match="not open"):
        services.close_round(session, round_id=round_.id, actor_id=None, clock=FixedClock(round_.closes_at))


class ExtendedMeanwhile(FixedClock):
    """Seen as due by a host whose clock is ahead; in the transaction itself the time has not come."""

    def now_in(self, session: Session) -> datetime:
        return self.instant if session.info.get("in_use_case") else self.instant + timedelta(days=30)


def test_a_job_that_finds_more_time_given_in_this_moment_leaves_the_vote_open(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)

    assert services.close_due_rounds(session, clock=ExtendedMeanwhile(clock.now())) == 0
    assert queries.get_round(session, round_.id).closing is None


def test_a_late_job_closes_at_the_time_announced(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)

    closed = services.close_due_rounds(session, clock=FixedClock(round_.closes_at + timedelta(minutes=9)))

    closing = queries.get_round(session, round_.id).closing
    assert closing is not None
    assert (closed, closing.closed_at, closing.closed_by_id) == (1, round_.closes_at, None)


def test_a_person_who_closes_it_after_its_time_says_nothing_of_closing_early(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, editor = open_vote(session, keys=keys, clock=clock), make_staff(session, clock=clock, role="editor")
    clock.instant = round_.closes_at + timedelta(seconds=3)  # the page was loaded before, and the job has not come by yet

    services.close_round(session, round_id=round_.id, note="The mayor resigned.", actor_id=editor, clock=clock)

    closing = queries.get_round(session, round_.id).closing
    assert closing is not None
    assert (closing.closed_at, closing.closed_by_id, closing.note) == (round_.closes_at, editor, "")


class DatabaseAhead(FixedClock):
    """A host whose clock is two minutes behind the database's."""

    def now_in(self, session: Session) -> datetime:
        return self.instant + timedelta(minutes=2)


def test_what_is_due_and_when_it_closed_is_asked_of_the_databases_clock(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    by_hand = open_vote(session, keys=keys, clock=clock)
    by_job = open_vote(session, keys=keys, clock=clock, slug="april", topics=("a", "b"), days=3)
    editor = make_staff(session, clock=clock, role="editor")

    services.close_round(session, round_id=by_hand.id, note="Now", actor_id=editor, clock=DatabaseAhead(clock.now()))
    assert services.close_due_rounds(session, clock=DatabaseAhead(by_job.closes_at - timedelta(minutes=1))) == 1

    closings = [queries.get_round(session, round_.id).closing for round_ in (by_hand, by_job)]
    assert [closing and closing.closed_at for closing in closings] == [clock.now() + timedelta(minutes=2), by_job.closes_at]


def test_open_votes_are_found_the_one_that_closes_first_in_front(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    later = open_vote(session, keys=keys, clock=clock, slug="later", topics=("a", "b"), days=9)
    sooner = open_vote(session, keys=keys, clock=clock, slug="sooner", topics=("c", "d"), days=3)

    assert [r.id for r in queries.open_rounds(session, at=clock.now())] == [sooner.id, later.id]
    assert queries.find_open_round(session, at=clock.now()) == sooner
    assert queries.find_open_round(session, at=later.closes_at) is None
