"""Free seats: asked for without a reason, granted by staff or out of what other readers have paid in."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.accounts.addresses import normalise
from membership.db import insert_into, is_postgresql, transaction
from membership.errors import Conflict, NotFound, TooOften
from membership.limits import count_act
from membership.patronage import giving
from membership.patronage.calendar import add_months
from membership.patronage.models import FreeSeatRequest, SeatPoolEntry
from membership.patronage.services import ledger
from membership.patronage.services.recipients import member_at

FREE_SEAT = "free_seat"
STAFF_SEAT_MONTHS = 12
POOL_SEAT_MONTHS = 3
# Somebody who asks a thousand times under made-up addresses is seen by staff before the pool is empty.
POOL_SEATS_A_DAY = 10
KEEP_ANSWERED = timedelta(days=90)


def request_free_seat(
    session: Session, *, email: str, language: str, asked_by: Mapping[bytes, int] | None = None, now: datetime
) -> None:
    """Note that somebody asks for a free seat; asked again before the answer it is the same request.

    asked_by maps hashes of the asking browser and network to how often each may ask in a day. Raises TooOften; ValueError for what
    is no address.
    """
    address = normalise(email)
    _limit(session, asked_by or {}, now)
    values = {"email": address, "language": language, "requested_at": now}
    with transaction(session):
        session.execute(insert_into(session, FreeSeatRequest).values(**values).on_conflict_do_nothing())


def decide_free_seat(session: Session, *, request_id: int, decision: str, actor_id: int, now: datetime) -> None:
    """Answer a request, granted or declined, and send the mail that says so; raises NotFound, Conflict."""
    if decision not in ("granted", "declined"):
        raise NotFound("A request can be granted or declined.")
    with transaction(session):
        request = _waiting(session, FreeSeatRequest.id == request_id)
        if request is None:
            raise Conflict("This request was answered by somebody else, or it is gone.")
        if decision == "granted":
            _grant(session, request, months=STAFF_SEAT_MONTHS, decided_by=actor_id, now=now)
        else:
            _answer(session, request, "declined", str(uuid4()), decided_by=actor_id, now=now)
        subject = ("free_seat_request", request_id)
        audit.record(session, act=f"free_seat.{decision}", subject=subject, actor_id=actor_id, now=now)


def draw_seats_from_pool(session: Session, *, now: datetime) -> int:
    """Grant waiting requests, oldest first, as long as the pool has months; safe to repeat. Return how many were granted."""
    granted = 0
    while _draw_seat(session, now):
        granted += 1
    return granted


def fill_pool(session: Session, *, months: int, reference: str, now: datetime) -> None:
    """Add what a charge has paid for, and thank its payer; a step of the caller's transaction, safe to repeat."""
    values = {"months": months, "reference": reference, "at": now}
    session.execute(insert_into(session, SeatPoolEntry).values(**values).on_conflict_do_nothing())
    outbox.enqueue(
        session, kind="free_seat_paid", key=f"free_seat_paid:{reference}", payload={"reference": reference}, urgent=True, now=now
    )


def follow_pool_money(session: Session, *, reference: str, reversed_at: datetime | None) -> None:
    """Take back what of a charge was not given yet, or bring it back; a step of the caller's transaction.

    What was given stays given, and no later payer pays for it: an entry of its own makes up for it.
    """
    _lock_pool(session)
    entry = session.scalar(select(SeatPoolEntry).where(SeatPoolEntry.reference == reference))
    if entry is None or (entry.reversed_at is None) == (reversed_at is None):
        return
    made_up = f"given:{reference}"
    left = giving.pool_months(session)
    entry.reversed_at = reversed_at
    if reversed_at is None:
        session.execute(delete(SeatPoolEntry).where(SeatPoolEntry.reference == made_up))
    elif entry.months > left:
        session.add(SeatPoolEntry(months=entry.months - left, reference=made_up, at=reversed_at))
    session.flush()


def forget_seat_requests(session: Session, *, now: datetime) -> int:
    """Delete requests that were answered long ago, addresses included; safe to repeat. Return how many were deleted."""
    with transaction(session):
        old = delete(FreeSeatRequest).where(FreeSeatRequest.decided_at < now - KEEP_ANSWERED)
        return len(session.execute(old.returning(FreeSeatRequest.id)).all())


def _limit(session: Session, asked_by: Mapping[bytes, int], now: datetime) -> None:
    with transaction(session):
        retry_at = count_act(session, act="free_seat", most=asked_by, within=timedelta(days=1), now=now)
    if retry_at:
        raise TooOften("A free seat was asked for many times from here today. You can also write to us.", retry_at=retry_at)


def _draw_seat(session: Session, now: datetime) -> bool:
    with transaction(session):
        _lock_pool(session)
        if giving.pool_months(session) < POOL_SEAT_MONTHS:
            return False
        if giving.count_seats_from_pool(session, since=now - timedelta(days=1)) >= POOL_SEATS_A_DAY:
            return False
        request = _waiting(session)
        if request is None:
            return False
        reference = _grant(session, request, months=POOL_SEAT_MONTHS, decided_by=None, now=now)
        session.add(SeatPoolEntry(months=-POOL_SEAT_MONTHS, reference=reference, at=now))
    return True


def _waiting(session: Session, *which: object) -> FreeSeatRequest | None:
    """Return the oldest request that waits, locked: of two who answer it at once one comes too late."""
    waiting = select(FreeSeatRequest).where(FreeSeatRequest.decided_at.is_(None), *which)  # type: ignore[arg-type]
    oldest = waiting.order_by(FreeSeatRequest.requested_at, FreeSeatRequest.id).limit(1)
    return session.scalars(oldest.with_for_update().execution_options(populate_existing=True)).first()


def _grant(session: Session, request: FreeSeatRequest, *, months: int, decided_by: int | None, now: datetime) -> str:
    """Give the asker their months after what they have already; return the period's reference."""
    reference = str(uuid4())
    request.member_id = member_at(session, address=request.email, language=request.language, now=now)
    starts_at = ledger.free_from(session, request.member_id, now)
    period = (starts_at, add_months(starts_at, months))
    ledger.record_period(session, member_id=request.member_id, source=FREE_SEAT, reference=reference, period=period)
    _answer(session, request, "granted", reference, decided_by=decided_by, now=now)
    return reference


def _answer(
    session: Session, request: FreeSeatRequest, decision: str, reference: str, *, decided_by: int | None, now: datetime
) -> None:
    request.decision, request.decided_at, request.decided_by = decision, now, decided_by
    payload = {"request_id": request.id, "reference": reference}
    kind = f"free_seat_{decision}"
    outbox.enqueue(session, kind=kind, key=f"{kind}:{reference}", payload=payload, member_id=request.member_id, now=now)


def _lock_pool(session: Session) -> None:
    """Let one transaction at a time take out of the pool; SQLite has one writer anyway."""
    if is_postgresql(session):
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("seat pool", 0))))
