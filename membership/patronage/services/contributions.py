"""Support that does not come through Stripe: a bank transfer, PayPal, cash; and time that is given without money."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.accounts.queries import get_member
from membership.db import insert_into, transaction
from membership.errors import Conflict
from membership.money import months_for
from membership.patronage import queries
from membership.patronage.calendar import add_months
from membership.patronage.models import Payment
from membership.patronage.services import ledger
from membership.patronage.services.recipients import receiver
from membership.patronage.transfers import FROM_STATEMENT

BY_HAND = ("bank", "paypal", "cash")
# Time that nobody else keeps books of: it may begin on another day than it did at first.
MOVABLE = (*BY_HAND, "gift", "free_seat", "comp")
MOST_COMP_MONTHS = 24
# Who enters old books sends nobody a mail about last year's transfer.
RECEIPT_WITHIN = timedelta(days=60)


def record_contribution(
    session: Session,
    *,
    member_id: int | None = None,
    email: str = "",
    language: str = "en",
    amount_minor: int,
    currency: str,
    reference: str,
    received_at: datetime,
    actor_id: int | None,
    source: str = "bank",
    now: datetime,
) -> datetime:
    """Record money of a member, or of whom a mail to an address lets in, and return until when they are a patron by it.

    Raises NotFound, Conflict for a known reference, or for an amount that pays for no month; ValueError for what is no address.
    """
    if source not in BY_HAND:
        raise Conflict("This is no way in which money comes to us.")
    if reference.startswith(FROM_STATEMENT):
        raise Conflict("This number is kept for transfers of a statement. Choose another one.")
    with transaction(session):
        member_id = receiver(session, member_id=member_id, email=email, language=language, now=now)
        months = months_paid(session, amount_minor, currency)
        if months < 1:
            raise Conflict("This amount does not pay for a month of this newsroom's plan.")
        known, money = {"source": source, "reference": reference}, (amount_minor, currency)
        until = book_contribution(
            session, member_id=member_id, money=money, months=months, received_at=received_at, now=now, **known
        )
        said: dict[str, Any] = {**known, "amount_minor": amount_minor, "currency": currency}
        subject = ("member", member_id)
        audit.record(session, act="contribution.recorded", subject=subject, actor_id=actor_id, now=now, **said)
        assert until is not None
    return until


def months_paid(session: Session, amount_minor: int, currency: str) -> int:
    """Return how many months an amount pays for: none below a month's, and none in another currency than the plan's."""
    plan = queries.default_plan(session)
    return months_for(amount_minor, plan.minimum_month_minor) if currency == plan.currency else 0


def book_contribution(
    session: Session,
    *,
    member_id: int,
    money: tuple[int, str],
    months: int,
    source: str,
    reference: str,
    received_at: datetime,
    now: datetime,
) -> datetime | None:
    """Book money, the time it pays for and the receipt; a step of the caller's transaction.

    Return the end of that time, None where it pays for none. Raises Conflict for a known reference.
    """
    payment = _keep_payment(session, member_id, money, source=source, reference=reference, received_at=received_at)
    if received_at > now - RECEIPT_WITHIN:
        send_receipt(session, payment, key=f"contribution:{payment.id}", now=now)
    if months < 1:
        return None
    starts_at = ledger.free_from(session, member_id, received_at)
    period = (starts_at, add_months(starts_at, months))
    ledger.record_period(session, member_id=member_id, source=source, reference=reference, period=period)
    return period[1]


def send_receipt(session: Session, payment: Payment, *, key: str, now: datetime) -> None:
    """Send the receipt of a contribution; a step of the caller's transaction."""
    payload = {"payment_id": payment.id}
    outbox.enqueue(session, kind="contribution", key=key, payload=payload, member_id=payment.member_id, now=now)


def move_contribution(
    session: Session, payment: Payment, *, member_id: int, months: int, received_at: datetime, now: datetime
) -> datetime | None:
    """Give what was booked for the wrong person to somebody else; a step of the caller's transaction.

    The other one's later time moves up into what becomes free, as if it had never been taken. Return the end of the time it pays
    for, None where it pays for none.
    """
    people = {member_id} | ({payment.member_id} if payment.member_id else set())
    ledger.lock_time_of(session, people)
    period = queries.find_period(session, source=payment.source, reference=payment.reference)
    payment.member_id = member_id
    send_receipt(session, payment, key=f"contribution:{payment.id}:{member_id}", now=now)
    if months < 1:
        return None
    if period is not None:
        session.delete(period)
        session.flush()
        _move_up(session, period.member_id, gone=(period.starts_at, period.ends_at), now=now)
    starts_at = ledger.free_from(session, member_id, received_at)
    found = (starts_at, add_months(starts_at, months))
    ledger.record_period(session, member_id=member_id, source=payment.source, reference=payment.reference, period=found)
    return found[1]


def grant_free_seat(
    session: Session,
    *,
    member_id: int,
    starts_at: datetime,
    ends_at: datetime,
    reference: str,
    actor_id: int | None,
    now: datetime,
) -> None:
    """Make somebody a patron for some time without a payment; raises NotFound, Conflict for a known reference."""
    with transaction(session):
        get_member(session, member_id)
        ledger.lock_time_of(session, [member_id])
        if queries.find_period(session, source="free_seat", reference=reference):
            raise Conflict("A free seat with this reference exists already.")
        period = (starts_at, ends_at)
        ledger.record_period(session, member_id=member_id, source="free_seat", reference=reference, period=period)
        audit.record(
            session, act="free_seat.granted", subject=("member", member_id), actor_id=actor_id, now=now, reference=reference
        )


def grant_comp(
    session: Session, *, member_id: int, months: int, reference: str, note: str, actor_id: int | None, now: datetime
) -> datetime:
    """Give somebody time as the newsroom's guest, after what is paid already; return its end.

    reference makes a double click one gift. Raises NotFound, Conflict.
    """
    with transaction(session):
        get_member(session, member_id)
        if not 1 <= months <= MOST_COMP_MONTHS:
            raise Conflict("Give from one to 24 months.")
        # Locked before it is looked for: a double click waits here for the first one.
        starts_at = ledger.free_from(session, member_id, now)
        known = queries.find_period(session, source="comp", reference=reference)
        if known is not None:
            return known.ends_at
        period = (starts_at, add_months(starts_at, months))
        ledger.record_period(session, member_id=member_id, source="comp", reference=reference, period=period)
        subject = ("member", member_id)
        audit.record(session, act="comp.granted", subject=subject, actor_id=actor_id, now=now, reason=note, months=months)
    return period[1]


def _keep_payment(
    session: Session, member_id: int, money: tuple[int, str], *, source: str, reference: str, received_at: datetime
) -> Payment:
    """Keep a payment unless its reference is known: of a double click, or of two colleagues, one comes too late."""
    amount_minor, currency = money
    values = {
        "kind": "manual",
        "source": source,
        "reference": reference,
        "member_id": member_id,
        "amount_minor": amount_minor,
        "fee_minor": 0,
        "net_minor": amount_minor,
        "currency": currency,
        "occurred_at": received_at,
    }
    new = insert_into(session, Payment).values(**values).on_conflict_do_nothing(index_elements=[Payment.source, Payment.reference])
    payment_id = session.scalar(new.returning(Payment.id))
    if payment_id is None:
        raise Conflict("A transfer with this reference is recorded already.")
    return session.get_one(Payment, payment_id)


def _move_up(session: Session, member_id: int, *, gone: tuple[datetime, datetime], now: datetime) -> None:
    """Let time that joined on to a period that is gone begin earlier, but not before now: what is past is nobody's to spend."""
    free_at, end = max(gone[0], now), gone[1]
    if free_at >= end:
        return
    earlier = end - free_at
    for period in queries.periods_of(session, member_id):
        if period.starts_at == end and period.reversed_at is None and period.source in MOVABLE:
            end = period.ends_at
            period.starts_at, period.ends_at = period.starts_at - earlier, period.ends_at - earlier
    session.flush()
