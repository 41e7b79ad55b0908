"""The steps in which money reaches our tables. They run inside the caller's transaction."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from membership import outbox
from membership.accounts.addresses import normalise
from membership.accounts.models import Member
from membership.db import insert_into
from membership.patronage import queries
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Payment, StripeCustomer, StripeEvent
from membership.patronage.shapes import Charge, Refund

STRIPE = "stripe"


def lock_attempt(session: Session, attempt_id: object) -> CheckoutAttempt | None:
    """Lock an attempt, so that its return page and its webhooks write one after the other."""
    attempts = select(CheckoutAttempt).where(CheckoutAttempt.id == attempt_id)
    return session.scalar(attempts.with_for_update().execution_options(populate_existing=True))


def settle_member(
    session: Session, attempt: CheckoutAttempt, *, customer_id: str | None, email: str | None, now: datetime
) -> int | None:
    """Return whose attempt this is, and make them a member if nobody is known yet.

    Known is who was signed in when it began and whom the customer at Stripe stands for, never somebody with the same typed address.
    None: the account was deleted since.
    """
    if attempt.member_id is None and attempt.paid_at is None:
        known = session.get(StripeCustomer, customer_id) if customer_id else None
        attempt.member_id = known.member_id if known else _new_member(session, attempt, email, now)
    if attempt.member_id is not None and customer_id:
        values = {"stripe_id": customer_id, "member_id": attempt.member_id, "created_at": now}
        session.execute(insert_into(session, StripeCustomer).values(**values).on_conflict_do_nothing())
    return attempt.member_id


def complete(attempt: CheckoutAttempt, *, paid: bool, now: datetime) -> None:
    """Note that an attempt's session is over; each date is written once."""
    attempt.completed_at = attempt.completed_at or now
    attempt.choice_key = None
    if paid:
        attempt.paid_at = attempt.paid_at or now


def record_charge(
    session: Session,
    charge: Charge,
    *,
    member_id: int | None,
    attempt: CheckoutAttempt | None,
    subscription_id: str | None,
    now: datetime,
) -> None:
    """Keep one charge and its refunds, each under its Stripe id; what is known already only learns its fee."""
    about: dict[str, object] = {
        "member_id": member_id,
        "attempt_id": attempt.id if attempt else None,
        "article_id": attempt.article_id if attempt else None,
        "subscription_id": subscription_id,
        "currency": charge.currency,
    }
    payment = queries.find_payment(session, source=STRIPE, reference=charge.id)
    if payment is None:
        payment = Payment(kind="charge", source=STRIPE, reference=charge.id, occurred_at=charge.created_at, **about)
        payment.amount_minor = charge.amount_minor
        session.add(payment)
    _learn_fee(payment, charge.fee_minor)
    session.flush()
    if member_id is not None:
        outbox.enqueue(
            session, kind="welcome", key=f"welcome:{charge.id}", payload={"payment_id": payment.id}, urgent=True, now=now
        )
    for refund in charge.refunds:
        _record_refund(session, refund, charge, about)
    if not charge.has_more_refunds:
        _forget_failed_refunds(session, charge)


def record_period(
    session: Session,
    *,
    member_id: int,
    source: str,
    reference: str,
    period: tuple[datetime, datetime],
    subscription_id: str | None = None,
    reversed_at: datetime | None = None,
) -> None:
    """Keep one paid period; of a known one only whether its money came back changes."""
    known = queries.find_period(session, source=source, reference=reference)
    if known is not None:
        known.reversed_at = reversed_at
        return
    session.add(
        PaidPeriod(
            member_id=member_id,
            source=source,
            reference=reference,
            subscription_id=subscription_id,
            starts_at=period[0],
            ends_at=period[1],
            reversed_at=reversed_at,
        ),
    )
    session.flush()


def free_from(session: Session, member_id: int, instant: datetime) -> datetime:
    """Return when time given once begins: at the instant, or at the end of the time that is paid for already.

    Locks the member, so that two payments at once stack up instead of covering the same months.
    """
    session.execute(select(Member.id).where(Member.id == member_id).with_for_update()).all()
    periods = queries.periods_of(session, member_id)
    return max([instant, *(period.ends_at for period in periods if period.reversed_at is None)])


def finish_event(session: Session, event_id: str | None, *, state: str = "done", now: datetime, why: str = "") -> None:
    """Note that an event has had its effect; safe to repeat."""
    event = session.get(StripeEvent, event_id, populate_existing=True) if event_id else None
    if event is not None and event.state == "new":
        event.state, event.done_at, event.last_error = state, now, why


def _new_member(session: Session, attempt: CheckoutAttempt, email: str | None, now: datetime) -> int:
    try:
        typed = normalise(email) if email else None
    except ValueError:  # paid all the same: the browser that paid is signed in, and can correct the address
        typed = None
    member = Member(typed_email=typed, language=attempt.language, created_at=now)
    session.add(member)
    session.flush()
    return member.id


def _record_refund(session: Session, refund: Refund, charge: Charge, about: dict[str, object]) -> None:
    row = queries.find_payment(session, source=STRIPE, reference=refund.id)
    if row is None:
        row = Payment(kind="refund", source=STRIPE, reference=refund.id, occurred_at=refund.created_at, **about)
        row.charge_reference, row.amount_minor = charge.id, -refund.amount_minor
        session.add(row)
    _learn_fee(row, refund.fee_minor)
    session.flush()


def _forget_failed_refunds(session: Session, charge: Charge) -> None:
    """Delete the refunds that were on their way and never arrived: Stripe counts them no more."""
    known = {refund.id for refund in charge.refunds}
    session.execute(
        delete(Payment).where(
            Payment.source == STRIPE,
            Payment.kind == "refund",
            Payment.charge_reference == charge.id,
            Payment.reference.not_in(known),
        ),
    )


def _learn_fee(payment: Payment, fee_minor: int | None) -> None:
    if fee_minor is not None:
        payment.fee_minor, payment.net_minor = fee_minor, payment.amount_minor - fee_minor
