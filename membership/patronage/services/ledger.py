"""How payments reach our tables: whose they are, what is over, what time they give. Steps of the caller's transaction."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from membership.accounts.addresses import normalise
from membership.accounts.closures import is_closed
from membership.accounts.models import Member
from membership.db import insert_into
from membership.patronage import queries, twins
from membership.patronage.models import CheckoutAttempt, PaidPeriod, StripeCustomer, StripeEvent, Subscription
from membership.patronage.shapes import Checkout

STRIPE = "stripe"


def lock_attempt(session: Session, attempt_id: object) -> CheckoutAttempt | None:
    """Lock an attempt, so that its return page and its webhooks write one after the other."""
    attempts = select(CheckoutAttempt).where(CheckoutAttempt.id == attempt_id)
    return session.scalar(attempts.with_for_update().execution_options(populate_existing=True))


def lock_attempt_of(session: Session, subscription_id: str) -> CheckoutAttempt | None:
    """Lock the attempt that a subscription came of."""
    return lock_attempt(session, select(Subscription.attempt_id).where(Subscription.stripe_id == subscription_id).scalar_subquery())


def settle_member(
    session: Session, attempt: CheckoutAttempt, *, customer_id: str | None, account: str = "", email: str | None, now: datetime
) -> int | None:
    """Return whose attempt this is, and make them a member if nobody is known yet.

    Known is who was signed in when it began, whom the customer at Stripe stands for, and who pays in another tab of the same
    browser; never somebody with the same typed address. Who buys for somebody else becomes no member. None: nobody, or the account
    was deleted since.
    """
    if attempt.settled_at is None and attempt.paid_at is None:
        attempt.settled_at = now
        if attempt.purpose != "membership":
            attempt.buyer_email = _typed(email)
        elif attempt.member_id is None:
            known = session.get(StripeCustomer, customer_id, populate_existing=True) if customer_id else None
            is_known = known is not None and not is_closed(session, known.member_id)
            member_id = known.member_id if known and is_known else twins.find_payer_in_browser(session, attempt)
            attempt.member_id = member_id or _newcomer(session, attempt, email, now)
    if attempt.member_id is not None and customer_id and not is_closed(session, attempt.member_id):
        _keep_customer(session, customer_id, account, attempt.member_id, now)
    return attempt.member_id


def note_session(attempt: CheckoutAttempt, checkout: Checkout, now: datetime) -> None:
    """Note what became of an attempt's Checkout session; each date is written once."""
    attempt.stripe_session_id = attempt.stripe_session_id or checkout.id
    if checkout.is_complete:
        complete(attempt, paid=False, now=now)
    elif checkout.status == "expired":
        attempt.expired_at, attempt.choice_key = attempt.expired_at or now, None


def complete(attempt: CheckoutAttempt, *, paid: bool, now: datetime) -> None:
    """Note that an attempt's session is over; each date is written once."""
    attempt.completed_at = attempt.completed_at or now
    attempt.choice_key = None
    if paid:
        attempt.paid_at, attempt.failed_at = attempt.paid_at or now, None


def fail(attempt: CheckoutAttempt, now: datetime) -> None:
    """Note that an attempt's money will not come, unless it has come."""
    attempt.choice_key = None
    if attempt.paid_at is None:
        attempt.failed_at = attempt.failed_at or now


def record_period(
    session: Session,
    *,
    member_id: int,
    source: str,
    reference: str,
    period: tuple[datetime, datetime],
    subscription_id: str | None = None,
    reversed_at: datetime | None = None,
    disputed_at: datetime | None = None,
) -> None:
    """Keep one paid period; of a known one only whether its money came back changes."""
    known = queries.find_period(session, source=source, reference=reference)
    if known is not None:
        known.reversed_at, known.disputed_at = reversed_at, disputed_at
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
            disputed_at=disputed_at,
        ),
    )
    session.flush()


def free_from(session: Session, member_id: int, instant: datetime) -> datetime:
    """Return when time given once begins: at the instant, or at the end of the time that is paid for already.

    Locks the member, so that two payments at once stack up instead of covering the same months.
    """
    lock_time_of(session, [member_id])
    periods = queries.periods_of(session, member_id)
    return max([instant, *(period.ends_at for period in periods if period.reversed_at is None)])


def lock_time_of(session: Session, member_ids: Iterable[int]) -> None:
    """Let nobody else give these members time, or take it from them, until the transaction's end."""
    own = select(Member.id).where(Member.id.in_(set(member_ids))).order_by(Member.id)
    # Not against rows that refer to a member: of two payments whose rows are written each would wait for the other.
    session.execute(own.with_for_update(key_share=True)).all()


def finish_event(session: Session, event_id: str | None, *, state: str = "done", now: datetime, why: str = "") -> None:
    """Note that an event has had its effect; safe to repeat."""
    if event_id is not None:
        session.execute(
            update(StripeEvent)
            .where(StripeEvent.stripe_id == event_id, StripeEvent.state == "new")
            .values(state=state, done_at=now, last_error=why)
            .execution_options(synchronize_session=False),
        )


def _newcomer(session: Session, attempt: CheckoutAttempt, email: str | None, now: datetime) -> int:
    member = Member(typed_email=_typed(email), language=attempt.language, created_at=now)
    session.add(member)
    session.flush()
    return member.id


def _typed(email: str | None) -> str | None:
    try:
        return normalise(email) if email else None
    except ValueError:  # paid all the same: the browser that paid is signed in, and can correct the address
        return None


def _keep_customer(session: Session, customer_id: str, account: str, member_id: int, now: datetime) -> None:
    values = {"stripe_id": customer_id, "account": account, "member_id": member_id, "created_at": now}
    known = insert_into(session, StripeCustomer).values(**values)
    session.execute(known.on_conflict_do_update(index_elements=[StripeCustomer.stripe_id], set_={"account": account}))
