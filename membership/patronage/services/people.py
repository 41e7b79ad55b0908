"""What those who look after payments do for one person. Each act is audited; none touches a ballot."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.accounts.closures import is_closed
from membership.accounts.queries import get_member
from membership.db import release, transaction
from membership.errors import Conflict, NotFound
from membership.patronage import person, queries
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt, MemberNote, Subscription
from membership.patronage.services import stopping
from membership.patronage.services.syncing import sync_checkout, sync_subscription


def write_note(session: Session, *, member_id: int, text: str, author_id: int, now: datetime) -> None:
    """Keep what a treasurer has to remember about somebody's payments; raises NotFound, Conflict for a deleted account."""
    with transaction(session):
        get_member(session, member_id)
        if is_closed(session, member_id):
            raise Conflict("This account was deleted, so nothing is noted about it any more.")
        session.add(MemberNote(member_id=member_id, author_id=author_id, text=text, written_at=now))
        audit.record(session, act="person.noted", subject=("member", member_id), actor_id=author_id, now=now)


def ask_stripe_again(session: Session, gateway: Gateway, *, member_id: int, actor_id: int, now: datetime) -> int:
    """Bring everything that somebody pays by card up to date; return how many things were asked about. Raises Unavailable."""
    with transaction(session):
        get_member(session, member_id)
        audit.record(session, act="person.synced", subject=("member", member_id), actor_id=actor_id, now=now)
    subscriptions = [subscription.stripe_id for subscription in queries.subscriptions_of(session, member_id)]
    checkouts = _checkouts_without_subscription(session, member_id)
    release(session)
    for stripe_id in subscriptions:
        with suppress(NotFound):  # nothing is left of it there
            sync_subscription(session, gateway, stripe_id=stripe_id, now=now)
    for stripe_id in checkouts:
        with suppress(NotFound):
            sync_checkout(session, gateway, stripe_session_id=stripe_id, now=now)
    return len(subscriptions) + len(checkouts)


def stop_for_member(
    session: Session, gateway: Gateway, *, member_id: int, stripe_id: str, at_once: bool, reason: str, actor_id: int, now: datetime
) -> None:
    """End somebody's support, with the time that is paid for or at once; raises NotFound, Conflict, Unavailable."""
    with transaction(session):
        running = _own_subscription(session, member_id, stripe_id)
        if running.ended_at is not None:
            raise Conflict("This support has ended already.")
        act = "support.ended_by_staff" if at_once else "support.stopped_by_staff"
        audit.record(session, act=act, subject=("subscription", stripe_id), actor_id=actor_id, now=now, reason=reason)
    if at_once:
        stopping.end_support(session, gateway, stopping.fetch_support(session, gateway, stripe_id, now), now)
    else:
        stopping.stop_support(session, gateway, subscription_id=stripe_id, actor_id=actor_id, reason=reason, now=now)


def resend_receipt(session: Session, *, member_id: int, actor_id: int, now: datetime) -> None:
    """Send the newest receipt once more; pressed twice within a minute it goes once. Raises NotFound, Conflict (no address)."""
    with transaction(session):
        member = get_member(session, member_id)
        payment = person.last_payment_of(session, member_id)
        if payment is None:
            raise NotFound("There is no payment yet, so there is no receipt.")
        if member.email is None and member.typed_email is None:
            raise Conflict("We have no address of this person.")
        outbox.enqueue(
            session,
            kind="contribution" if payment.kind == "manual" else "welcome",
            key=f"receipt-again:{payment.id}:{now:%Y-%m-%dT%H:%M}",
            payload={"payment_id": payment.id},
            member_id=member_id,
            urgent=True,
            now=now,
        )
        audit.record(session, act="receipt.sent_again", subject=("member", member_id), actor_id=actor_id, now=now)


def record_export(session: Session, *, people: int, actor_id: int, now: datetime) -> None:
    """Write down that somebody took a list with addresses out."""
    with transaction(session):
        audit.record(session, act="people.exported", subject=("member", "list"), actor_id=actor_id, now=now, people=people)


def _own_subscription(session: Session, member_id: int, stripe_id: str) -> Subscription:
    found = session.get(Subscription, stripe_id, populate_existing=True)
    if found is None or found.member_id != member_id:
        raise NotFound("There is no such support.")
    return found


def _checkouts_without_subscription(session: Session, member_id: int) -> list[str]:
    """Return the sessions of what was given once, or is not known to have led anywhere."""
    led_to_one = select(Subscription.attempt_id).where(Subscription.attempt_id.is_not(None))
    own = select(CheckoutAttempt.stripe_session_id).where(
        CheckoutAttempt.member_id == member_id,
        CheckoutAttempt.stripe_session_id.is_not(None),
        CheckoutAttempt.id.not_in(led_to_one),
    )
    return [stripe_id for stripe_id in session.scalars(own.order_by(CheckoutAttempt.created_at)) if stripe_id]
