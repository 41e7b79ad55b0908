"""From Stripe's truth to our projection: ask, then write in one transaction, holding no lock while asking (DESIGN §4.1)."""

from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from membership.db import insert_into, release, transaction
from membership.money import months_for
from membership.patronage import queries
from membership.patronage.calendar import add_months
from membership.patronage.entitlement import LIVE
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt, Plan, Subscription
from membership.patronage.services import ledger
from membership.patronage.shapes import Charge, Checkout, Invoice, SubscriptionFacts

log = structlog.get_logger()
KNOWN_STATUSES = LIVE | {"canceled", "incomplete_expired"}
# A first bill that nobody paid makes nobody a member.
UNPAID = frozenset({"incomplete", "incomplete_expired"})


def sync_subscription(session: Session, gateway: Gateway, *, stripe_id: str, now: datetime, event_id: str | None = None) -> str:
    """Bring our projection of one subscription up to date; return written, overtaken or ignored (not ours).

    Claim and commit, then ask Stripe, then write unless a later claim has been written: that one asked after its claim, and so
    after ours. Every event's claim is made after what it tells of has happened, so the last claim written knows it all.
    """
    if session.get(Subscription, stripe_id, populate_existing=True) is None:
        release(session)
        attempt_id = _known_attempt(session, gateway.fetch_attempt_of(stripe_id))
        if attempt_id is None:
            return _ignore(session, event_id, now, "not ours")
        _remember(session, stripe_id, attempt_id, now)
    claim = _claim(session, stripe_id)
    facts = gateway.fetch_subscription(stripe_id)
    return _write(session, facts, claim=claim, now=now, event_id=event_id)


def sync_checkout(session: Session, gateway: Gateway, *, stripe_session_id: str, now: datetime, event_id: str | None = None) -> str:
    """Bring one Checkout session's outcome into our tables; return written, overtaken or ignored (not ours)."""
    checkout = gateway.fetch_checkout(stripe_session_id)
    attempt_id = _known_attempt(session, checkout.attempt)
    if attempt_id is None:
        return _ignore(session, event_id, now, "not ours")
    if checkout.subscription_id:
        with transaction(session):
            _note_session(session, attempt_id, checkout, now)
        _remember(session, checkout.subscription_id, attempt_id, now)
        return sync_subscription(session, gateway, stripe_id=checkout.subscription_id, now=now, event_id=event_id)
    release(session)
    charges = gateway.fetch_charges_of_payment(checkout.payment_intent_id) if checkout.payment_intent_id else []
    with transaction(session):
        attempt = _note_session(session, attempt_id, checkout, now)
        if attempt is not None and checkout.is_paid:
            _write_once(session, attempt, checkout, charges, now)
        ledger.finish_event(session, event_id, now=now)
    return "written"


def sync_charge(session: Session, gateway: Gateway, *, charge_id: str, now: datetime, event_id: str | None = None) -> str:
    """Bring what a charge belongs to up to date (its fee became known, it was refunded); return written, overtaken or ignored."""
    payment = queries.find_payment(session, source=ledger.STRIPE, reference=charge_id)
    if payment is not None and payment.subscription_id:
        return sync_subscription(session, gateway, stripe_id=payment.subscription_id, now=now, event_id=event_id)
    release(session)
    attempt_id = payment.attempt_id if payment else _known_attempt(session, gateway.fetch_charge(charge_id).attempt)
    attempt = queries.find_attempt(session, attempt_id) if attempt_id else None
    if attempt is not None and attempt.stripe_session_id:
        return sync_checkout(session, gateway, stripe_session_id=attempt.stripe_session_id, now=now, event_id=event_id)
    # A subscription's charge that we don't know yet: the events of its invoice or session bring it, refunds and all.
    return _ignore(session, event_id, now, "not ours, or not known yet")


def _write(session: Session, facts: SubscriptionFacts, *, claim: int, now: datetime, event_id: str | None) -> str:
    if facts.status not in KNOWN_STATUSES:
        log.error("stripe.unknown_status", subscription=facts.id, status=facts.status)
    with transaction(session):
        # Always the attempt before the subscription: two writers that lock in different order would wait for each other.
        attempt = ledger.lock_attempt(session, session.get_one(Subscription, facts.id).attempt_id)
        row = _locked(session, facts.id)
        ledger.finish_event(session, event_id, now=now)
        if row.written >= claim:
            return "overtaken"
        row.written, row.synced_at = claim, now
        _copy(facts, row)
        if attempt is not None and (facts.status not in UNPAID or row.member_id is not None):
            row.member_id = ledger.settle_member(session, attempt, customer_id=facts.customer_id, email=facts.email, now=now)
        for invoice in facts.invoices:
            _write_invoice(session, invoice, row, attempt, now)
        if attempt is not None and any(invoice.status == "paid" for invoice in facts.invoices):
            ledger.complete(attempt, paid=True, now=now)
    return "written"


def _write_invoice(session: Session, invoice: Invoice, row: Subscription, attempt: CheckoutAttempt | None, now: datetime) -> None:
    for charge in invoice.charges:
        ledger.record_charge(session, charge, member_id=row.member_id, attempt=attempt, subscription_id=row.stripe_id, now=now)
    if invoice.status != "paid" or invoice.period is None or row.member_id is None:
        return
    given_back = [charge.given_back_at for charge in invoice.charges]
    ledger.record_period(
        session,
        member_id=row.member_id,
        source="subscription",
        reference=invoice.id,
        period=invoice.period,
        subscription_id=row.stripe_id,
        reversed_at=max((at for at in given_back if at), default=None) if all(given_back) else None,
    )


def _write_once(session: Session, attempt: CheckoutAttempt, checkout: Checkout, charges: list[Charge], now: datetime) -> None:
    member_id = ledger.settle_member(session, attempt, customer_id=checkout.customer_id, email=checkout.email, now=now)
    plan = session.get_one(Plan, attempt.plan_id)
    for charge in charges:
        ledger.record_charge(session, charge, member_id=member_id, attempt=attempt, subscription_id=None, now=now)
        months = months_for(charge.amount_minor, plan.minimum_month_minor)
        if member_id is None or months == 0:
            continue
        starts_at = ledger.free_from(session, member_id, charge.created_at)
        ledger.record_period(
            session,
            member_id=member_id,
            source="once",
            reference=charge.id,
            period=(starts_at, add_months(starts_at, months)),
            reversed_at=charge.given_back_at,
        )
    ledger.complete(attempt, paid=True, now=now)


def _note_session(session: Session, attempt_id: UUID, checkout: Checkout, now: datetime) -> CheckoutAttempt | None:
    attempt = ledger.lock_attempt(session, attempt_id)
    if attempt is None:
        return None
    attempt.stripe_session_id = attempt.stripe_session_id or checkout.id
    if checkout.status == "complete":
        ledger.complete(attempt, paid=False, now=now)
    elif checkout.status == "expired":
        attempt.expired_at, attempt.choice_key = attempt.expired_at or now, None
    return attempt


def _copy(facts: SubscriptionFacts, row: Subscription) -> None:
    row.stripe_customer_id = facts.customer_id
    row.status = facts.status
    row.amount_minor, row.currency, row.interval = facts.amount_minor, facts.currency, facts.interval
    row.current_period_end = facts.current_period_end
    row.cancel_at, row.ended_at = facts.cancel_at, facts.ended_at
    row.past_due_since = facts.past_due_since if facts.status in ("past_due", "unpaid") else None
    row.created_at = facts.created_at


def _known_attempt(session: Session, text: str | None) -> UUID | None:
    try:
        attempt = queries.find_attempt(session, UUID(text or ""))
    except ValueError:
        return None
    return attempt.id if attempt else None


def _remember(session: Session, stripe_id: str, attempt_id: UUID, now: datetime) -> None:
    """Make the row of a subscription that is ours, so that it can be claimed; safe to repeat."""
    with transaction(session):
        attempt = queries.find_attempt(session, attempt_id)
        values = {
            "stripe_id": stripe_id,
            "attempt_id": attempt_id,
            "article_id": attempt.article_id if attempt else None,
            "created_at": now,
        }
        session.execute(insert_into(session, Subscription).values(**values).on_conflict_do_nothing())


def _claim(session: Session, stripe_id: str) -> int:
    with transaction(session):
        raised = update(Subscription).where(Subscription.stripe_id == stripe_id).values(claim=Subscription.claim + 1)
        return session.scalars(raised.returning(Subscription.claim)).one()


def _locked(session: Session, stripe_id: str) -> Subscription:
    rows = select(Subscription).where(Subscription.stripe_id == stripe_id)
    return session.scalars(rows.with_for_update().execution_options(populate_existing=True)).one()


def _ignore(session: Session, event_id: str | None, now: datetime, why: str) -> str:
    if event_id:
        with transaction(session):
            ledger.finish_event(session, event_id, state="ignored", now=now, why=why)
    return "ignored"
