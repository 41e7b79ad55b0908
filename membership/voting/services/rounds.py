"""Setting up a vote, opening it, drawing who can vote, closing it."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from membership import audit
from membership.clock import Clock
from membership.db import is_postgresql, transaction
from membership.errors import Conflict, NotAllowed
from membership.page_version import raise_page_version
from membership.patronage.queries import patron_ids
from membership.voting import lots, queries
from membership.voting.keys import RoundKeys
from membership.voting.models import Closing, Opening, Publication, RollEntry, Round, RoundTopic, Topic
from membership.voting.roll import roll_hash
from membership.voting.slugs import slugify

SEED_BYTES = 32
SHORTEST = timedelta(minutes=5)


def create_round(
    session: Session,
    *,
    name: str,
    topic_ids: Sequence[int],
    seats: int,
    opens_at: datetime,
    closes_at: datetime,
    actor_id: int | None,
    now: datetime,
    name_uk: str = "",
    slug: str = "",
    rule: str | None = None,
    max_ticks: int = 3,
    settling_hours: int = 72,
    embargo_hours: int = 24,
) -> int:
    """Set up a vote that opens by itself at its time; one winner is counted by most ticks, several by fair share unless said.

    Raises NotAllowed with what is wrong, Conflict if a topic can't stand on a ballot.
    """
    _check_settings(topic_ids, seats=seats, max_ticks=max_ticks, opens_at=opens_at, closes_at=closes_at, now=now)
    with transaction(session):
        _check_topics(session, topic_ids)
        round_ = Round(
            slug=slug or _free_slug(session, name),
            name=name,
            name_uk=name_uk,
            seats=seats,
            max_ticks=max_ticks,
            rule=rule or ("plain" if seats == 1 else "fair_share"),
            opens_at=opens_at,
            closes_at=closes_at,
            settling_hours=settling_hours,
            embargo_hours=embargo_hours,
            created_at=now,
            scheduled_at=now,
            topics=[RoundTopic(topic_id=topic_id, position=at) for at, topic_id in enumerate(topic_ids, 1)],
        )
        return _add(session, round_, actor_id=actor_id, now=now)


def drop_round(session: Session, *, round_id: int, actor_id: int, now: datetime) -> None:
    """Take back a vote that has not opened; raises Conflict once it has."""
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        if round_.opening:
            raise Conflict("This vote has opened: it can't be taken back any more.")
        audit.record(session, act="round.dropped", subject=("round", round_id), actor_id=actor_id, now=now, slug=round_.slug)
        session.execute(delete(RoundTopic).where(RoundTopic.round_id == round_id))
        session.execute(delete(Round).where(Round.id == round_id))
        session.expunge_all()


def open_round(session: Session, *, round_id: int, keys: RoundKeys, actor_id: int | None, clock: Clock) -> None:
    """Open the vote: its settings are locked, the tie seed is committed to, its key is on the disk. Raises Conflict."""
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        now = clock.now_in(session)  # after the wait for the row
        if round_.opening:
            raise Conflict("This vote is open already.")
        if now >= round_.closes_at:
            raise Conflict("This vote's closing time has passed. Set up a new one.")
        seed = secrets.token_bytes(SEED_BYTES)
        keys.create(round_id)  # durable before the opening commits: a ballot is never sealed with a key that a power cut could take
        round_.opens_at = min(round_.opens_at, now)
        session.add(Opening(round_id=round_id, opened_at=now, seed=seed, seed_sha256=lots.seed_commitment(seed)))
        _draw(session, round_id, at=now)
        audit.record(session, act="round.opened", subject=("round", round_id), actor_id=actor_id, now=now)
        raise_page_version(session)


def open_due_rounds(session: Session, *, keys: RoundKeys, clock: Clock) -> int:
    """Open every vote whose time has come; safe to repeat. Returns how many."""
    opened = 0
    for round_id in queries.rounds_due_to_open(session, at=clock.now_in(session)):
        with suppress(Conflict):  # another process was faster
            open_round(session, round_id=round_id, keys=keys, actor_id=None, clock=clock)
            opened += 1
    return opened


def draw_roll(session: Session, *, round_id: int, now: datetime) -> int:
    """Put everybody who is a patron now on an open vote's roll; none is removed. Safe to repeat. Returns how many were added."""
    with transaction(session):
        # Locked as a ballot locks it: nobody may join the roll once the close has fixed it.
        session.execute(select(Round.id).where(Round.id == round_id).with_for_update(read=True)).all()
        if not queries.get_round(session, round_id).is_open(now):
            return 0
        return _draw(session, round_id, at=now)


def draw_rolls(session: Session, *, now: datetime) -> int:
    """Draw the roll of every open vote. Returns how many were added."""
    return sum(draw_roll(session, round_id=round_.id, now=now) for round_ in queries.open_rounds(session, at=now))


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
        closed_at = min(now, round_.closes_at)  # a late job takes no late ballot: from its time on none was taken
        _draw(session, round_id, at=closed_at)
        fixed = roll_hash(round_.slug, queries.roll_of(session, round_id))
        session.add(Closing(round_id=round_id, closed_at=closed_at, closed_by_id=actor_id, note=note.strip(), roll_sha256=fixed))
        audit.record(session, act="round.closed", subject=("round", round_id), actor_id=actor_id, now=now, reason=note)
        raise_page_version(session)


def close_due_rounds(session: Session, *, clock: Clock) -> int:
    """Close every vote past its closing time; safe to repeat. Returns how many."""
    closed = 0
    for round_id in queries.rounds_due_to_close(session, at=clock.now_in(session)):
        with suppress(Conflict):  # another process was faster
            close_round(session, round_id=round_id, actor_id=None, clock=clock)
            closed += 1
    return closed


def _check_settings(
    topic_ids: Sequence[int], *, seats: int, max_ticks: int, opens_at: datetime, closes_at: datetime, now: datetime
) -> None:
    if not 1 <= seats <= 5:
        raise NotAllowed("Promise between one and five stories.")
    if len(set(topic_ids)) != len(topic_ids) or len(topic_ids) < 2:
        raise NotAllowed("A vote needs two different topics or more.")
    if seats > len(topic_ids):
        raise NotAllowed("There are fewer topics than stories promised.")
    if not 1 <= max_ticks <= 10:
        raise NotAllowed("Between one and ten topics can be ticked.")
    if closes_at - max(opens_at, now) < SHORTEST:
        raise NotAllowed("A vote stays open for five minutes or more.")


def _check_topics(session: Session, topic_ids: Sequence[int]) -> None:
    usable = select(func.count()).where(Topic.id.in_(topic_ids), Topic.state.in_(("approved", "shortlisted")))
    if session.scalar(usable) != len(topic_ids):
        raise Conflict("Only topics that were taken up or shortlisted can stand on a ballot.")
    running = select(RoundTopic.topic_id).outerjoin(Publication, Publication.round_id == RoundTopic.round_id)
    elsewhere = session.scalars(running.where(RoundTopic.topic_id.in_(topic_ids), Publication.round_id.is_(None))).first()
    if elsewhere is not None or queries.chosen_topic_ids(session) & set(topic_ids):
        raise Conflict("One of these topics stands on another ballot or was chosen already.")


def _add(session: Session, round_: Round, *, actor_id: int | None, now: datetime) -> int:
    session.add(round_)
    session.flush()
    audit.record(session, act="round.created", subject=("round", round_.id), actor_id=actor_id, now=now)
    return round_.id


def _free_slug(session: Session, name: str) -> str:
    wanted = slugify(name) or "vote"
    taken = set(session.scalars(select(Round.slug).where(Round.slug.startswith(wanted, autoescape=True))))
    if wanted not in taken:
        return wanted
    return next(f"{wanted}-{number}" for number in count(2) if f"{wanted}-{number}" not in taken)


def _draw(session: Session, round_id: int, *, at: datetime) -> int:
    known = set(queries.roll_of(session, round_id))
    missing = [{"round_id": round_id, "member_id": member_id} for member_id in patron_ids(session, at=at) if member_id not in known]
    if missing:
        insert = postgresql.insert(RollEntry) if is_postgresql(session) else sqlite.insert(RollEntry)
        session.execute(insert.on_conflict_do_nothing(), missing)
    return len(missing)
