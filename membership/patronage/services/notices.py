"""The mails that money causes: one row in the outbox for each cause. Steps of the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from membership import outbox
from membership.patronage.models import Payment, Subscription
from membership.patronage.shapes import SubscriptionFacts


def about_payment(session: Session, payment: Payment, *, is_own_membership: bool, now: datetime) -> None:
    """Tell a payer what came in or goes back, and staff what could not go back; the row has its id."""
    payload = {"payment_id": payment.id}
    if payment.kind == "refund_failure":
        outbox.enqueue(session, kind="refund_failed", key=f"refund-failed:{payment.reference}", payload=payload, now=now)
    if payment.member_id is None:
        return
    if payment.kind == "charge" and is_own_membership:
        _to_member(session, "welcome", f"welcome:{payment.reference}", payload, payment.member_id, now, urgent=True)
    elif payment.kind == "refund":
        _to_member(session, "refunded", f"refunded:{payment.reference}", payload, payment.member_id, now)


def about_dispute(session: Session, dispute_id: str, *, now: datetime) -> None:
    """Alert staff: an answer has a deadline."""
    outbox.enqueue(session, kind="dispute_opened", key=f"dispute:{dispute_id}", payload={"dispute_id": dispute_id}, now=now)


def about_subscription(session: Session, facts: SubscriptionFacts, row: Subscription, *, now: datetime) -> None:
    """Tell a payer that a payment failed, once for each bill and cause, or that the support has ended over it."""
    if row.member_id is None:
        return
    payload = {"subscription_id": facts.id}
    bill = facts.open_invoice or (facts.invoices[0] if facts.invoices else None)
    if facts.attention and bill and facts.status not in ("incomplete", "unpaid"):
        about = payload | {"invoice_id": bill.id, "attention": facts.attention}
        _to_member(session, "payment_failed", f"payment-failed:{bill.id}:{facts.attention}", about, row.member_id, now)
    if _has_ended_unpaid(facts):
        _to_member(session, "support_ended", f"support-ended:{facts.id}", payload, row.member_id, now)


def _has_ended_unpaid(facts: SubscriptionFacts) -> bool:
    """Tell whether Stripe gave up collecting; who stops of their own will is told by the page that they stop on."""
    if facts.status == "canceled":
        return facts.ended_by == "payment_failed"
    return facts.status in ("unpaid", "incomplete_expired")


def _to_member(
    session: Session, kind: str, key: str, payload: Mapping[str, object], member_id: int, now: datetime, *, urgent: bool = False
) -> None:
    outbox.enqueue(session, kind=kind, key=key, payload=payload, member_id=member_id, urgent=urgent, now=now)
