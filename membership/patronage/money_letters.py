"""The mails about money that failed, goes back or is disputed: to its payer, and to staff where somebody must act."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.jobs import JobContext
from membership.outbox import Letter, Prepare
from membership.patronage import queries
from membership.patronage.links import make_links
from membership.patronage.models import CheckoutAttempt, Dispute, Payment, RefundOrder, Subscription
from membership.patronage.renewals import next_payment

# Their own mails tell what goes back and why.
TOLD_ALREADY = frozenset({"withdrawal", "duplicate"})


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each of them."""
    desk, language = context.settings.contact_email, context.settings.languages[0]

    def payment_failed(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        return _prepare_failed(session, payload, secret_key=context.settings.secret_key, now=now)

    def dispute_opened(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        dispute = session.get_one(Dispute, payload["dispute_id"])
        return None if dispute.closed_at else Letter(desk, "dispute_opened", language, {"dispute": dispute})

    def refund_failed(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        return Letter(desk, "refund_failed", language, {"payment": session.get_one(Payment, payload["payment_id"])})

    return {
        "payment_failed": payment_failed,
        "support_ended": _prepare_ended,
        "refunded": _prepare_refunded,
        "dispute_opened": dispute_opened,
        "refund_failed": refund_failed,
    }


def _prepare_failed(session: Session, payload: Mapping[str, Any], *, secret_key: str, now: datetime) -> Letter | None:
    """Prepare the mail about a payment that did not go through; nothing if that is mended, or is something else, since."""
    subscription = session.get_one(Subscription, payload["subscription_id"])
    member, address = _reached(session, subscription.member_id)
    if member is None or address is None or subscription.attention != payload["attention"] or subscription.ended_at:
        return None
    key = _link_key(session, subscription)
    standing = queries.standing_of(session, member.id, at=now)
    context = {
        "attention": subscription.attention,
        "amount_minor": subscription.amount_minor,
        "currency": subscription.currency,
        "pay_url": subscription.open_invoice_url,
        "next_attempt_at": subscription.next_attempt_at,
        "links": make_links(secret_key, key, now=now) if key else {},
        "until": standing.until if standing.may_vote else None,
    }
    return Letter(address, "payment_failed", member.language, context)


def _prepare_ended(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Prepare the mail about a support that ended because no payment came."""
    subscription = session.get_one(Subscription, payload["subscription_id"])
    member, address = _reached(session, subscription.member_id)
    if member is None or address is None:
        return None
    standing = queries.standing_of(session, member.id, at=now)
    until = standing.until if standing.may_vote else None
    context = {"support": subscription, "ended_at": subscription.ended_at or now, "until": until}
    return Letter(address, "support_ended", member.language, context)


def _prepare_refunded(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Prepare the mail about money that goes back; nothing where another mail says so."""
    payment = session.get_one(Payment, payload["payment_id"])
    member, address = _reached(session, payment.member_id)
    cause = session.scalar(select(RefundOrder.cause).where(RefundOrder.stripe_refund_id == payment.reference))
    if member is None or address is None or cause in TOLD_ALREADY:
        return None
    standing = queries.standing_of(session, member.id, at=now)
    charge = queries.find_payment(session, source=payment.source, reference=payment.charge_reference or "")
    subscription = session.get(Subscription, payment.subscription_id) if payment.subscription_id else None
    context = {
        "is_full": charge is None or charge.amount_minor == -payment.amount_minor,
        "whole_minor": charge.amount_minor if charge else None,
        "goes_on": next_payment(subscription, now) if subscription else None,
        "amount_minor": -payment.amount_minor,
        "currency": payment.currency,
        "given_back_on": payment.occurred_at,
        "reference": payment.charge_reference,
        "standing": standing,
    }
    return Letter(address, "refunded", member.language, context)


def _reached(session: Session, member_id: int | None) -> tuple[Member | None, str | None]:
    member = session.get(Member, member_id) if member_id else None
    return member, member.address if member else None


def _link_key(session: Session, subscription: Subscription) -> UUID | None:
    attempt = session.get(CheckoutAttempt, subscription.attempt_id) if subscription.attempt_id else None
    return attempt.link_key if attempt else None
