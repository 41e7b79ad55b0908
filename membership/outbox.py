"""The outbox: a mail to send is a row written in the commit that causes it, so that it happens once and never without its cause."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Index, Text, cast, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from membership.clock import Clock
from membership.db import Base, BigId, SessionFactory, insert_into, transaction
from membership.logs import name_of
from membership.mail import is_refused_for_good

log = structlog.get_logger()

BATCH = 10
CLAIM_FOR = timedelta(minutes=2)
BACKOFF = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))
MAX_TRIES = len(BACKOFF) + 1
KEEP_SENT = timedelta(days=90)


class OutboxItem(Base):
    """What to send (a kind and ids), never its text: tokens are made when the mail is rendered."""

    __tablename__ = "outbox_item"
    __table_args__ = (Index(None, "done_at", "dead_at", "urgent", "due_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    # To whom, where that is one member: staff who look after payments see which mails somebody got. Never of a mail about a ballot.
    member_id: Mapped[int | None] = mapped_column(BigId, index=True)
    urgent: Mapped[bool] = mapped_column(default=False)  # somebody sits and waits for it: it goes before a mailing to everybody
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(default="")


@dataclass(frozen=True)
class Letter:
    """A mail before it is rendered: templates/mail/<template>.txt in this language with this context.

    headers go on it beside those that every mail has (List-Unsubscribe).
    """

    to: str
    template: str
    language: str
    context: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


# Turns a row's payload into a letter; may write (a sign-in code's hash) in the session, which the outbox commits before sending.
# None: nothing to send any more.
Prepare = Callable[[Session, Mapping[str, Any], datetime], Letter | None]
Send = Callable[[Letter], None]


def enqueue(
    session: Session,
    *,
    kind: str,
    key: str,
    payload: Mapping[str, Any],
    member_id: int | None = None,
    urgent: bool = False,
    now: datetime,
) -> None:
    """Add a row to the caller's transaction unless its key is known: the same cause never sends twice."""
    row = insert_into(session, OutboxItem).values(**_row(kind, key, payload, urgent=urgent, now=now), member_id=member_id)
    # Decided by the unique key, not by looking first: two transactions with the same cause both succeed.
    session.execute(row.on_conflict_do_nothing(index_elements=[OutboxItem.key]))


def enqueue_many(session: Session, *, kind: str, payloads: Mapping[str, Mapping[str, Any]], now: datetime) -> int:
    """Add a mailing's rows, payloads by key, to the caller's transaction in this order; return how many were not known."""
    rows = [_row(kind, key, payload, urgent=False, now=now) for key, payload in payloads.items()]
    if not rows:
        return 0
    insert = insert_into(session, OutboxItem).on_conflict_do_nothing(index_elements=[OutboxItem.key])
    return len(session.execute(insert.returning(OutboxItem.id), rows).all())


def deliver_due(
    sessions: SessionFactory, *, handlers: Mapping[str, Prepare], send: Send, clock: Clock, discreet: Collection[str] = ()
) -> int:
    """Send all that is due, row by row; return how many were sent. Safe to run at the same time in several processes.

    Of discreet kinds neither the rows nor the log nor the number returned tell to whom a mail went and to whom none.
    """
    sent = 0
    with sessions() as session:
        waiting = iter(_discreet_ids(session, discreet, now=clock.now()))
        while True:
            if item_ids := _due_ids(session, besides=discreet, now=clock.now()):
                for item_id in item_ids:
                    if _claim(session, item_id, now=clock.now()):
                        sent += _deliver(session, item_id, handlers=handlers, send=send, clock=clock)
            elif item_ids := list(islice(waiting, BATCH)):
                if not all(_deliver_discreetly(session, one, handlers=handlers, send=send, clock=clock) for one in item_ids):
                    waiting = iter(())
            else:
                return sent


def dead_letters(session: Session) -> list[OutboxItem]:
    """Return the rows that were given up, newest first."""
    return list(
        session.scalars(select(OutboxItem).where(OutboxItem.dead_at.is_not(None)).order_by(OutboxItem.dead_at.desc())),
    )


def forget_sent(session: Session, *, now: datetime) -> int:
    """Empty what was sent, or given up, long ago, and say no longer whose it was; safe to repeat. Return how many rows.

    The rows stay with their keys, so that no cause is found again and sends twice.
    """
    over = or_(OutboxItem.done_at < now - KEEP_SENT, OutboxItem.dead_at < now - KEEP_SENT)
    with transaction(session):
        known = or_(OutboxItem.member_id.is_not(None), OutboxItem.dead_at.is_not(None), cast(OutboxItem.payload, Text) != "{}")
        return empty_rows(session, over, known, now=now)


def empty_rows(session: Session, *which: ColumnElement[bool], now: datetime) -> int:
    """Empty rows that are over, in the caller's transaction; return how many.

    What was given up is given up for good: nobody can try it again without what it was about.
    """
    nobodys: dict[str, Any] = {"payload": {}, "member_id": None, "last_error": "", "dead_at": None}
    for_good = {"done_at": func.coalesce(OutboxItem.done_at, now)}
    emptied = update(OutboxItem).where(*which).values(nobodys | for_good).returning(OutboxItem.id)
    return len(session.execute(emptied.execution_options(synchronize_session=False)).all())


def _row(kind: str, key: str, payload: Mapping[str, Any], *, urgent: bool, now: datetime) -> dict[str, Any]:
    times = {"created_at": now, "due_at": now}
    return {"key": key, "kind": kind, "payload": dict(payload), "urgent": urgent, **times, "tries": 0, "last_error": ""}


def _due_ids(session: Session, *, besides: Collection[str], now: datetime) -> list[int]:
    """Return the next few: few, so that an urgent one that comes meanwhile waits for few."""
    return list(
        session.scalars(
            select(OutboxItem.id)
            .where(OutboxItem.done_at.is_(None), OutboxItem.dead_at.is_(None), OutboxItem.due_at <= now, _is_free(now))
            .where(OutboxItem.kind.not_in(besides))
            .order_by(OutboxItem.urgent.desc(), OutboxItem.id)
            .limit(BATCH),
        ),
    )


def _discreet_ids(session: Session, kinds: Collection[str], *, now: datetime) -> Sequence[int]:
    """Return all that is due of these kinds, in an order of its own each time: what an outage leaves behind says nothing."""
    due = select(OutboxItem.id).where(OutboxItem.kind.in_(kinds), OutboxItem.done_at.is_(None), OutboxItem.due_at <= now)
    ids = list(session.scalars(due)) if kinds else []
    random.SystemRandom().shuffle(ids)
    return ids


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(OutboxItem.claimed_until.is_(None), OutboxItem.claimed_until < now)


def _claim(session: Session, item_id: int, *, now: datetime) -> bool:
    with transaction(session):
        claimed = session.execute(
            update(OutboxItem)
            .where(OutboxItem.id == item_id, OutboxItem.done_at.is_(None), _is_free(now))
            .values(claimed_until=now + CLAIM_FOR, tries=OutboxItem.tries + 1)
            .returning(OutboxItem.id),
        ).first()
    return claimed is not None


def _deliver(session: Session, item_id: int, *, handlers: Mapping[str, Prepare], send: Send, clock: Clock) -> int:
    item = session.get_one(OutboxItem, item_id, populate_existing=True)
    if item.tries > MAX_TRIES:  # its earlier runs ended without a word: it may be what kills the runner
        _record_failure(session, item_id, error="Interrupted", now=clock.now())
        return 0
    try:
        with transaction(session):
            letter = handlers[item.kind](session, item.payload, clock.now())
        if letter is not None:
            send(letter)
    except Exception as error:  # a poison row must not stop the others
        log.warning("outbox.failed", item=item_id, kind=item.kind, tries=item.tries, error=name_of(error))
        _record_failure(session, item_id, error=name_of(error), now=clock.now())
        return 0
    with transaction(session):
        session.execute(update(OutboxItem).where(OutboxItem.id == item_id).values(done_at=clock.now()))
    return int(letter is not None)


def _deliver_discreetly(session: Session, item_id: int, *, handlers: Mapping[str, Prepare], send: Send, clock: Clock) -> bool:
    """Send a mail, or none, of which the row tells nothing afterwards; return False if no mail can be sent just now.

    The row is done before the mail goes: a process that dies here loses one mail, and nobody gets two. It keeps no time either,
    since sending takes longer than not sending. Only an outage brings it back, as it was; a mail that is refused is given up.
    """
    letter = None
    own = update(OutboxItem).where(OutboxItem.id == item_id)
    try:
        with transaction(session):
            done = own.where(OutboxItem.done_at.is_(None)).values(done_at=OutboxItem.created_at)
            item = session.execute(done.returning(OutboxItem.kind, OutboxItem.payload)).one_or_none()
            if item is not None:
                letter = handlers[item.kind](session, item.payload, clock.now())
        if letter is not None:
            send(letter)
    except Exception as error:
        log.warning("outbox.failed_discreetly", error=name_of(error))
        if letter is not None and is_refused_for_good(error):
            return True
        if letter is not None:
            with transaction(session):
                session.execute(own.values(done_at=None))
        return False
    return True


def _record_failure(session: Session, item_id: int, *, error: str, now: datetime) -> None:
    with transaction(session):
        item = session.get_one(OutboxItem, item_id, populate_existing=True)
        item.last_error = error
        item.claimed_until = None
        if item.tries >= MAX_TRIES:
            item.dead_at = now
        else:
            item.due_at = now + BACKOFF[item.tries - 1]
