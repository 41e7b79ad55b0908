"""The mails about support that comes another way: the receipt of a contribution, the welcome to who still pays at Patreon."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.jobs import JobContext
from membership.outbox import Letter, Prepare
from membership.patronage import queries
from membership.patronage.entitlement import paid_until
from membership.patronage.models import PatreonMember, Payment
from membership.patronage.patreon import PATREON
from membership.voting.models import Round
from membership.voting.queries import find_open_round


def letters(_context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each of them."""
    return {"contribution": _prepare_contribution, "patreon_welcome": _prepare_welcome}


def _prepare_contribution(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Prepare the receipt of a transfer, or of what came by PayPal or in cash; nothing if nobody can be written to."""
    payment = session.get_one(Payment, payload["payment_id"])
    member, address = _reached(session, payment.member_id)
    if member is None or address is None:
        return None
    period = queries.find_period(session, source=payment.source, reference=payment.reference)
    context = {
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "came_on": payment.occurred_at,
        "source": payment.source,
        "reference": payment.reference,
        "until": period.ends_at if period else None,
        "address": address,
        "is_twin": queries.is_twin(session, member),
    }
    return Letter(address, "contribution", member.language, context)


def _prepare_welcome(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Prepare the mail to somebody who pays at Patreon and can vote here from now on.

    Nothing to staff, who don't vote, to who can vote already because they pay here too, and to who can't any more.
    """
    patron = session.get_one(PatreonMember, payload["patreon_id"])
    member, address = _reached(session, patron.member_id)
    if member is None or address is None or member.is_staff:
        return None
    periods = queries.periods_of(session, member.id)
    if paid_until([period for period in periods if period.source != PATREON], now) or not paid_until(periods, now):
        return None
    vote = find_open_round(session, at=now)
    context = {
        "address": address,
        "until": patron.paid_until,
        "round_name": vote.name_in(member.language) if vote else "",
        "round_slug": vote.slug if vote else "",
        "closes_at": vote.closes_at if vote else None,
        "next_opens_at": session.scalar(select(func.min(Round.opens_at)).where(Round.opens_at > now)),
    }
    return Letter(address, "patreon_welcome", member.language, context)


def _reached(session: Session, member_id: int | None) -> tuple[Member | None, str | None]:
    member = session.get(Member, member_id) if member_id else None
    return member, member.address if member else None
