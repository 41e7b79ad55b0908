"""Reading gifts and free seats."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.accounts.queries import find_member_who_may_prove
from membership.patronage.entitlement import paid_until
from membership.patronage.gift_codes import code_hash
from membership.patronage.models import FreeSeatRequest, Gift, SeatPoolEntry
from membership.patronage.queries import periods_of


@dataclass(frozen=True)
class SeatRequest:
    """A request that waits, and until when its asker is a patron already, if they are."""

    row: FreeSeatRequest
    until: datetime | None


def find_gift_of_attempt(session: Session, attempt_id: UUID, *, lock: bool = False) -> Gift | None:
    """Return the gift that an attempt has paid for."""
    own = select(Gift).where(Gift.attempt_id == attempt_id).execution_options(populate_existing=True)
    return session.scalar(own.with_for_update() if lock else own)


def find_gift_by_code(session: Session, code: str) -> Gift | None:
    """Return the gift behind a code, locked: it is redeemed once, however many try."""
    named = select(Gift).where(Gift.code_hash == code_hash(code))
    return session.scalar(named.with_for_update().execution_options(populate_existing=True))


def pool_months(session: Session) -> int:
    """Return how many months of free seats are paid for and wait for somebody."""
    months = select(func.sum(SeatPoolEntry.months)).where(SeatPoolEntry.reversed_at.is_(None))
    return int(session.scalar(months) or 0)


def count_seats_from_pool(session: Session, *, since: datetime) -> int:
    """Return how many seats the pool has given since then."""
    given = select(func.count()).select_from(SeatPoolEntry).where(SeatPoolEntry.months < 0, SeatPoolEntry.at > since)
    return session.scalar(given) or 0


def waiting_seat_requests(session: Session, *, at: datetime) -> list[SeatRequest]:
    """Return the requests that nobody has answered yet, oldest first."""
    waiting = select(FreeSeatRequest).where(FreeSeatRequest.decided_at.is_(None))
    rows = session.scalars(waiting.order_by(FreeSeatRequest.requested_at, FreeSeatRequest.id))
    return [SeatRequest(row, _patron_until(session, row.email, at)) for row in rows]


def answered_seat_requests(session: Session, *, at: datetime) -> list[FreeSeatRequest]:
    """Return what was answered in the last month, newest first."""
    answered = select(FreeSeatRequest).where(FreeSeatRequest.decided_at > at - timedelta(days=31))
    return list(session.scalars(answered.order_by(FreeSeatRequest.decided_at.desc(), FreeSeatRequest.id.desc())))


def count_waiting_seat_requests(session: Session) -> int:
    """Return how many requests nobody has answered yet."""
    return session.scalar(select(func.count()).select_from(FreeSeatRequest).where(FreeSeatRequest.decided_at.is_(None))) or 0


def _patron_until(session: Session, address: str, at: datetime) -> datetime | None:
    member = find_member_who_may_prove(session, address)
    return paid_until(periods_of(session, member.id), at) if member else None
