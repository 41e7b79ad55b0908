"""Setting up a vote: drafting it, changing it, letting it open at its time, taking it back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Required, TypedDict, Unpack

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from membership import audit
from membership.db import transaction
from membership.errors import Conflict, NotAllowed, Refusal
from membership.voting import presets, queries
from membership.voting.models import AT_OPENING, WHILE_OPEN, Round, RoundTopic, Topic
from membership.voting.places import places
from membership.voting.slugs import slugify

SHORTEST = timedelta(minutes=5)
LONGEST = timedelta(days=366)
RESERVED = {"new", "who-can-see-what"}  # addresses of other pages beside the votes
DEFAULTS: dict[str, Any] = {
    "name_uk": "",
    "preset": "custom",
    "electorate": WHILE_OPEN,
    "max_ticks": 3,
    "settling_hours": 72,
    "embargo_hours": 24,
}


class RoundSettings(TypedDict, total=False):
    """What the newsroom says of a vote; everything but the names and the closing time is locked at the opening."""

    name: Required[str]
    topic_ids: Required[Sequence[int]]  # in their order
    seats: Required[int]
    opens_at: Required[datetime]
    closes_at: Required[datetime]
    name_uk: str
    preset: str  # of membership.voting.presets
    electorate: str  # WHILE_OPEN or AT_OPENING
    rule: str | None  # None: one winner by most ticks, several by fair share
    max_ticks: int
    settling_hours: int
    embargo_hours: int


def create_round(
    session: Session, *, actor_id: int | None, now: datetime, slug: str = "", draft: bool = False, **settings: Unpack[RoundSettings]
) -> int:
    """Set up a vote that opens by itself at its time, or a draft, which never does.

    Raises NotAllowed with what is wrong, Conflict if a topic can't stand on a ballot.
    """
    with transaction(session):
        values = _checked(session, settings, now=now)
        round_ = Round(slug=slug or _free_slug(session, values["name"]), created_at=now, **values)
        round_.scheduled_at = None if draft else now
        session.add(round_)
        session.flush()
        _write_topics(session, round_.id, settings["topic_ids"])
        audit.record(session, act="round.created", subject=("round", round_.id), actor_id=actor_id, now=now, draft=draft)
        return round_.id


def edit_round(session: Session, *, round_id: int, actor_id: int, now: datetime, **settings: Unpack[RoundSettings]) -> None:
    """Put these settings in place of a vote's that has not opened; its address stays. Raises Conflict, NotAllowed."""
    with transaction(session):
        round_ = _lock_unopened(session, round_id)
        for column, value in _checked(session, settings, now=now, round_id=round_id).items():
            setattr(round_, column, value)
        _write_topics(session, round_id, settings["topic_ids"])
        audit.record(session, act="round.edited", subject=("round", round_id), actor_id=actor_id, now=now)


def schedule_round(session: Session, *, round_id: int, actor_id: int, now: datetime) -> None:
    """Announce a draft: it opens by itself at its time. Raises Conflict, NotAllowed when it can't be held as it stands."""
    with transaction(session):
        round_ = _lock_unopened(session, round_id)
        if round_.scheduled_at:
            raise Conflict("This vote is scheduled already.")
        check_ready(session, round_, now=now)
        round_.scheduled_at = now
        audit.record(session, act="round.scheduled", subject=("round", round_id), actor_id=actor_id, now=now)


def unschedule_round(session: Session, *, round_id: int, actor_id: int, now: datetime) -> None:
    """Make a vote that has not opened a draft again: nobody but staff sees it. Raises Conflict."""
    with transaction(session):
        round_ = _lock_unopened(session, round_id)
        if round_.scheduled_at is None:
            raise Conflict("This vote is a draft already.")
        round_.scheduled_at = None
        audit.record(session, act="round.unscheduled", subject=("round", round_id), actor_id=actor_id, now=now)


def drop_round(session: Session, *, round_id: int, actor_id: int, now: datetime) -> None:
    """Take back a vote that has not opened; raises Conflict once it has."""
    with transaction(session):
        round_ = _lock_unopened(session, round_id)
        audit.record(session, act="round.dropped", subject=("round", round_id), actor_id=actor_id, now=now, slug=round_.slug)
        session.execute(delete(RoundTopic).where(RoundTopic.round_id == round_id))
        session.execute(delete(Round).where(Round.id == round_id))
        session.expunge_all()


def check_ready(session: Session, round_: Round, *, now: datetime) -> None:
    """Refuse a vote whose time or topics no longer allow it to be opened; raises Conflict, NotAllowed."""
    if round_.closes_at - max(round_.opens_at, now) < SHORTEST:
        raise NotAllowed("This vote's time is over, or nearly. Give it another one.")
    _check_topics(session, [entry.topic_id for entry in round_.topics], round_id=round_.id)


def find_obstacle(session: Session, round_: Round, *, now: datetime) -> str | None:
    """Return in one sentence why a vote that has not opened could not open as it stands."""
    try:
        check_ready(session, round_, now=now)
    except Refusal as refusal:
        return refusal.message
    return None


def _lock_unopened(session: Session, round_id: int) -> Round:
    round_ = queries.lock_round(session, round_id)
    if round_.opening:
        raise Conflict("This vote has opened: it can't be changed or taken back any more.")
    return round_


def _checked(session: Session, settings: RoundSettings, *, now: datetime, round_id: int | None = None) -> dict[str, Any]:
    """Return the columns that these settings come to."""
    topic_ids = settings["topic_ids"]
    values: dict[str, Any] = DEFAULTS | {name: value for name, value in settings.items() if name != "topic_ids"}
    values["rule"] = values.get("rule") or ("plain" if values["seats"] == 1 else "fair_share")
    is_first = not queries.has_opened_a_round(session)
    _check_settings(values, topic_ids, now=now, is_first=is_first)
    _check_topics(session, topic_ids, round_id=round_id)
    return values


def _check_settings(values: dict[str, Any], topic_ids: Sequence[int], *, now: datetime, is_first: bool) -> None:
    seats, opens_at, closes_at = values["seats"], values["opens_at"], values["closes_at"]
    if len(set(topic_ids)) != len(topic_ids) or len(topic_ids) < 2:
        raise NotAllowed("A vote needs two different topics or more.")
    if values["preset"] not in presets.PRESETS or values["electorate"] not in (WHILE_OPEN, AT_OPENING):
        raise NotAllowed("Say which kind of vote it is and who can vote.")
    counts = {"topics": len(topic_ids), "seats": seats, "opens_at": opens_at, "closes_at": closes_at}
    fault = presets.fault_of(values["preset"], **counts, is_first=is_first)
    if fault:
        raise NotAllowed(fault)
    if seats > len(topic_ids):
        raise NotAllowed("There are fewer topics than stories promised.")
    if not 1 <= values["max_ticks"] <= 10:
        raise NotAllowed("Between one and ten topics can be ticked.")
    if not SHORTEST <= closes_at - max(opens_at, now) <= LONGEST:
        raise NotAllowed("A vote stays open for five minutes or more, and for a year at most.")


def _check_topics(session: Session, topic_ids: Sequence[int], *, round_id: int | None) -> None:
    # Locked, so that no other vote takes one of them in this moment and nobody declines or merges it.
    own = select(Topic.id, Topic.state).where(Topic.id.in_(topic_ids)).order_by(Topic.id).with_for_update(key_share=True)
    states = [state for _, state in session.execute(own)]
    if len(states) != len(topic_ids) or not set(states) <= {"approved", "shortlisted"}:
        raise Conflict("Only topics that were taken up or shortlisted can stand on a ballot.")
    if any(place.round_id != round_id for place in places(session, topic_ids).values()):
        raise Conflict("One of these topics stands on another ballot or was chosen already.")


def _write_topics(session: Session, round_id: int, topic_ids: Sequence[int]) -> None:
    session.execute(delete(RoundTopic).where(RoundTopic.round_id == round_id))
    rows = [{"round_id": round_id, "topic_id": topic_id, "position": at} for at, topic_id in enumerate(topic_ids, 1)]
    session.execute(insert(RoundTopic), rows)


def _free_slug(session: Session, name: str) -> str:
    wanted = slugify(name) or "vote"
    taken = set(session.scalars(select(Round.slug).where(Round.slug.startswith(wanted, autoescape=True)))) | RESERVED
    if wanted not in taken:
        return wanted
    return next(f"{wanted}-{number}" for number in count(2) if f"{wanted}-{number}" not in taken)
