"""Reading votes: which are open, who may vote, what came of them. Never who ticked what, except by a voter's own tag."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from membership.errors import Conflict, NotFound
from membership.voting.keys import RoundKeys
from membership.voting.models import (
    Ballot,
    BallotChoice,
    CertifiedBallot,
    CertifiedReceipt,
    Closing,
    Count,
    Opening,
    Participation,
    Publication,
    RollEntry,
    Round,
    Topic,
    Voiding,
)
from membership.voting.receipts import voter_tag
from membership.voting.tally import Result

ROUNDED_TO = 10


@dataclass(frozen=True)
class Turnout:
    """How many voted of how many who could; rounded down to tens while the vote is open."""

    voted: int
    could_vote: int
    is_rounded: bool


def find_round_by_slug(session: Session, slug: str) -> Round | None:
    """Return the vote at this address."""
    return session.scalars(_rounds().where(Round.slug == slug)).one_or_none()


def get_round_by_slug(session: Session, slug: str) -> Round:
    """Return the vote at this address; raises NotFound."""
    found = find_round_by_slug(session, slug)
    if found is None:
        raise NotFound("There is no vote at this address.")
    return found


def get_round(session: Session, round_id: int) -> Round:
    """Return the vote as it is in the database now; raises NotFound."""
    found = session.scalars(_rounds().where(Round.id == round_id)).one_or_none()
    if found is None:
        raise NotFound("There is no such vote.")
    return found


def lock_round(session: Session, round_id: int) -> Round:
    """Lock the vote's row against ballots and other acts, then read it: a state read before the wait would be stale."""
    session.execute(select(Round.id).where(Round.id == round_id).with_for_update()).all()
    return get_round(session, round_id)


def round_state(round_: Round, at: datetime) -> str:
    """Return draft, scheduled, open, closed, checked (by one), certified (confirmed), counted, published or voided."""
    if round_.is_void:
        return "voided"
    if round_.publication:
        return "published"
    if round_.count:
        return "counted"
    if round_.box_check:
        return "certified" if round_.box_check.confirmed_at else "checked"
    if round_.opening is None:
        return "scheduled" if round_.scheduled_at else "draft"
    return "open" if round_.is_open(at) else "closed"


def open_rounds(session: Session, *, at: datetime) -> list[Round]:
    """Return the votes that take ballots at this instant, the one that closes first in front."""
    return _listed(session, _rounds().where(*_is_open(at)).order_by(Round.closes_at, Round.id))


def find_open_round(session: Session, *, at: datetime) -> Round | None:
    """Return the open vote that closes first."""
    return session.scalars(_rounds().where(*_is_open(at)).order_by(Round.closes_at, Round.id).limit(1)).one_or_none()


def all_rounds(session: Session) -> list[Round]:
    """Return every vote, the latest to close first."""
    return _listed(session, _rounds().order_by(Round.closes_at.desc(), Round.id.desc()))


def latest_published_round(session: Session) -> Round | None:
    """Return the vote whose result was published last."""
    return next(iter(published_rounds(session, limit=1)), None)


def published_rounds(session: Session, *, limit: int) -> list[Round]:
    """Return the votes whose results were published last, newest first."""
    published = _rounds().join(Publication, Publication.round_id == Round.id)
    return _listed(session, published.order_by(Publication.published_at.desc(), Round.id.desc()).limit(limit))


def result_of(round_: Round) -> Result:
    """Return the frozen count; raises Conflict while the box is shut. Whether it may be shown is the caller's business."""
    if round_.count is None:
        raise Conflict("This vote has not been counted yet.")
    return Result.from_json(round_.count.result)


def roll_of(session: Session, round_id: int) -> list[int]:
    """Return the members who can vote in this round, ascending."""
    return list(session.scalars(select(RollEntry.member_id).where(RollEntry.round_id == round_id).order_by(RollEntry.member_id)))


def is_on_roll(session: Session, *, round_id: int, member_id: int) -> bool:
    """Return whether this member can vote in this round."""
    return session.get(RollEntry, (round_id, member_id)) is not None


def has_voted(session: Session, round_: Round, member_id: int, keys: RoundKeys) -> bool:
    """Return whether this member's ballot is in the box; after the check, whether it was there. Raises KeyLost, KeyUnreadable."""
    if round_.box_check and round_.box_check.confirmed_at:
        return session.get(Participation, (round_.id, member_id)) is not None
    tag = voter_tag(keys.read(round_.id), member_id)
    return session.scalar(select(Ballot.id).where(Ballot.round_id == round_.id, Ballot.voter_tag == tag)) is not None


def ballot_of(session: Session, *, round_id: int, tag: bytes) -> frozenset[int]:
    """Return the topics ticked by the voter behind this tag; empty without a ballot."""
    own = select(BallotChoice.topic_id).join(Ballot, Ballot.id == BallotChoice.ballot_id)
    return frozenset(session.scalars(own.where(Ballot.round_id == round_id, Ballot.voter_tag == tag)))


def count_ballots(session: Session, round_id: int) -> int:
    """Return how many ballots are in the box."""
    return session.scalar(select(func.count()).select_from(Ballot).where(Ballot.round_id == round_id)) or 0


def turnout(session: Session, round_: Round, *, at: datetime) -> Turnout:
    """Return how many voted: rounded while ballots are taken, so that nobody can watch a single one arrive."""
    return turnouts(session, [round_], at=at)[round_.id]


def turnouts(session: Session, rounds: Sequence[Round], *, at: datetime) -> dict[int, Turnout]:
    """Return the same of several votes, by id; only of those whose box is not certified the ballots are counted."""
    on_roll = select(RollEntry.round_id, func.count().label("many")).where(RollEntry.round_id.in_([each.id for each in rounds]))
    could_vote = {row.round_id: row.many for row in session.execute(on_roll.group_by(RollEntry.round_id))}
    return {round_.id: _turnout(session, round_, could_vote.get(round_.id, 0), at) for round_ in rounds}


def _turnout(session: Session, round_: Round, could_vote: int, at: datetime) -> Turnout:
    check = round_.box_check
    if check and check.counted is not None:
        return Turnout(check.counted + (check.set_aside or 0), could_vote, is_rounded=False)
    voted = count_ballots(session, round_.id)
    if round_state(round_, at) == "open":
        return Turnout(voted - voted % ROUNDED_TO, could_vote, is_rounded=True)
    return Turnout(voted, could_vote, is_rounded=False)


def participations_of(session: Session, member_id: int) -> list[Participation]:
    """Return the checked votes in which this member's ballot was in the box, newest first."""
    own = select(Participation).where(Participation.member_id == member_id).order_by(Participation.round_id.desc())
    return list(session.scalars(own))


def has_opened_a_round(session: Session) -> bool:
    """Return whether this newsroom has ever opened a vote that was not voided."""
    opened = select(Opening.round_id).outerjoin(Voiding, Voiding.round_id == Opening.round_id).where(Voiding.voided_at.is_(None))
    return session.scalar(opened.limit(1)) is not None


def certified_ballots(session: Session, round_id: int) -> dict[frozenset[str], int]:
    """Return how often each combination of topics was ticked on the ballots that count."""
    grouped = select(CertifiedBallot.topics, func.count()).where(CertifiedBallot.round_id == round_id)
    rows = session.execute(grouped.group_by(CertifiedBallot.topics))
    return {frozenset(topics.split(",")): many for topics, many in rows}


def receipt_hashes(session: Session, round_id: int) -> list[str]:
    """Return the public list of counted ballot numbers' hashes, sorted."""
    listed = select(CertifiedReceipt.receipt_sha256).where(CertifiedReceipt.round_id == round_id)
    return sorted(session.scalars(listed))


def rounds_due_to_open(session: Session, *, at: datetime) -> list[int]:
    """Return the scheduled votes whose time has come."""
    due = select(Round.id).outerjoin(Opening, Opening.round_id == Round.id).where(Opening.round_id.is_(None))
    due = due.where(Round.scheduled_at.is_not(None), Round.opens_at <= at, Round.closes_at > at)
    return list(session.scalars(due.order_by(Round.id)))


def rounds_due_to_close(session: Session, *, at: datetime) -> list[int]:
    """Return the open votes whose time is over."""
    opened = select(Round.id).join(Opening, Opening.round_id == Round.id).outerjoin(Closing, Closing.round_id == Round.id)
    return list(session.scalars(opened.where(Closing.round_id.is_(None), Round.closes_at <= at).order_by(Round.id)))


def rounds_due_to_publish(session: Session, *, at: datetime) -> list[int]:
    """Return the counted votes whose embargo is over; a voiding that nobody has confirmed holds nothing up."""
    counted = select(Count.round_id).outerjoin(Publication, Publication.round_id == Count.round_id)
    counted = counted.outerjoin(Voiding, Voiding.round_id == Count.round_id)
    counted = counted.where(Publication.round_id.is_(None), Voiding.voided_at.is_(None), Count.publish_at <= at)
    return list(session.scalars(counted.order_by(Count.round_id)))


def round_names(session: Session) -> dict[int, str]:
    """Return the name of every vote, in the newsroom's main language."""
    return {row.id: row.name for row in session.execute(select(Round.id, Round.name))}


def get_topic(session: Session, topic_id: int) -> Topic:
    """Return the topic; raises NotFound."""
    found = session.get(Topic, topic_id, populate_existing=True)
    if found is None:
        raise NotFound("There is no such topic.")
    return found


def _rounds() -> Select[Round]:
    # What another request wrote since this session first read the round must show.
    return select(Round).execution_options(populate_existing=True)


def _listed(session: Session, statement: Select[Round]) -> list[Round]:
    return list(session.scalars(statement))


def _is_open(at: datetime) -> Sequence[ColumnElement[bool]]:
    opened = select(Opening.round_id).where(Opening.round_id == Round.id).exists()
    closed = select(Closing.round_id).where(Closing.round_id == Round.id).exists()
    return (opened, ~closed, Round.closes_at > at)
