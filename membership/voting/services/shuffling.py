"""Rewriting a vote's ballots in another order, hour by hour, so that their order tells at most the hour in which they came."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from membership.clock import Clock
from membership.db import insert_into, transaction
from membership.voting import queries, sealed
from membership.voting.models import Ballot, BallotChoice, BallotShuffle
from membership.voting.services.vacuuming import clear_dead_rows

EVERY = timedelta(hours=1)


def shuffle_due(session: Session, *, clock: Clock) -> int:
    """Rewrite the ballots of each vote whose hour is over, and once more those of one that has closed. Returns how many votes."""
    due = sealed.rounds_due_to_shuffle(session, at=clock.now_in(session), every=EVERY)
    for round_id in due:
        shuffle_ballots(session, round_id=round_id, clock=clock)
    return len(due)


def shuffle_ballots(session: Session, *, round_id: int, clock: Clock) -> None:
    """Rewrite every sealed ballot of a vote under a new random id and in random order, in one transaction that names nobody.

    Nobody votes meanwhile: the round's row is locked as for closing. A box that is certified holds nothing to rewrite.
    """
    with transaction(session):
        queries.lock_round(session, round_id)
        now = clock.now_in(session)
        ballots, choices = _rewritten(session, round_id)
        session.execute(delete(BallotChoice).where(BallotChoice.round_id == round_id))
        session.execute(delete(Ballot).where(Ballot.round_id == round_id))
        if ballots:
            session.execute(insert(Ballot), ballots)
        if choices:
            session.execute(insert(BallotChoice), choices)
        noted = insert_into(session, BallotShuffle).values(round_id=round_id, shuffled_at=now)
        session.execute(noted.on_conflict_do_update(index_elements=[BallotShuffle.round_id], set_={"shuffled_at": now}))
    clear_dead_rows(session)


def _rewritten(session: Session, round_id: int) -> tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]]]:
    """Return the rows of a vote's ballots and of their choices as they shall be."""
    tags = select(Ballot.id, Ballot.voter_tag).where(Ballot.round_id == round_id)
    ticks = select(BallotChoice.ballot_id, BallotChoice.topic_id).where(BallotChoice.round_id == round_id)
    ids: dict[UUID, UUID] = {}
    ballots = []
    for old, tag in _shuffled(session.execute(tags)):
        ids[old] = uuid4()
        ballots.append({"id": ids[old], "round_id": round_id, "voter_tag": tag})
    choices = [
        {"ballot_id": ids[old], "round_id": round_id, "topic_id": topic_id} for old, topic_id in _shuffled(session.execute(ticks))
    ]
    return ballots, choices


def _shuffled(rows: Any) -> list[Any]:
    found = list(rows)
    random.SystemRandom().shuffle(found)
    return found
