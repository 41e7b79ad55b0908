"""One thing of ours compared with Stripe's truth: written as a webhook would write it, and kept or rolled back."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.db import release, transaction
from membership.errors import NotFound
from membership.patronage import queries
from membership.patronage.drift import Difference, Picture, differences, picture_of_attempt, picture_of_subscription
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt, Subscription
from membership.patronage.services import ledger, projecting
from membership.patronage.services.inbox import ABOUT


@dataclass(frozen=True)
class Target:
    """One thing to compare: a subscription, or the session of a single payment."""

    attempt_id: UUID | None
    subscription_id: str | None = None
    session_id: str | None = None


class _OnlyLooked(Exception):
    """Nothing shall be kept."""


def targets(session: Session, gateway: Gateway, since: datetime | None) -> list[Target]:
    """Return what to look at: everything, or what Stripe says has happened since then."""
    found = _all_targets(session, gateway) if since is None else _recent_targets(session, gateway, since)
    return list(dict.fromkeys(found))


def _all_targets(session: Session, gateway: Gateway) -> Iterator[Target]:
    listed = {subscription.id for subscription in gateway.list_subscriptions()}
    # What we know and Stripe doesn't list is asked for by its id, and missed aloud.
    own = select(Subscription.stripe_id).where(Subscription.account.in_(("", gateway.account_id())))
    known = set(session.scalars(own))
    release(session)
    for stripe_id in sorted(listed | known):
        yield Target(None, subscription_id=stripe_id)
    for checkout in gateway.list_checkouts():
        attempt_id = _known_attempt(session, checkout.attempt)
        if attempt_id and checkout.subscription_id is None and checkout.status != "open":
            yield Target(attempt_id, session_id=checkout.id)


def _recent_targets(session: Session, gateway: Gateway, since: datetime) -> Iterator[Target]:
    for event in gateway.list_events(since):
        about = ABOUT.get(event.type)
        if about == "checkout" and event.subscription_id is None:
            attempt = queries.find_attempt_by_session(session, event.object_id)
            release(session)
            attempt_id = attempt.id if attempt else _known_attempt(session, gateway.fetch_checkout(event.object_id).attempt)
            if attempt_id:
                yield Target(attempt_id, session_id=event.object_id)
        elif event.subscription_id and about in ("checkout", "subscription"):
            yield Target(None, subscription_id=event.subscription_id)
        elif about == "charge" and event.charge_id:
            yield from _of_charge(session, gateway, event.charge_id)
        elif about == "customer":
            yield from _of_customer(session, event.object_id)


def _of_charge(session: Session, gateway: Gateway, charge_id: str) -> Iterable[Target]:
    payment = queries.find_payment(session, source=ledger.STRIPE, reference=charge_id)
    release(session)
    if payment is not None and payment.subscription_id:
        return [Target(None, subscription_id=payment.subscription_id)]
    charge = gateway.fetch_charge(charge_id)
    attempt_id = payment.attempt_id if payment else _known_attempt(session, charge.attempt)
    attempt = queries.find_attempt(session, attempt_id) if attempt_id else None
    release(session)
    if attempt is not None and attempt.stripe_session_id:
        return [Target(attempt.id, session_id=attempt.stripe_session_id)]
    return _of_customer(session, charge.customer_id)


def _of_customer(session: Session, customer_id: str | None) -> Iterable[Target]:
    own = select(Subscription.stripe_id).where(Subscription.stripe_customer_id == customer_id).order_by(Subscription.stripe_id)
    found = list(session.scalars(own)) if customer_id else []
    release(session)
    return [Target(None, subscription_id=stripe_id) for stripe_id in found]


def compare(session: Session, gateway: Gateway, target: Target, *, is_applied: bool, now: datetime) -> list[Difference]:
    """Ask Stripe about one thing, and return where we differed; mended if is_applied, else nothing is kept."""
    try:
        if target.subscription_id:
            return _compare_subscription(session, gateway, target.subscription_id, is_applied, now)
        assert target.attempt_id is not None
        assert target.session_id is not None
        return _compare_checkout(session, gateway, target.attempt_id, target.session_id, is_applied, now)
    except NotFound:
        return _missing(session, target)


def _missing(session: Session, target: Target) -> list[Difference]:
    """Say that Stripe doesn't know something of ours any more; what was never ours is nobody's loss."""
    if target.session_id:
        return [Difference("checkout_attempt", target.session_id, "row", "there", "missing")]
    is_ours = session.get(Subscription, target.subscription_id) is not None
    release(session)
    return [Difference("subscription", target.subscription_id or "", "row", "there", "missing")] if is_ours else []


def _compare_subscription(session: Session, gateway: Gateway, stripe_id: str, is_applied: bool, now: datetime) -> list[Difference]:
    before = picture_of_subscription(session, stripe_id)
    row = session.get(Subscription, stripe_id)
    release(session)
    attempt_id = None if row else _known_attempt(session, gateway.fetch_attempt_of(stripe_id))
    if row is None and attempt_id is None:
        return []  # somebody else's, in the same Stripe account

    def claim() -> int:
        if attempt_id is not None:
            projecting.remember_subscription(session, stripe_id, attempt_id, now=now)
        return projecting.claim_subscription(session, stripe_id) or 0

    if is_applied:  # otherwise it is rolled back anyhow, and nobody else is overtaken
        with transaction(session):
            claimed = claim()
    facts = gateway.fetch_subscription(stripe_id)
    with _looked_at(session, is_kept=is_applied):
        if not is_applied:  # claimed in this transaction, and the attempt is always locked before its subscription
            ledger.lock_attempt_of(session, stripe_id)
        projecting.apply_subscription(session, facts, claim=claimed if is_applied else claim(), now=now)
        after = _flushed(session, lambda: picture_of_subscription(session, stripe_id))
    return differences(before, after)


def _compare_checkout(
    session: Session, gateway: Gateway, attempt_id: UUID, session_id: str, is_applied: bool, now: datetime
) -> list[Difference]:
    before = picture_of_attempt(session, attempt_id)
    release(session)
    if is_applied:
        with transaction(session):
            claimed = projecting.claim_attempt(session, attempt_id) or 0
    checkout = gateway.fetch_checkout(session_id)
    charges = gateway.fetch_charges_of_payment(checkout.payment_intent_id) if checkout.payment_intent_id else []
    account = gateway.account_id()
    with _looked_at(session, is_kept=is_applied):
        claim = claimed if is_applied else projecting.claim_attempt(session, attempt_id) or 0
        projecting.apply_checkout(session, attempt_id, checkout, charges, account=account, claim=claim, now=now)
        after = _flushed(session, lambda: picture_of_attempt(session, attempt_id))
    return differences(before, after)


@contextmanager
def _looked_at(session: Session, *, is_kept: bool) -> Iterator[None]:
    """Run one transaction and keep it, or not."""
    with suppress(_OnlyLooked), transaction(session):
        yield
        if not is_kept:
            raise _OnlyLooked


def _flushed(session: Session, picture: Callable[[], Picture]) -> Picture:
    session.flush()
    return picture()


def _known_attempt(session: Session, text: str | None) -> UUID | None:
    try:
        found = session.scalar(select(CheckoutAttempt.id).where(CheckoutAttempt.id == UUID(text or "")))
    except ValueError:
        return None
    release(session)  # Stripe is asked for the next thing
    return found
