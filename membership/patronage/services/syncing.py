"""From Stripe's truth to our projection: ask, then write in one transaction, holding no lock while asking (DESIGN §4.1)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from membership.db import release, transaction
from membership.patronage import queries
from membership.patronage.gateway import Gateway
from membership.patronage.models import StripeCustomer, Subscription
from membership.patronage.services import ledger
from membership.patronage.services.projecting import (
    IGNORED,
    WRITTEN,
    apply_checkout,
    apply_subscription,
    claim_attempt,
    claim_subscription,
    remember_subscription,
)


def sync_subscription(session: Session, gateway: Gateway, *, stripe_id: str, now: datetime, event_id: str | None = None) -> str:
    """Bring our projection of one subscription up to date; return written, second, overtaken or ignored (not ours).

    Claim and commit, then ask Stripe, then write unless a later claim has been written: that one asked after its claim, and so
    after ours. Every event's claim is made after what it tells of has happened, so the last claim written knows it all.
    """
    with transaction(session):
        claim = claim_subscription(session, stripe_id)
    if claim is None:
        attempt_id = _known_attempt(session, gateway.fetch_attempt_of(stripe_id))
        if attempt_id is None:
            return _ignore(session, event_id, now, "not ours")
        with transaction(session):
            remember_subscription(session, stripe_id, attempt_id, now=now)
            claim = claim_subscription(session, stripe_id)
    return _ask_and_write(session, gateway, stripe_id, claim, now, event_id)


def sync_checkout(session: Session, gateway: Gateway, *, stripe_session_id: str, now: datetime, event_id: str | None = None) -> str:
    """Bring one Checkout session's outcome into our tables; return written, second, overtaken or ignored (not ours)."""
    attempt = queries.find_attempt_by_session(session, stripe_session_id)
    release(session)
    # Not noted yet, because a crash came before: the session itself says whose it is.
    attempt_id = attempt.id if attempt else _known_attempt(session, gateway.fetch_checkout(stripe_session_id).attempt)
    if attempt_id is None:
        return _ignore(session, event_id, now, "not ours")
    with transaction(session):
        claim = claim_attempt(session, attempt_id)
    checkout = gateway.fetch_checkout(stripe_session_id)
    if checkout.subscription_id:
        with transaction(session):
            noted = remember_subscription(session, checkout.subscription_id, attempt_id, now=now)
            if noted is not None:
                ledger.note_session(noted, checkout, now)
            its_claim = claim_subscription(session, checkout.subscription_id)
        return _ask_and_write(session, gateway, checkout.subscription_id, its_claim, now, event_id)
    charges = gateway.fetch_charges_of_payment(checkout.payment_intent_id) if checkout.payment_intent_id else []
    account = gateway.account_id()
    with transaction(session):
        return apply_checkout(session, attempt_id, checkout, charges, account=account, claim=claim or 0, now=now, event_id=event_id)


def sync_charge(session: Session, gateway: Gateway, *, charge_id: str, now: datetime, event_id: str | None = None) -> str:
    """Bring what a charge belongs to up to date: its fee became known, it was refunded or disputed, it failed."""
    payment = queries.find_payment(session, source=ledger.STRIPE, reference=charge_id)
    release(session)
    if payment is not None and payment.subscription_id:
        return sync_subscription(session, gateway, stripe_id=payment.subscription_id, now=now, event_id=event_id)
    attempt_id = payment.attempt_id if payment else None
    if payment is None:
        charge = gateway.fetch_charge(charge_id)
        attempt_id = _known_attempt(session, charge.attempt)
        if attempt_id is None:
            return _sync_customer(session, gateway, charge.customer_id, now, event_id)
    attempt = queries.find_attempt(session, attempt_id) if attempt_id else None
    release(session)
    # A card that was declined at Stripe's page while the session is open: the buyer may try another one.
    if attempt is None or attempt.stripe_session_id is None or (payment is None and attempt.completed_at is None):
        return _ignore(session, event_id, now, "not ours, or not paid yet")
    return sync_checkout(session, gateway, stripe_session_id=attempt.stripe_session_id, now=now, event_id=event_id)


def sync_deleted_customer(
    session: Session, gateway: Gateway, *, customer_id: str, now: datetime, event_id: str | None = None
) -> str:
    """Note that a customer is deleted at Stripe, and bring the subscriptions that ended with it up to date."""
    known = session.get(StripeCustomer, customer_id, populate_existing=True) is not None
    own = _subscriptions_of(session, customer_id)
    if not (known or own) or not gateway.is_customer_deleted(customer_id):
        return _ignore(session, event_id, now, "not ours")
    for stripe_id in own:
        sync_subscription(session, gateway, stripe_id=stripe_id, now=now)
    with transaction(session):
        gone = update(StripeCustomer).where(StripeCustomer.stripe_id == customer_id)
        session.execute(gone.values(deleted_at=func.coalesce(StripeCustomer.deleted_at, now)))
        ledger.finish_event(session, event_id, now=now)
    return WRITTEN


def _ask_and_write(
    session: Session, gateway: Gateway, stripe_id: str, claim: int | None, now: datetime, event_id: str | None
) -> str:
    facts = gateway.fetch_subscription(stripe_id)
    with transaction(session):
        return apply_subscription(session, facts, claim=claim or 0, now=now, event_id=event_id)


def _sync_customer(session: Session, gateway: Gateway, customer_id: str | None, now: datetime, event_id: str | None) -> str:
    """Look at every subscription of a charge's customer: the charge does not say which one it is of, if any."""
    own = _subscriptions_of(session, customer_id) if customer_id else []
    for stripe_id in own[:-1]:
        sync_subscription(session, gateway, stripe_id=stripe_id, now=now)
    if own:
        return sync_subscription(session, gateway, stripe_id=own[-1], now=now, event_id=event_id)
    # A subscription's charge that we don't know yet: the events of its invoice or session bring it, refunds and all.
    return _ignore(session, event_id, now, "not ours, or not known yet")


def _subscriptions_of(session: Session, customer_id: str) -> list[str]:
    rows = select(Subscription.stripe_id).where(Subscription.stripe_customer_id == customer_id).order_by(Subscription.stripe_id)
    found = list(session.scalars(rows))
    release(session)
    return found


def _known_attempt(session: Session, text: str | None) -> UUID | None:
    try:
        attempt = queries.find_attempt(session, UUID(text or ""))
    except ValueError:
        return None
    release(session)
    return attempt.id if attempt else None


def _ignore(session: Session, event_id: str | None, now: datetime, why: str) -> str:
    if event_id:
        with transaction(session):
            ledger.finish_event(session, event_id, state=IGNORED, now=now, why=why)
    return IGNORED
