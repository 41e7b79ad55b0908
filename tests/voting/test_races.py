"""Voters and a closing at the same moment, on both databases: whoever was told "counted" is in the box, and nobody else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier, Event

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Ballot, BallotChoice
from membership.voting.receipts import voter_tag
from membership.voting.refusals import RoundClosed
from tests.conftest import make_sessions
from tests.factories.voting import make_patrons, make_staff, open_vote, topic_ids

VOTERS = 16


def ballots_by_tag(session: Session) -> dict[bytes, set[int]]:
    rows = session.execute(select(Ballot.voter_tag, BallotChoice.topic_id).join(BallotChoice, BallotChoice.ballot_id == Ballot.id))
    found: dict[bytes, set[int]] = {}
    for tag, topic_id in rows:
        found.setdefault(tag, set()).add(topic_id)
    return found


def at_once(acts: list[Callable[[Session], str]], engine: Engine) -> list[str]:
    """Run every act in a thread and a session of its own, all let loose together; return what each was told."""
    gate = Barrier(len(acts))
    sessions = make_sessions(engine)

    def run(act: Callable[[Session], str]) -> str:
        with sessions() as session:
            gate.wait()
            return act(session)

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_whoever_was_told_counted_while_the_vote_closed_is_in_the_box_and_nobody_else(
    session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys
) -> None:
    patrons, editor = make_patrons(session, VOTERS, clock=clock), make_staff(session, clock=clock, role="editor")
    round_ = open_vote(session, keys=keys, clock=clock)
    tags = [voter_tag(keys.read(round_.id), patron) for patron in patrons]
    first, second = topic_ids(session, "water,port"), topic_ids(session, "schools")
    session.commit()

    def voter(tag: bytes) -> Callable[[Session], str]:
        def vote(own: Session) -> str:
            told = "refused"
            for ticked in (first, second):  # a ballot, then a change
                try:
                    services.cast_ballot(own, round_id=round_.id, tag=tag, topics=ticked, clock=clock)
                except RoundClosed:
                    return told
                told = "first" if ticked == first else "second"
            return told

        return vote

    def close(own: Session) -> str:
        services.close_round(own, round_id=round_.id, note="Now", actor_id=editor, clock=clock)
        return "closed"

    told = at_once([*(voter(tag) for tag in tags), close], engine)

    in_the_box = {"first": set(first), "second": set(second)}
    expected = {tag: in_the_box[answer] for tag, answer in zip(tags, told[:-1], strict=True) if answer != "refused"}
    assert (ballots_by_tag(session), told[-1]) == (expected, "closed")
    assert queries.count_ballots(session, round_.id) == len(expected)


class HeldClock(FixedClock):
    """A clock that whoever asks has to wait for: between a ballot's lock and its decision."""

    def __init__(self, instant: datetime) -> None:
        super().__init__(instant)
        self.asked, self.answers = Event(), Event()

    def now_in(self, session: Session) -> datetime:
        self.asked.set()
        assert self.answers.wait(30)
        return super().now_in(session)


def test_closing_waits_for_a_ballot_that_has_begun(session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys) -> None:
    [patron], editor = make_patrons(session, 1, clock=clock), make_staff(session, clock=clock, role="editor")
    round_ = open_vote(session, keys=keys, clock=clock)
    tag, ticked = voter_tag(keys.read(round_.id), patron), topic_ids(session, "water")
    held = HeldClock(clock.instant)
    session.commit()

    def cast() -> None:
        with make_sessions(engine)() as own:
            services.cast_ballot(own, round_id=round_.id, tag=tag, topics=ticked, clock=held)

    def close() -> None:
        with make_sessions(engine)() as own:
            services.close_round(own, round_id=round_.id, note="Now", actor_id=editor, clock=clock)

    with ThreadPoolExecutor(2) as pool:
        casting = pool.submit(cast)
        assert held.asked.wait(30)
        closing = pool.submit(close)
        with pytest.raises(TimeoutError):
            closing.result(timeout=0.5)
        held.answers.set()
        casting.result(30)
        closing.result(30)

    assert ballots_by_tag(session) == {tag: set(ticked)}


def test_one_voter_sending_from_many_places_has_one_whole_ballot(
    session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys
) -> None:
    [patron] = make_patrons(session, 1, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    tag = voter_tag(keys.read(round_.id), patron)
    choices = [topic_ids(session, slugs) for slugs in ("water", "port,schools", "water,port,schools", "schools")]
    session.commit()

    def sender(ticked: frozenset[int]) -> Callable[[Session], str]:
        def send(own: Session) -> str:
            services.cast_ballot(own, round_id=round_.id, tag=tag, topics=ticked, clock=clock)
            return "counted"

        return send

    told = at_once([sender(ticked) for ticked in choices * 2], engine)

    assert told == ["counted"] * 8
    assert queries.count_ballots(session, round_.id) == 1
    assert ballots_by_tag(session)[tag] in [set(ticked) for ticked in choices]


def test_two_processes_closing_at_once_close_it_once(session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    session.commit()

    def close(own: Session) -> str:
        return str(services.close_due_rounds(own, clock=FixedClock(round_.closes_at)))

    assert sorted(at_once([close] * 4, engine)) == ["0", "0", "0", "1"]
