"""The mails about what is given: a gift's code, a free seat, the thanks for free seats of others."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.jobs import JobContext
from membership.outbox import Letter, Prepare
from membership.patronage import giving, queries
from membership.patronage.models import CheckoutAttempt, FreeSeatRequest
from membership.patronage.receipts import facts_of
from membership.patronage.services.gifts import issue_code
from membership.patronage.services.ledger import STRIPE
from membership.patronage.services.seats import FREE_SEAT


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail about what is given."""

    def gift(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        return prepare_gift(session, payload, secret_key=context.settings.secret_key)

    return {
        "gift": gift,
        "free_seat_paid": prepare_thanks,
        "free_seat_granted": prepare_granted,
        "free_seat_declined": prepare_declined,
    }


def prepare_gift(session: Session, payload: Mapping[str, Any], *, secret_key: str) -> Letter | None:
    """Prepare the mail with a gift's code for its buyer; nothing if the gift was paid back meanwhile."""
    attempt = queries.find_attempt(session, UUID(payload["attempt_id"]))
    gift = giving.find_gift_of_attempt(session, attempt.id) if attempt else None
    address = _address_of(session, attempt)
    if attempt is None or gift is None or address is None or gift.reversed_at is not None:
        return None
    code = issue_code(session, gift_id=gift.id, secret_key=secret_key)
    payment = queries.find_payment_of_attempt(session, attempt.id)
    if code is None or payment is None:
        return None
    return Letter(address, "gift", attempt.language, {"code": code, "months": gift.months, **facts_of(payment)})


def prepare_thanks(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Prepare the receipt of what somebody paid for free seats of others."""
    payment = queries.find_payment(session, source=STRIPE, reference=payload["reference"])
    attempt = queries.find_attempt(session, payment.attempt_id) if payment and payment.attempt_id else None
    address = _address_of(session, attempt)
    if payment is None or attempt is None or address is None:
        return None
    months = payment.amount_minor // queries.find_plan_of(session, attempt).minimum_month_minor
    return Letter(address, "free_seat_paid", attempt.language, {"months": months, **facts_of(payment)})


def prepare_granted(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Prepare the mail that a free seat was granted, with the way in."""
    request = session.get(FreeSeatRequest, payload["request_id"])
    period = queries.find_period(session, source=FREE_SEAT, reference=payload["reference"])
    if request is None or period is None:
        return None
    return Letter(request.email, "free_seat_granted", request.language, {"until": period.ends_at, "address": request.email})


def prepare_declined(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Prepare the mail that there is no free seat at the moment."""
    request = session.get(FreeSeatRequest, payload["request_id"])
    return Letter(request.email, "free_seat_declined", request.language, {}) if request else None


def _address_of(session: Session, attempt: CheckoutAttempt | None) -> str | None:
    """Return where the buyer can be written to: what they typed at Stripe, else what we know of the member they are."""
    if attempt is None or attempt.buyer_email:
        return attempt.buyer_email if attempt else None
    member = session.get(Member, attempt.member_id) if attempt.member_id else None
    return member.address if member else None
