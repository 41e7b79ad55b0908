"""Sending, changing and taking back a ballot. Nothing here reads, writes or locks a row that names a member."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from membership.clock import Clock
from membership.db import is_postgresql, transaction
from membership.errors import Conflict, NotFound
from membership.voting.models import Ballot, BallotChoice, Closing, Opening, Round, RoundTopic
from membership.voting.refusals import NoTicks, NotOpenYet, RoundClosed, TooManyTicks, UnknownTopic

MOST_TRIES = 20


@dataclass(frozen=True)
class _Paper:
    """What decides whether a ballot is taken, read after the round's row was locked."""

    max_ticks: int
    closes_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    topics: frozenset[int]


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
            _remove(session, round_id, tag)
            if _insert(session, ballot_id, round_id, tag):
                break
        else:
            raise Conflict("Your ballot was sent from two places at once. Please send it again.")
        rows = [{"ballot_id": ballot_id, "round_id": round_id, "topic_id": topic_id} for topic_id in sorted(topics)]
        session.execute(insert(BallotChoice), rows)


def withdraw_ballot(session: Session, *, round_id: int, tag: bytes, clock: Clock) -> None:
    """Take back the ballot of the voter behind this tag, if there is one. Raises NotFound, NotOpenYet, RoundClosed."""
    with transaction(session):
        _check_time(_lock(session, round_id), clock.now_in(session))
        _remove(session, round_id, tag)


def _lock(session: Session, round_id: int) -> _Paper:
    """Lock the round's row against the close and read what decides in a statement of its own, after the wait."""
    session.execute(select(Round.id).where(Round.id == round_id).with_for_update(read=True)).all()
    rows = session.execute(
        select(Round.max_ticks, Round.closes_at, Opening.opened_at, Closing.closed_at, RoundTopic.topic_id)
        .join(RoundTopic, RoundTopic.round_id == Round.id)
        .outerjoin(Opening, Opening.round_id == Round.id)
        .outerjoin(Closing, Closing.round_id == Round.id)
        .where(Round.id == round_id),
    ).all()
    if not rows:
        raise NotFound("There is no such vote.")
    first = rows[0]
    return _Paper(first.max_ticks, first.closes_at, first.opened_at, first.closed_at, frozenset(row.topic_id for row in rows))


def _check_time(paper: _Paper, at: datetime) -> None:
    if paper.opened_at is None:
        raise NotOpenYet
    closed_at = paper.closed_at or paper.closes_at
    if paper.closed_at is not None or at >= paper.closes_at:
        raise RoundClosed(closed_at=closed_at, received_at=at)


def _check_ticks(paper: _Paper, topics: frozenset[int]) -> None:
    if not topics:
        raise NoTicks
    if not topics <= paper.topics:
        raise UnknownTopic
    if len(topics) > paper.max_ticks:
        raise TooManyTicks(ticked=len(topics), most=paper.max_ticks)


def _remove(session: Session, round_id: int, tag: bytes) -> None:
    session.execute(delete(Ballot).where(Ballot.round_id == round_id, Ballot.voter_tag == tag))  # its choices go with it


def _insert(session: Session, ballot_id: object, round_id: int, tag: bytes) -> bool:
    """Insert the ballot; False if the same voter's other request was committed in between."""
    statement = postgresql.insert(Ballot) if is_postgresql(session) else sqlite.insert(Ballot)
    values = statement.values(id=ballot_id, round_id=round_id, voter_tag=tag)
    inserted = values.on_conflict_do_nothing(index_elements=["round_id", "voter_tag"]).returning(Ballot.id)
    return session.execute(inserted).first() is not None
