"""The mails about what a patron has changed, whoever asked Stripe for it. Steps of the transaction that writes Stripe's answer."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from membership import outbox
from membership.patronage.entitlement import LIVE
from membership.patronage.models import CheckoutAttempt, DuplicateSubscription, Subscription
from membership.patronage.shapes import SubscriptionFacts


@dataclass(frozen=True)
class Terms:
    """What a support was before an answer of Stripe's was written."""

    was_known: bool
    is_live: bool
    is_stopping: bool
    paused_until: datetime | None
    price: tuple[int, str]


def terms_of(row: Subscription) -> Terms:
    """Return what a support is now."""
    return Terms(
        was_known=row.written > 0,
        is_live=row.status in LIVE,
        is_stopping=row.cancel_at is not None,
        paused_until=row.resumes_at if row.is_paused else None,
        price=(row.amount_minor, row.interval),
    )


def tell_changes(session: Session, before: Terms, facts: SubscriptionFacts, row: Subscription, *, now: datetime) -> None:
    """Write to a payer about a stop, a pause or another amount, once for each time that it changed."""
    if row.member_id is None or not before.was_known:
        return
    after = terms_of(row)
    kinds = {
        "stopped": after.is_live and after.is_stopping and not before.is_stopping,
        "paused": after.is_live and after.paused_until is not None and after.paused_until != before.paused_until,
        "amount_changed": after.is_live and after.price != before.price,
    }
    for kind, has_changed in kinds.items():
        if has_changed:
            _tell(session, kind, row, str(row.written), now)
    if before.is_live and not before.is_stopping and _ended_by_wish(session, facts, row):
        _tell(session, "stopped", row, "ended", now)


def _ended_by_wish(session: Session, facts: SubscriptionFacts, row: Subscription) -> bool:
    """Tell whether somebody ended it at once; a withdrawal and one of two that ran have mails of their own."""
    if facts.status != "canceled" or facts.ended_by == "payment_failed":
        return False
    attempt = session.get(CheckoutAttempt, row.attempt_id) if row.attempt_id else None
    is_withdrawn = attempt is not None and attempt.withdrawn_at is not None
    return not is_withdrawn and session.get(DuplicateSubscription, row.stripe_id) is None


def _tell(session: Session, kind: str, row: Subscription, which: str, now: datetime) -> None:
    outbox.enqueue(
        session,
        kind=kind,
        key=f"{kind}:{row.stripe_id}:{which}",
        payload={"subscription_id": row.stripe_id},
        member_id=row.member_id,
        now=now,
    )
