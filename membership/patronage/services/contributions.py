"""Support that does not come through Stripe: a bank transfer, a free seat."""

from datetime import datetime

from sqlalchemy.orm import Session

from membership import audit
from membership.accounts.queries import get_member
from membership.db import transaction
from membership.errors import Conflict
from membership.money import months_for
from membership.patronage import queries
from membership.patronage.calendar import add_months
from membership.patronage.models import Payment
from membership.patronage.services import ledger

BANK = "bank"


def record_contribution(
    session: Session,
    *,
    member_id: int,
    amount_minor: int,
    currency: str,
    reference: str,
    received_at: datetime,
    actor_id: int | None,
    now: datetime,
) -> datetime:
    """Record a bank transfer and return until when its giver is a patron; raises NotFound, Conflict for a known reference."""
    with transaction(session):
        get_member(session, member_id)
        months = _months(session, amount_minor, currency)
        if queries.find_payment(session, source=BANK, reference=reference):
            raise Conflict("A transfer with this reference is recorded already.")
        starts_at = ledger.free_from(session, member_id, received_at)
        period = (starts_at, add_months(starts_at, months))
        ledger.record_period(session, member_id=member_id, source=BANK, reference=reference, period=period)
        payment = Payment(kind="manual", source=BANK, reference=reference, member_id=member_id, currency=currency)
        payment.amount_minor, payment.fee_minor, payment.net_minor = amount_minor, 0, amount_minor
        payment.occurred_at = received_at
        session.add(payment)
        audit.record(
            session,
            act="contribution.recorded",
            subject=("member", member_id),
            actor_id=actor_id,
            now=now,
            reference=reference,
            amount_minor=amount_minor,
            currency=currency,
        )
    return period[1]


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
        if queries.find_period(session, source="free_seat", reference=reference):
            raise Conflict("A free seat with this reference exists already.")
        period = (starts_at, ends_at)
        ledger.record_period(session, member_id=member_id, source="free_seat", reference=reference, period=period)
        audit.record(
            session, act="free_seat.granted", subject=("member", member_id), actor_id=actor_id, now=now, reference=reference
        )


def _months(session: Session, amount_minor: int, currency: str) -> int:
    plan = queries.default_plan(session)
    months = months_for(amount_minor, plan.minimum_month_minor)
    if currency != plan.currency or months < 1:
        raise Conflict("This amount does not pay for a month of this newsroom's plan.")
    return months
