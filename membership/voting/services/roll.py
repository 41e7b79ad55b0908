"""Drawing who can vote, from state and again and again: everybody who is a patron while the vote is open, or was at its opening."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.clock import Clock
from membership.db import insert_into, transaction
from membership.patronage.queries import patron_ids
from membership.voting import queries
from membership.voting.models import WHILE_OPEN, RollEntry, Round


def draw_roll(session: Session, *, round_id: int, clock: Clock) -> int:
    """Put everybody who is a patron now on an open vote's roll; none is removed. Safe to repeat. Returns how many were added.

    A vote of those who were patrons at its opening gets nobody more.
    """
    with transaction(session):
        # Locked as a ballot locks it: nobody may join the roll once the close has fixed it.
        session.execute(select(Round.id).where(Round.id == round_id).with_for_update(read=True)).all()
        now = clock.now_in(session)  # after the wait for the row
        round_ = queries.get_round(session, round_id)
        if not round_.is_open(now) or round_.electorate != WHILE_OPEN:
            return 0
        return enrol_patrons(session, round_id, at=now)


def draw_rolls(session: Session, *, clock: Clock) -> int:
    """Draw the roll of every open vote. Returns how many were added."""
    opened = queries.open_rounds(session, at=clock.now_in(session))
    return sum(draw_roll(session, round_id=round_.id, clock=clock) for round_ in opened)


def enrol_patrons(session: Session, round_id: int, *, at: datetime) -> int:
    """Write the patrons of this instant who are missing on the roll, in member order, into the caller's transaction."""
    known = set(queries.roll_of(session, round_id))
    missing = [{"round_id": round_id, "member_id": member_id} for member_id in patron_ids(session, at=at) if member_id not in known]
    if missing:
        session.execute(insert_into(session, RollEntry).on_conflict_do_nothing(), missing)
    return len(missing)
