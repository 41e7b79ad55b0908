"""Voiding a vote: by one person until its box is opened, by two from then on, and never once its result is public."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from membership import audit
from membership.clock import Clock
from membership.db import transaction
from membership.errors import Conflict, NotAllowed
from membership.page_version import raise_page_version
from membership.voting import queries
from membership.voting.models import Ballot, Round, Voiding
from membership.voting.services.closing import add_closing


def void_round(session: Session, *, round_id: int, reason: str, actor_id: int, clock: Clock) -> None:
    """Let a vote count for nothing, for a public reason; one that is still open is closed with it.

    Once its box was opened this only asks for it: a second person has to confirm, and the counts are published with it, so that a
    result can't be made to disappear. Raises Conflict, NotAllowed.
    """
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        now = clock.now_in(session)
        said = reason.strip()
        _check_voidable(round_, said, now=now)
        after_count = round_.count is not None
        voiding = Voiding(round_id=round_id, reason=said, after_count=after_count, asked_at=now, asked_by_id=actor_id)
        if not after_count:
            _void_at_once(session, round_, said, actor_id=actor_id, now=now)
            voiding.voided_at = now
        session.add(voiding)
        act = "round.voiding_asked" if after_count else "round.voided"
        audit.record(session, act=act, subject=("round", round_id), actor_id=actor_id, now=now, reason=said)
        raise_page_version(session)


def confirm_voiding(session: Session, *, round_id: int, actor_id: int, now: datetime) -> None:
    """Void a counted vote as the second person. Raises Conflict, NotAllowed."""
    with transaction(session):
        voiding = _lock_asked(session, round_id, now=now)
        if voiding.asked_by_id == actor_id:
            raise NotAllowed("You asked for this yourself. A second person has to confirm it.")
        voiding.voided_at, voiding.confirmed_by_id = now, actor_id
        audit.record(session, act="round.voided", subject=("round", round_id), actor_id=actor_id, now=now, reason=voiding.reason)
        raise_page_version(session)


def take_back_voiding(session: Session, *, round_id: int, actor_id: int, now: datetime) -> None:
    """Take back a voiding that nobody has confirmed: the vote goes its way. Raises Conflict."""
    with transaction(session):
        session.delete(_lock_asked(session, round_id, now=now))
        audit.record(session, act="round.voiding_taken_back", subject=("round", round_id), actor_id=actor_id, now=now)


def _check_voidable(round_: Round, reason: str, *, now: datetime) -> None:
    if round_.opening is None:
        raise Conflict("This vote has not opened. Take it back instead.")
    if round_.is_void:
        raise Conflict("This vote is void already.")
    _refuse_public(round_, now)
    if round_.voiding:
        raise Conflict("Somebody has asked for this already. A second person has to confirm it.")
    if not reason:
        raise NotAllowed("Voiding a vote needs a reason that everybody can read.")


def _void_at_once(session: Session, round_: Round, reason: str, *, actor_id: int, now: datetime) -> None:
    if round_.closing is None:
        add_closing(session, round_, note=reason, actor_id=actor_id, now=now)
    session.execute(delete(Ballot).where(Ballot.round_id == round_.id))  # their choices go with them


def _lock_asked(session: Session, round_id: int, *, now: datetime) -> Voiding:
    round_ = queries.lock_round(session, round_id)
    if round_.voiding is None or round_.is_void:
        raise Conflict("Nobody has asked for this vote to be voided.")
    _refuse_public(round_, now)
    return round_.voiding


def _refuse_public(round_: Round, now: datetime) -> None:
    # By the clock, as for a late ballot: that the job which publishes it is late gives nobody more time.
    if round_.publication or (round_.count and now >= round_.count.publish_at):
        raise Conflict("This result is public, or due to be. It can't be made to disappear.")
