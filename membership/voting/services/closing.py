"""Closing a vote for good, which fixes who could vote."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy.orm import Session

from membership import audit
from membership.clock import Clock
from membership.db import transaction
from membership.errors import Conflict, NotAllowed
from membership.page_version import raise_page_version
from membership.voting import queries
from membership.voting.models import WHILE_OPEN, Closing, Round
from membership.voting.roll import roll_hash
from membership.voting.services.roll import enrol_patrons


def close_round(session: Session, *, round_id: int, note: str = "", actor_id: int | None, clock: Clock) -> None:
    """Close the vote for good and fix its roll.

    Before its time that takes a person and a public note. Raises Conflict, NotAllowed.
    """
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        now = clock.now_in(session)  # after the wait for the row: every ballot that was taken came before it
        if round_.opening is None or round_.closing:
            raise Conflict("This vote is not open.")
        if now < round_.closes_at and (actor_id is None or not note.strip()):
            raise NotAllowed("Closing early needs a note that everybody can read.")
        why = note.strip() if now < round_.closes_at else ""  # else it would be said to have closed early
        add_closing(session, round_, note=why, actor_id=actor_id, now=now)
        audit.record(session, act="round.closed", subject=("round", round_id), actor_id=actor_id, now=now, reason=note)
        raise_page_version(session)


def close_due_rounds(session: Session, *, clock: Clock) -> int:
    """Close every vote past its closing time; safe to repeat. Returns how many."""
    closed = 0
    for round_id in queries.rounds_due_to_close(session, at=clock.now_in(session)):
        with suppress(Conflict, NotAllowed):  # another process was faster, or somebody has given it more time in this moment
            close_round(session, round_id=round_id, actor_id=None, clock=clock)
            closed += 1
    return closed


def add_closing(session: Session, round_: Round, *, note: str, actor_id: int | None, now: datetime) -> None:
    """Write the closing of a locked open vote and fix its roll, in the caller's transaction."""
    closed_at = min(now, round_.closes_at)  # a late job takes no late ballot: from its time on none was taken
    if round_.electorate == WHILE_OPEN:
        enrol_patrons(session, round_.id, at=closed_at)
    fixed = roll_hash(round_.slug, queries.roll_of(session, round_.id))
    round_.closing = Closing(round_id=round_.id, closed_at=closed_at, closed_by_id=actor_id, note=note, roll_sha256=fixed)
