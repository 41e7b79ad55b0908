"""Sending, changing and taking back a ballot. Nothing here reads, writes or locks a row that names a member."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID, uuid4

from sqlalchemy import Executable, Table, and_, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from membership.clock import Clock
from membership.db import transaction
from membership.errors import Conflict, NotFound
from membership.voting.models import Ballot, BallotChoice, Closing, Opening, Round, RoundTopic, TopicWithdrawal
from membership.voting.refusals import NoTicks, NotOpenYet, RoundClosed, TooManyTicks, UnknownTopic, WithdrawnTopic

MOST_TRIES = 20

# Statements of the tables themselves, made once: to build them for each ballot, and as the ORM's, took half of its time.
_round, _opening, _closing, _round_topic, _withdrawal, _ballot, _choice = (
    cast(Table, model.__table__) for model in (Round, Opening, Closing, RoundTopic, TopicWithdrawal, Ballot, BallotChoice)
)
_LOCK = select(_round.c.id).where(_round.c.id == bindparam("round_id")).with_for_update(read=True)
_is_withdrawn = and_(_withdrawal.c.round_id == _round_topic.c.round_id, _withdrawal.c.topic_id == _round_topic.c.topic_id)
_PAPER = (
    select(
        _round.c.max_ticks,
        _round.c.closes_at,
        _opening.c.opened_at,
        _closing.c.closed_at,
        _round_topic.c.topic_id,
        _withdrawal.c.withdrawn_at,
    )
    .join_from(_round, _round_topic, _round_topic.c.round_id == _round.c.id)
    .outerjoin(_withdrawal, _is_withdrawn)
    .outerjoin(_opening, _opening.c.round_id == _round.c.id)
    .outerjoin(_closing, _closing.c.round_id == _round.c.id)
    .where(_round.c.id == bindparam("round_id"))
)
_REMOVE = delete(_ballot).where(_ballot.c.round_id == bindparam("in_round"), _ballot.c.voter_tag == bindparam("tag"))
_OF_A_VOTER = [_ballot.c.round_id, _ballot.c.voter_tag]
_INSERT: dict[str, Executable] = {
    "postgresql": postgresql.insert(_ballot).on_conflict_do_nothing(index_elements=_OF_A_VOTER).returning(_ballot.c.id),
    "sqlite": sqlite.insert(_ballot).on_conflict_do_nothing(index_elements=_OF_A_VOTER).returning(_ballot.c.id),
}
_TICK = insert(_choice)


@dataclass(frozen=True)
class _Paper:
    """What decides whether a ballot is taken, read after the round's row was locked."""

    max_ticks: int
    closes_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    topics: frozenset[int]  # that can be ticked
    withdrawn: frozenset[int]


def cast_ballot(session: Session, *, round_id: int, tag: bytes, topics: frozenset[int], clock: Clock) -> None:
    """Record the topics ticked by the voter behind this tag, in place of whatever they sent before.

    tag is membership.voting.receipts.voter_tag: nothing in this transaction names a member. The caller has checked, in a read
    before, that the voter is on the roll and may vote. Raises NotFound and the refusals of membership.voting.refusals.
    """
    with transaction(session):
        paper = _lock(session, round_id)
        _check_time(paper, clock.now_in(session))
        _check_ticks(paper, topics)
        ballot_id = uuid4()
        for _ in range(MOST_TRIES):
            if _insert(session, ballot_id, round_id, tag):
                break
            _remove(session, round_id, tag)
        else:
            raise Conflict("Your ballot was sent from two places at once. Please send it again.")
        rows = [{"ballot_id": ballot_id, "round_id": round_id, "topic_id": topic_id} for topic_id in sorted(topics)]
        session.execute(_TICK, rows)


def withdraw_ballot(session: Session, *, round_id: int, tag: bytes, clock: Clock) -> None:
    """Take back the ballot of the voter behind this tag, if there is one. Raises NotFound, NotOpenYet, RoundClosed."""
    with transaction(session):
        _check_time(_lock(session, round_id), clock.now_in(session))
        _remove(session, round_id, tag)


def _lock(session: Session, round_id: int) -> _Paper:
    """Lock the round's row against the close and read what decides in a statement of its own, after the wait."""
    session.execute(_LOCK, {"round_id": round_id}).all()
    rows = session.execute(_PAPER, {"round_id": round_id}).all()
    if not rows:
        raise NotFound("There is no such vote.")
    first = rows[0]
    return _Paper(
        first.max_ticks,
        first.closes_at,
        first.opened_at,
        first.closed_at,
        topics=frozenset(row.topic_id for row in rows if row.withdrawn_at is None),
        withdrawn=frozenset(row.topic_id for row in rows if row.withdrawn_at is not None),
    )


def _check_time(paper: _Paper, at: datetime) -> None:
    if paper.opened_at is None:
        raise NotOpenYet
    closed_at = paper.closed_at or paper.closes_at
    if paper.closed_at is not None or at >= paper.closes_at:
        raise RoundClosed(closed_at=closed_at, received_at=at)


def _check_ticks(paper: _Paper, topics: frozenset[int]) -> None:
    if not topics:
        raise NoTicks
    if not topics <= paper.topics | paper.withdrawn:
        raise UnknownTopic
    if topics & paper.withdrawn:
        raise WithdrawnTopic
    if len(topics) > paper.max_ticks:
        raise TooManyTicks(ticked=len(topics), most=paper.max_ticks)


def _remove(session: Session, round_id: int, tag: bytes) -> None:
    session.execute(_REMOVE, {"in_round": round_id, "tag": tag})  # its choices go with it


def _insert(session: Session, ballot_id: UUID, round_id: int, tag: bytes) -> bool:
    """Insert the ballot; False if there is one of this voter's, be it that their other request was committed in between."""
    statement = _INSERT[session.get_bind().dialect.name]
    return session.execute(statement, {"id": ballot_id, "round_id": round_id, "voter_tag": tag}).first() is not None
