"""The mails about a vote, to everybody on its roll: which are due is drawn from state, and each is written once."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from membership import outbox
from membership.db import insert_into, transaction
from membership.voting import queries
from membership.voting.models import Closing, ClosingChange, Opening, Publication, Round, RoundNotice, TopicWithdrawal, Voiding

OPENED, REMINDER, RESULT, VOIDED = "vote_opened", "vote_reminder", "vote_result", "vote_voided"
CHANGED, WITHDRAWN = "vote_changed", "vote_topic_withdrawn"
AT_ONCE = 500
# Nobody is told of what has long been over: this did not run, or the site is new to it.
STILL_NEWS = timedelta(days=3)
REMIND_BEFORE_END = timedelta(hours=24)
LONG_VOTE, SHORTEST_WITH_REMINDER = timedelta(days=3), timedelta(hours=6)


@dataclass(frozen=True)
class Notice:
    """One mailing: what it is called among the vote's notices, which mail it is, and what besides the vote that needs."""

    kind: str
    letter: str
    about: dict[str, int] = field(default_factory=dict)


def write_notices(session: Session, *, now: datetime, at_once: int = AT_ONCE) -> int:
    """Put each mailing that is due into the outbox, for the whole roll: who has voted makes no difference to any row.

    Safe to repeat, to interrupt and to run twice at once. Returns how many rows are new.
    """
    due = [(round_.id, notice) for round_ in _rounds_with_news(session, now) for notice in _due(session, round_, now)]
    return sum(_write(session, round_id, notice, at_once=at_once, now=now) for round_id, notice in due)


def reminder_at(opened_at: datetime, closes_at: datetime) -> datetime | None:
    """Return when those who have not voted are reminded: a day before the end, in a short vote after three quarters of it."""
    length = closes_at - opened_at
    if length < SHORTEST_WITH_REMINDER:
        return None
    return closes_at - (REMIND_BEFORE_END if length >= LONG_VOTE else length / 4)


def _rounds_with_news(session: Session, now: datetime) -> Sequence[Round]:
    since = now - STILL_NEWS
    opened = select(Round).join(Opening, Opening.round_id == Round.id)
    for model in (Closing, Publication, Voiding):
        opened = opened.outerjoin(model, model.round_id == Round.id)
    news = or_(Closing.closed_at.is_(None), Closing.closed_at > since, Publication.published_at > since, Voiding.voided_at > since)
    return session.scalars(opened.where(news).order_by(Round.id).execution_options(populate_existing=True)).all()


def _due(session: Session, round_: Round, now: datetime) -> Iterator[Notice]:
    known = select(RoundNotice.kind, RoundNotice.written_at).where(RoundNotice.round_id == round_.id)
    written = {row.kind: row.written_at for row in session.execute(known)}
    yield from (notice for notice in _news(session, round_, written, now) if notice.kind not in written)


def _news(session: Session, round_: Round, written: dict[str, datetime], now: datetime) -> Iterator[Notice]:
    since = now - STILL_NEWS
    if round_.is_void:
        if round_.voiding and round_.voiding.voided_at and round_.voiding.voided_at > since:
            yield Notice("voided", VOIDED)
        return
    if round_.publication:
        if round_.publication.published_at > since:
            yield Notice("result", RESULT)
        return
    yield from _withdrawals(session, round_, since)
    if round_.is_open(now):
        yield from _while_open(session, round_, written, now)


def _withdrawals(session: Session, round_: Round, since: datetime) -> Iterator[Notice]:
    own = select(TopicWithdrawal.topic_id).where(TopicWithdrawal.round_id == round_.id, TopicWithdrawal.withdrawn_at > since)
    for topic_id in session.scalars(own.order_by(TopicWithdrawal.topic_id)).all():
        yield Notice(f"withdrawal:{topic_id}", WITHDRAWN, {"topic_id": topic_id})


def _while_open(session: Session, round_: Round, written: dict[str, datetime], now: datetime) -> Iterator[Notice]:
    assert round_.opening
    if round_.opening.opened_at > now - STILL_NEWS:
        yield Notice("opened", OPENED)
        written = {"opened": now} | written
    own = select(func.max(ClosingChange.id)).where(ClosingChange.round_id == round_.id)
    change_id = session.scalar(own.where(ClosingChange.changed_at > now - STILL_NEWS))
    if change_id is not None:
        yield Notice(f"change:{change_id}", CHANGED, {"change_id": change_id})
    remind_at = reminder_at(round_.opening.opened_at, round_.closes_at)
    # Who heard of the vote only after the reminder's time was reminded by that.
    if remind_at is not None and remind_at <= now and written.get("opened", remind_at) <= remind_at:
        yield Notice("reminder", REMINDER)


def _write(session: Session, round_id: int, notice: Notice, *, at_once: int, now: datetime) -> int:
    """Write one mailing in batches, and last of all that it is written; a run after a crash adds what was missing."""
    roll = queries.roll_of(session, round_id)
    random.SystemRandom().shuffle(roll)  # mails leave in the rows' order: nobody is always among the first
    many = 0
    for start in range(0, len(roll), at_once):
        with transaction(session):
            if _is_written(session, round_id, notice):
                return many
            many += _write_batch(session, round_id, notice, roll[start : start + at_once], now)
    with transaction(session):
        done = insert_into(session, RoundNotice).values(round_id=round_id, kind=notice.kind, written_at=now)
        session.execute(done.on_conflict_do_nothing())
    return many


def _is_written(session: Session, round_id: int, notice: Notice) -> bool:
    # Two runners write the same keys, each in an order of its own: without taking turns each could wait for the other's.
    # Ballots lock the vote's row and not this one, so that nobody who votes waits for a mailing.
    session.execute(select(Opening.round_id).where(Opening.round_id == round_id).with_for_update()).all()
    written = select(RoundNotice.round_id).where(RoundNotice.round_id == round_id, RoundNotice.kind == notice.kind)
    return session.scalar(written) is not None


def _write_batch(session: Session, round_id: int, notice: Notice, member_ids: Sequence[int], now: datetime) -> int:
    payloads = {
        f"vote:{round_id}:{notice.kind}:{member_id}": {"round_id": round_id, "member_id": member_id, **notice.about}
        for member_id in member_ids
    }
    return outbox.enqueue_many(session, kind=notice.letter, payloads=payloads, now=now)
