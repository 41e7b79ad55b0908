"""Votes whose ballots are still tied to their voters by a key: what has to be done while they are, and when it is over."""

from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from membership.voting.keys import RoundKeys
from membership.voting.models import BallotShuffle, BoxCheck, Closing, Opening, RollEntry, Voiding


def can_read_keys(session: Session, keys: RoundKeys) -> bool:
    """Return whether the key of every vote that was opened and is not certified yet can be read, or was given up."""
    return all(keys.exists(round_id) or keys.is_given_up(round_id) for round_id in session.scalars(_sealed()))


def is_sealed(session: Session, round_id: int) -> bool:
    """Return whether a vote's ballots, taken or to be taken, are tied to their voters by a key."""
    return session.scalar(_sealed().where(Opening.round_id == round_id)) is not None


def rounds_with_due_key(session: Session) -> list[int]:
    """Return the certified and the voided votes whose key has not been destroyed."""
    certified = select(BoxCheck.round_id).where(BoxCheck.confirmed_at.is_not(None), BoxCheck.key_destroyed_at.is_(None))
    voided = select(Voiding.round_id).outerjoin(BoxCheck, BoxCheck.round_id == Voiding.round_id)
    voided = voided.where(Voiding.voided_at.is_not(None), Voiding.key_destroyed_at.is_(None), BoxCheck.confirmed_at.is_(None))
    return sorted({*session.scalars(certified), *session.scalars(voided)})


def rounds_due_to_shuffle(session: Session, *, at: datetime, every: timedelta) -> list[int]:
    """Return the votes with sealed ballots that were not rewritten for so long, or not since they have closed."""
    rows = _sealed().outerjoin(Closing, Closing.round_id == Opening.round_id)
    rows = rows.outerjoin(BallotShuffle, BallotShuffle.round_id == Opening.round_id)
    known = rows.add_columns(Opening.opened_at, Closing.closed_at, BallotShuffle.shuffled_at).order_by(Opening.round_id)
    return [
        row.round_id
        for row in session.execute(known)
        if (row.closed_at is None and (row.shuffled_at or row.opened_at) <= at - every)
        or (row.closed_at is not None and (row.shuffled_at is None or row.shuffled_at < row.closed_at))
    ]


def settling_roll(session: Session) -> list[int]:
    """Return everybody, ascending, who could vote in a closed vote whose box waits to be checked: who did would tell."""
    could = select(RollEntry.member_id).distinct().join(Closing, Closing.round_id == RollEntry.round_id)
    return list(session.scalars(could.where(RollEntry.round_id.in_(_sealed())).order_by(RollEntry.member_id)))


def _sealed() -> Select[int]:
    """Say which votes were opened and are neither certified nor void: their ballots are tied to their voters by a key."""
    opened = select(Opening.round_id).outerjoin(BoxCheck, BoxCheck.round_id == Opening.round_id)
    opened = opened.outerjoin(Voiding, Voiding.round_id == Opening.round_id)
    return opened.where(BoxCheck.confirmed_at.is_(None), Voiding.voided_at.is_(None))
