"""A reader starts to pay: our attempt first, then a Checkout session at Stripe, then its address on our row."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from membership.accounts.closures import is_closing
from membership.db import insert_into, release, transaction
from membership.errors import Conflict, NotFound, TooOften, Unavailable
from membership.limits import count_act
from membership.patronage import queries
from membership.patronage.entitlement import GRACE, TAKING
from membership.patronage.gateway import Gateway, NewCheckout
from membership.patronage.models import CheckoutAttempt, Plan
from membership.patronage.services.catalogue import find_price
from membership.patronage.shapes import Checkout

# Stripe keeps an idempotency key and a session for a day; a bit less, so that nobody is sent to a page that is about to end.
REUSED_FOR = timedelta(hours=23)


class AlreadyPatron(Conflict):
    """A second running subscription is not sold; the sentence says what to do with the first."""


class PaymentsClosed(Conflict):
    """Stripe is closed to us: nothing is sold by card."""

    def __init__(self) -> None:
        super().__init__("We can’t take card payments at the moment, and nothing was taken. There are other ways to support us.")


class NotOffered(Conflict):
    """The plan was retired while somebody looked at it."""

    def __init__(self) -> None:
        super().__init__("This is not offered any more, and nothing was taken. Please choose again.")


class AlreadyPaid(Conflict):
    """This very choice was paid a moment ago; attempt is the one."""

    def __init__(self, attempt: CheckoutAttempt) -> None:
        super().__init__("You have paid this already.")
        self.attempt = attempt


@dataclass(frozen=True)
class Choice:
    """Who wants to give what, and for whom (purpose: membership, gift, seats); amount_minor has been checked against the plan."""

    plan: Plan
    interval: str
    amount_minor: int
    language: str
    browser_hash: bytes
    member_id: int | None
    article_id: int | None
    purpose: str = "membership"

    def key(self) -> str:
        """Return the same text for the same choice of the same browser."""
        parts = (self.plan.id, self.interval, self.amount_minor, self.language, self.member_id, self.article_id, self.purpose)
        return hashlib.sha256(self.browser_hash + repr(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Opened:
    """Where to send the reader, and for which attempt."""

    attempt: CheckoutAttempt
    url: str


def start_checkout(
    session: Session,
    gateway: Gateway,
    *,
    choice: Choice,
    success_url: str,
    cancel_url: str,
    asked_by: Mapping[bytes, int] | None = None,
    now: datetime,
) -> Opened:
    """Open a Checkout session for a choice, or find the one that is open for it already.

    asked_by maps whom starts are counted for to how many each has in an hour. Raises PaymentsClosed, NotOffered, AlreadyPatron,
    AlreadyPaid, Conflict (below the minimum), TooOften, Unavailable (the attempt stays: trying again goes on with it).
    """
    _refuse(session, choice, now)
    _limit(session, asked_by or {}, now)
    attempt = _begin(session, choice, now)
    if attempt.stripe_session_id:
        url = _url_of_open_session(session, gateway, attempt, now)
        if url:
            return Opened(attempt, url)
        attempt = _begin(session, choice, now)
    price_id = _price(session, gateway, choice, attempt)
    customer_id = queries.find_customer_of(session, choice.member_id) if choice.member_id else None
    new = NewCheckout(str(attempt.id), price_id, choice.interval, success_url, cancel_url, choice.language, customer_id)
    return Opened(attempt, _open(session, gateway, attempt, new))


def _refuse(session: Session, choice: Choice, now: datetime) -> None:
    """Raise why this is not sold, if it is not; nothing was asked of Stripe yet."""
    if queries.find_stripe_closure(session):
        raise PaymentsClosed
    if choice.plan.key not in {plan.key for plan in queries.offered_plans(session)}:
        raise NotOffered
    if choice.amount_minor < choice.plan.minimum(choice.interval):
        raise Conflict("This is less than the lowest amount.")
    if choice.member_id and is_closing(session, choice.member_id):
        raise Conflict("Your account is being deleted, and nothing was taken. Sign out to support us without an account.")
    if choice.member_id and choice.interval != "once":
        _refuse_second(session, choice.member_id, now)


def _limit(session: Session, asked_by: Mapping[bytes, int], now: datetime) -> None:
    with transaction(session):
        retry_at = count_act(session, act="checkout", most=asked_by, within=timedelta(hours=1), now=now)
    if retry_at:
        raise TooOften("Payments were begun many times from here, and nothing was taken by this try.", retry_at=retry_at)


def _refuse_second(session: Session, member_id: int, now: datetime) -> None:
    """Raise AlreadyPatron if something goes on. One that failed for longer than its grace makes way for a new one."""
    for running in queries.live_subscriptions_of(session, member_id):
        if running.cancel_at is not None:
            continue
        if running.status == "past_due" and running.past_due_since and now < running.past_due_since + GRACE:
            raise AlreadyPatron("A payment for your support needs your attention, and nothing new was taken. Here you can mend it.")
        if running.status in TAKING and running.is_paused:
            raise AlreadyPatron("Your support is paused, and nothing new was taken. Here you can let it go on.")
        if running.status in TAKING:
            raise AlreadyPatron("You support us already, and nothing was taken. Here you can change or stop your support.")


def _begin(session: Session, choice: Choice, now: datetime) -> CheckoutAttempt:
    """Return the open attempt of this choice, or a new one; of two clicks at once both get the same."""
    key = choice.key()
    with transaction(session):
        session.execute(
            update(CheckoutAttempt)
            .where(CheckoutAttempt.choice_key == key, CheckoutAttempt.created_at <= now - REUSED_FOR)
            .values(choice_key=None),
        )
        values = {
            "id": uuid4(),
            "plan_id": choice.plan.id,
            "purpose": choice.purpose,
            "interval": choice.interval,
            "amount_minor": choice.amount_minor,
            "currency": choice.plan.currency,
            "language": choice.language,
            "browser_hash": choice.browser_hash,
            "member_id": choice.member_id,
            "article_id": choice.article_id,
            "choice_key": key,
            "created_at": now,
        }
        session.execute(insert_into(session, CheckoutAttempt).values(**values).on_conflict_do_nothing())
        own = select(CheckoutAttempt).where(CheckoutAttempt.choice_key == key)
        return session.scalars(own.execution_options(populate_existing=True)).one()


def _url_of_open_session(session: Session, gateway: Gateway, attempt: CheckoutAttempt, now: datetime) -> str | None:
    """Return where an attempt's session can still be paid, None if it has expired; raises AlreadyPaid."""
    assert attempt.stripe_session_id is not None
    checkout = gateway.fetch_checkout(attempt.stripe_session_id)
    if checkout.status == "open":
        return checkout.url or attempt.stripe_session_url
    if checkout.status == "complete":
        raise AlreadyPaid(attempt)
    _retire(session, attempt, expired_at=now)
    return None


def _price(session: Session, gateway: Gateway, choice: Choice, attempt: CheckoutAttempt) -> str:
    if attempt.stripe_price_id:
        return attempt.stripe_price_id
    found = find_price(session, gateway, plan=choice.plan, interval=choice.interval, amount_minor=choice.amount_minor)
    with transaction(session):
        priced = update(CheckoutAttempt).where(CheckoutAttempt.id == attempt.id)
        first = func.coalesce(CheckoutAttempt.stripe_price_id, found)
        return session.scalars(priced.values(stripe_price_id=first).returning(CheckoutAttempt.stripe_price_id)).one() or found


def _open(session: Session, gateway: Gateway, attempt: CheckoutAttempt, new: NewCheckout) -> str:
    release(session)
    try:
        checkout = _create(gateway, new)
    except (Conflict, NotFound) as refused:
        # Refused for good: the next try must not go on with this attempt, its price and its idempotency key.
        _retire(session, attempt, expired_at=None)
        raise Conflict("Stripe refused this, and nothing was taken. Please try again, or write to us.") from refused
    if checkout.url is None:
        raise Unavailable("Payments can’t be reached just now. Nothing was taken. Please try again in a minute.")
    with transaction(session):
        session.execute(
            update(CheckoutAttempt)
            .where(CheckoutAttempt.id == attempt.id)
            .values(stripe_session_id=checkout.id, stripe_session_url=checkout.url),
        )
    return checkout.url


def _create(gateway: Gateway, new: NewCheckout) -> Checkout:
    """Open the session for the customer that we know, as for a stranger if that one was deleted at Stripe."""
    try:
        return gateway.create_checkout(new)
    except NotFound:
        if new.customer_id is None:
            raise
        return gateway.create_checkout(replace(new, customer_id=None))


def _retire(session: Session, attempt: CheckoutAttempt, *, expired_at: datetime | None) -> None:
    with transaction(session):
        session.execute(
            update(CheckoutAttempt).where(CheckoutAttempt.id == attempt.id).values(choice_key=None, expired_at=expired_at),
        )
