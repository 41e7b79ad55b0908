"""Opening the box, and making its count public."""

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from membership import audit
from membership.db import transaction
from membership.errors import Conflict
from membership.page_version import raise_page_version
from membership.voting import queries, taking_part
from membership.voting.counting import count_ballots
from membership.voting.models import Count, Publication, Round


def open_box(session: Session, *, round_id: int, actor_id: int, now: datetime) -> None:
    """Count a certified box, once, and freeze the result and who took part; it will be published at the embargo's end.

    Raises Conflict.
    """
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        _refuse_void(round_)
        if round_.box_check is None or round_.box_check.confirmed_at is None:
            raise Conflict("This box has not been checked by two people yet.")
        if round_.count:
            raise Conflict("This box was opened already.")
        result = count_ballots(session, round_)
        # A vote closes by the database's clock, and this host's may be behind it; nothing is counted before it was checked.
        now = max(now, round_.box_check.confirmed_at)
        publish_at = now + timedelta(hours=round_.embargo_hours)
        session.add(
            Count(
                round_id=round_id,
                counted_at=now,
                counted_by_id=actor_id,
                publish_at=publish_at,
                result=result.as_json(),
                breakdowns=taking_part.breakdowns_of(session, round_).as_json(),
            ),
        )
        audit.record(session, act="box.opened", subject=("round", round_id), actor_id=actor_id, now=now)


def publish(session: Session, *, round_id: int, actor_id: int | None, now: datetime) -> None:
    """Make the result public for good; before the embargo's end that takes a person. Raises Conflict.

    While a second person is asked whether it is void nobody publishes early; at the embargo's end nothing holds it up.
    """
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        _refuse_void(round_)
        if round_.count is None or round_.publication:
            raise Conflict("There is no counted result that waits to be published.")
        if actor_id is None and now < round_.count.publish_at:
            raise Conflict("This result is still being reviewed.")
        if round_.voiding and now < round_.count.publish_at:
            raise Conflict("Somebody has asked for this vote to be voided. It can't be published before that is decided.")
        now = max(now, round_.count.counted_at)
        session.add(Publication(round_id=round_id, published_at=now, published_by_id=actor_id))
        audit.record(session, act="round.published", subject=("round", round_id), actor_id=actor_id, now=now)
        raise_page_version(session)


def publish_due(session: Session, *, now: datetime) -> int:
    """Publish every result whose embargo is over; safe to repeat. Returns how many."""
    published = 0
    for round_id in queries.rounds_due_to_publish(session, at=now):
        with suppress(Conflict):  # another process was faster
            publish(session, round_id=round_id, actor_id=None, now=now)
            published += 1
    return published


def _refuse_void(round_: Round) -> None:
    if round_.is_void:
        raise Conflict("This vote was voided.")
