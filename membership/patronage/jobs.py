"""What patronage draws from state, each minute or when woken, and the mails of this feature."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.jobs import Job, JobContext
from membership.outbox import Letter, Prepare
from membership.patronage import queries, services
from membership.patronage.gateway import Gateway
from membership.patronage.models import Payment, Subscription


def jobs(context: JobContext, gateway: Gateway) -> Sequence[Job]:
    """Return the repeatable jobs."""

    def sweep() -> int:
        with context.sessions() as session:
            return services.sweep_events(session, gateway, now=context.clock.now)

    return (Job("events", sweep),)


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail of this feature."""
    return {"welcome": _prepare_welcome}


def _prepare_welcome(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Prepare the receipt of one payment; the first one welcomes. Nothing if nobody can be written to."""
    payment = session.get(Payment, payload["payment_id"])
    member = session.get(Member, payment.member_id) if payment and payment.member_id else None
    address = (member.email or member.typed_email) if member else None
    if payment is None or member is None or address is None:
        return None
    subscription = session.get(Subscription, payment.subscription_id) if payment.subscription_id else None
    first = min(queries.payments_of(session, member.id), key=lambda other: (other.occurred_at, other.id))
    context = {
        "amount_minor": payment.amount_minor,
        "fee_minor": payment.fee_minor,
        "net_minor": payment.net_minor,
        "currency": payment.currency,
        "paid_on": payment.occurred_at,
        "reference": payment.reference,
        "interval": subscription.interval if subscription else "once",
        "next_on": subscription.current_period_end if subscription and subscription.cancel_at is None else None,
        "until": queries.standing_of(session, member.id, at=now).until,
        "address": address,
        "is_twin": queries.is_twin(session, member),
        "is_first": payment.id == first.id,
    }
    return Letter(address, "welcome", member.language, context)
