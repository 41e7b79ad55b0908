"""Voters and a closing at the same moment, on both databases: whoever was told "counted" is in the box, and nobody else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier, Event

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.errors import Conflict
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Ballot, BallotChoice, Topic, TopicSupport
from membership.voting.receipts import voter_tag
from membership.voting.refusals import RoundClosed
from tests.conftest import make_sessions
from tests.factories.voting import make_patrons, make_staff, make_topics, open_vote, topic_ids

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


def test_no_mark_is_lost_or_doubled_when_its_topic_is_put_together_with_another_in_that_moment(
    session: Session, engine: Engine, clock: FixedClock
) -> None:
    patrons, editor = make_patrons(session, VOTERS, clock=clock), make_staff(session, clock=clock, role="editor")
    road, street = make_topics(session, ["road", "street"], clock=clock)
    session.commit()

    def supporter(member_id: int) -> Callable[[Session], str]:
        def support(own: Session) -> str:
            try:
                services.support_topic(own, topic_id=road, member_id=member_id)
            except Conflict:
                return "refused"
            return "supports"

        return support

    def merge(own: Session) -> str:
        return str(services.merge_topic(own, topic_id=road, into_id=street, actor_id=editor, now=clock.now()))

    *told, moved = at_once([*(supporter(patron) for patron in patrons), merge], engine)

    supporting = [patron for patron, answer in zip(patrons, told, strict=True) if answer == "supports"]
    marks = session.execute(select(TopicSupport.topic_id, TopicSupport.member_id).order_by(TopicSupport.member_id))
    assert ([tuple(row) for row in marks], moved) == ([(street, patron) for patron in supporting], str(len(supporting)))


def test_readers_who_suggest_the_same_in_one_moment_each_keep_one_suggestion_however_often_they_click(
    session: Session, engine: Engine, clock: FixedClock
) -> None:
    patrons = make_patrons(session, 3, clock=clock)
    session.commit()

    def click(member_id: int) -> Callable[[Session], str]:
        words = {"title": "Who repairs the road?", "why": "", "language": "en", "asked_by": {b"%d" % member_id: 10}}

        def suggest(own: Session) -> str:
            try:
                services.suggest_topic(own, **words, member_id=member_id, now=clock.now())  # type: ignore[arg-type]
            except Conflict as refused:
                return refused.message
            return "kept"

        return suggest

    told = at_once([click(patron) for patron in patrons * 3], engine)

    assert sorted(told) == ["You have suggested this already, and it is still being read."] * 6 + ["kept"] * 3
    kept = session.execute(select(Topic.slug, Topic.suggested_by_id).order_by(Topic.slug)).all()
    assert [slug for slug, _ in kept] == [f"who-repairs-the-road{end}" for end in ("", "-2", "-3")]
    assert {author for _, author in kept} == set(patrons)
