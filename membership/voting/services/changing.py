"""What may change while a vote is open, each with public words: more time, and a topic taken off the ballot."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from membership import audit
from membership.clock import Clock
from membership.db import transaction
from membership.errors import Conflict, NotAllowed
from membership.page_version import raise_page_version
from membership.voting import queries
from membership.voting.models import ClosingChange, Round, TopicWithdrawal

LONGEST_EXTENSION = timedelta(days=31)  # in all
FEWEST_TOPICS = 2


def extend_round(session: Session, *, round_id: int, closes_at: datetime, note: str, actor_id: int, clock: Clock) -> None:
    """Let an open vote close later than announced, with a public note; 31 days in all at most. Raises Conflict, NotAllowed."""
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        now = clock.now_in(session)  # after the wait for the row: a vote that has ended is not begun again
        _check_open(round_, now)
        if not note.strip():
            raise NotAllowed("More time needs a note that everybody can read.")
        announced = round_.closing_changes[0].closed_before if round_.closing_changes else round_.closes_at
        if closes_at <= round_.closes_at:
            raise NotAllowed("The new end has to be later than the one announced.")
        if closes_at > announced + LONGEST_EXTENSION:
            raise NotAllowed("A vote can close at most 31 days later than was announced at first.")
        session.add(
            ClosingChange(
                round_id=round_id,
                changed_at=now,
                changed_by_id=actor_id,
                closed_before=round_.closes_at,
                closes_at=closes_at,
                note=note.strip(),
            )
        )
        round_.closes_at = closes_at
        audit.record(session, act="round.extended", subject=("round", round_id), actor_id=actor_id, now=now, reason=note.strip())
        raise_page_version(session)


def withdraw_topic(session: Session, *, round_id: int, topic_id: int, reason: str, actor_id: int, clock: Clock) -> None:
    """Take a topic off an open ballot for a public reason: every ballot stands, but nobody can tick it and it can't win.

    Raises Conflict, NotAllowed.
    """
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        now = clock.now_in(session)
        _check_open(round_, now)
        standing = {entry.topic_id for entry in round_.standing_topics}
        if not reason.strip():
            raise NotAllowed("Taking a topic off the ballot needs a reason that everybody can read.")
        if topic_id not in standing:
            raise Conflict("This topic does not stand on this ballot.")
        if len(standing) <= FEWEST_TOPICS:
            raise NotAllowed("Two topics have to stay on the ballot. Close the vote early or void it instead.")
        session.add(
            TopicWithdrawal(round_id=round_id, topic_id=topic_id, withdrawn_at=now, withdrawn_by_id=actor_id, reason=reason.strip())
        )
        audit.record(
            session,
            act="round.topic_withdrawn",
            subject=("round", round_id),
            actor_id=actor_id,
            now=now,
            reason=reason.strip(),
            topic_id=topic_id,
        )
        raise_page_version(session)


def _check_open(round_: Round, now: datetime) -> None:
    if not round_.is_open(now):
        raise Conflict("This vote is not open.")
