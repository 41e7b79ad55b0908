"""Reading what one person paid and what went back: their receipts, and the sums of a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.errors import NotFound
from membership.patronage import queries
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Payment

PAYMENTS = frozenset({"charge", "manual"})
GIVEN_BACK, DISPUTED = ("refund", "refund_failure"), ("dispute", "dispute_reversal")
# Stripe may note the charge of a bill a moment before the time that the bill is for.
SLACK = timedelta(hours=1)
LONGER_THAN_A_MONTH = timedelta(days=32)


@dataclass(frozen=True)
class Receipt:
    """One movement of money, what it was for, and until when it makes its payer a patron; None where it makes nobody one."""

    payment: Payment
    about: str  # month, year, once, gift, seats, bank, paypal, cash; of what is no payment its kind
    until: datetime | None


@dataclass(frozen=True)
class Year:
    """What a year came to in one currency; None where a fee is not known yet."""

    number: int
    currency: str
    paid_minor: int
    back_minor: int
    fee_minor: int | None
    net_minor: int | None


def facts_of(payment: Payment) -> dict[str, Any]:
    """Return what every mail with a receipt says about its payment."""
    return {
        "amount_minor": payment.amount_minor,
        "fee_minor": payment.fee_minor,
        "net_minor": payment.net_minor,
        "currency": payment.currency,
        "paid_on": payment.occurred_at,
        "reference": payment.reference,
    }


def receipts_of(session: Session, member_id: int) -> list[Receipt]:
    """Return every movement of a member's money, newest first."""
    payments = queries.payments_of(session, member_id)
    periods = queries.periods_of(session, member_id)
    purposes = _purposes(session, {payment.attempt_id for payment in payments if payment.attempt_id})
    return [_receipt(payment, periods, purposes) for payment in payments]


def get_receipt(session: Session, member_id: int, payment_id: int) -> Receipt:
    """Return one movement of a member's money; raises NotFound, also for what is somebody else's."""
    own = (Payment.id == payment_id, Payment.member_id == member_id)
    payment = session.scalar(select(Payment).where(*own).execution_options(populate_existing=True))
    if payment is None:
        raise NotFound("There is no such receipt.")
    purposes = _purposes(session, {payment.attempt_id} if payment.attempt_id else set())
    return _receipt(payment, queries.periods_of(session, member_id), purposes)


def moved_back(session: Session, member_id: int, payment: Payment) -> list[Payment]:
    """Return what went back of a payment, and what of that came to us again, oldest first."""
    own = select(Payment).where(Payment.member_id == member_id, Payment.charge_reference == payment.reference)
    return list(session.scalars(own.order_by(Payment.occurred_at, Payment.id)))


def find_charge_of(session: Session, member_id: int, payment: Payment) -> Payment | None:
    """Return the member's own payment that something went back of."""
    own = (Payment.member_id == member_id, Payment.reference == payment.charge_reference, Payment.kind.in_(PAYMENTS))
    return session.scalars(select(Payment).where(*own).limit(1)).first()


def years_of(payments: Iterable[Payment], *, zone: ZoneInfo) -> list[Year]:
    """Return what each year came to, by the newsroom's calendar, the newest first."""
    grouped: dict[tuple[int, str], list[Payment]] = {}
    for payment in payments:
        grouped.setdefault((payment.occurred_at.astimezone(zone).year, payment.currency), []).append(payment)
    ordered = sorted(grouped, key=lambda key: (-key[0], key[1]))
    return [_year(number, currency, grouped[number, currency]) for number, currency in ordered]


def money_back(session: Session, *, since: datetime, until: datetime) -> tuple[int, int]:
    """Return what was given back in this time, and what payers' banks took back; what came to us again is taken off."""
    rows = session.execute(
        select(Payment.kind, func.sum(Payment.amount_minor))
        .where(Payment.kind.in_(GIVEN_BACK + DISPUTED), Payment.occurred_at >= since, Payment.occurred_at < until)
        .group_by(Payment.kind)
    )
    sums = {row[0]: int(row[1]) for row in rows}
    return -sum(sums.get(kind, 0) for kind in GIVEN_BACK), -sum(sums.get(kind, 0) for kind in DISPUTED)


def _purposes(session: Session, attempt_ids: set[UUID]) -> dict[UUID, str]:
    rows = session.execute(select(CheckoutAttempt.id, CheckoutAttempt.purpose).where(CheckoutAttempt.id.in_(attempt_ids)))
    return {row.id: row.purpose for row in rows}


def _receipt(payment: Payment, periods: Sequence[PaidPeriod], purposes: dict[UUID, str]) -> Receipt:
    if payment.kind not in PAYMENTS:
        return Receipt(payment, payment.kind, None)
    purpose = purposes.get(payment.attempt_id, "membership") if payment.attempt_id else "membership"
    if purpose != "membership":
        return Receipt(payment, purpose, None)
    period = _period_of(payment, periods)
    until = period.ends_at if period else None
    if payment.kind == "manual":
        return Receipt(payment, payment.source, until)
    if payment.subscription_id is None:
        return Receipt(payment, "once", until)
    is_year = period is not None and period.ends_at - period.starts_at > LONGER_THAN_A_MONTH
    return Receipt(payment, "year" if is_year else "month", until)


def _period_of(payment: Payment, periods: Sequence[PaidPeriod]) -> PaidPeriod | None:
    """Return the time that a payment pays for. A subscription's is named after its bill: it is the one that was paid in."""
    if payment.subscription_id is None:
        return next((each for each in periods if each.reference == payment.reference), None)
    at = payment.occurred_at
    own = (each for each in periods if each.subscription_id == payment.subscription_id)
    within = [each for each in own if each.starts_at - SLACK <= at < each.ends_at]
    return max(within, key=lambda each: each.starts_at, default=None)


def _year(number: int, currency: str, payments: Sequence[Payment]) -> Year:
    fees = [payment.fee_minor for payment in payments]
    fee = None if None in fees else sum(fee for fee in fees if fee is not None)
    paid = sum(payment.amount_minor for payment in payments if payment.kind in PAYMENTS)
    back = sum(payment.amount_minor for payment in payments if payment.kind not in PAYMENTS)
    return Year(number, currency, paid, back, fee, None if fee is None else paid + back - fee)
