"""Reading which accounts are to be deleted, and how far each of them has come.

Asked for → a day later begun → confirmed (Stripe lets go) → shut (Member.closed_at: who it was is gone) → all parts → done.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, select, update
from sqlalchemy.orm import Session

from membership.accounts.models import CLOSURE_PARTS, AccountClosure, ClosurePart, Member
from membership.db import insert_into
from membership.outbox import OutboxItem

CLOSED_MAIL = "closed"


@dataclass(frozen=True)
class Closing:
    """One account that is being deleted; shut_at is when its identity went."""

    id: int
    member_id: int
    shut_at: datetime


def find_closure(session: Session, member_id: int) -> AccountClosure | None:
    """Return the deletion that somebody has asked for and not taken back."""
    own = _open().where(AccountClosure.member_id == member_id)
    return session.scalar(own.execution_options(populate_existing=True))


def is_closing(session: Session, member_id: int) -> bool:
    """Return whether an account is being deleted and can't be kept any more."""
    begun = _open().where(AccountClosure.member_id == member_id, AccountClosure.begun_at.is_not(None))
    return session.scalar(select(begun.exists())) or is_closed(session, member_id)


def is_closed(session: Session, member_id: int | None) -> bool:
    """Return whether this account was deleted."""
    return session.scalar(select(Member.closed_at).where(Member.id == member_id)) is not None


def closures_to_confirm(session: Session, *, tried_before: datetime) -> list[AccountClosure]:
    """Return what is begun and waits for Stripe, the one that was never tried or the longest ago first."""
    waiting = _open().where(
        AccountClosure.begun_at.is_not(None),
        AccountClosure.confirmed_at.is_(None),
        func.coalesce(AccountClosure.tried_at < tried_before, True),
    )
    first = waiting.order_by(AccountClosure.tried_at.is_not(None), AccountClosure.tried_at, AccountClosure.id)
    return list(session.scalars(first.execution_options(populate_existing=True)))


def closures_to_shut(session: Session) -> list[tuple[int, str | None]]:
    """Return what Stripe has let go of and who is still known here: the deletion's number, and the account's proved address."""
    confirmed = _open().join(Member, Member.id == AccountClosure.member_id).where(Member.closed_at.is_(None))
    rows = confirmed.where(AccountClosure.confirmed_at.is_not(None)).order_by(AccountClosure.id)
    return [(row.id, row.email) for row in session.execute(rows.with_only_columns(AccountClosure.id, Member.email))]


def closures_without(session: Session, part: str) -> list[Closing]:
    """Return the accounts that are shut and of which one feature has not yet let go."""
    done = exists().where(ClosurePart.closure_id == AccountClosure.id, ClosurePart.part == part)
    rows = (
        select(AccountClosure.id, AccountClosure.member_id, Member.closed_at)
        .join(Member, Member.id == AccountClosure.member_id)
        .where(AccountClosure.done_at.is_(None), Member.closed_at.is_not(None), ~done)
        .order_by(AccountClosure.id)
    )
    return [Closing(row.id, row.member_id, row.closed_at) for row in session.execute(rows) if row.closed_at]


def note_part(session: Session, closure_id: int, part: str, *, now: datetime) -> int:
    """Note in the caller's transaction that a feature has let go of an account; return 1, or 0 if that was noted before."""
    row = insert_into(session, ClosurePart).values(closure_id=closure_id, part=part, done_at=now)
    return len(session.execute(row.on_conflict_do_nothing().returning(ClosurePart.part)).all())


def note_held_up(session: Session, closure_id: int, *, now: datetime) -> bool:
    """Note in the caller's transaction that a deletion does not get on; return whether that is new."""
    first = update(AccountClosure).where(AccountClosure.id == closure_id, AccountClosure.held_up_at.is_(None))
    return session.scalar(first.values(held_up_at=now).returning(AccountClosure.id)) is not None


def closures_to_finish(session: Session) -> list[int]:
    """Return the accounts of which everybody has let go, and whose last mail is out, or given up."""
    parts = select(func.count()).where(ClosurePart.closure_id == AccountClosure.id).scalar_subquery()
    done = _open().where(AccountClosure.confirmed_at.is_not(None), parts == len(CLOSURE_PARTS)).order_by(AccountClosure.id)
    unsent = (OutboxItem.kind == CLOSED_MAIL, OutboxItem.done_at.is_(None), OutboxItem.dead_at.is_(None))
    waiting = set(session.scalars(select(OutboxItem.key).where(*unsent)))
    return [closure.id for closure in session.scalars(done) if mail_key(CLOSED_MAIL, closure.id) not in waiting]


def count_held_up(session: Session) -> int:
    """Return how many deletions wait: Stripe did not confirm that nothing comes any more, or a step of ours failed."""
    held_up = _open().where(AccountClosure.held_up_at.is_not(None))
    return session.scalar(select(func.count()).select_from(held_up.subquery())) or 0


def mail_key(kind: str, closure_id: int) -> str:
    """Return the outbox key of a mail about a deletion: each kind goes out once."""
    return f"{kind}:{closure_id}"


def _open() -> Select[AccountClosure]:
    return select(AccountClosure).where(AccountClosure.done_at.is_(None), AccountClosure.taken_back_at.is_(None))
