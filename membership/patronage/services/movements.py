"""Money that moved, row by row under Stripe's own ids; nothing of it is ever deleted. Steps of the caller's transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.db import insert_into
from membership.patronage.models import CheckoutAttempt, DeclinedCharge, Dispute, Payment
from membership.patronage.services import notices
from membership.patronage.services.ledger import STRIPE
from membership.patronage.shapes import Booking, Charge, DisputeFacts, bookings_of


@dataclass(frozen=True)
class Owner:
    """Whose money it is, and what it came of; member_id is None where nobody is known, or any more."""

    member_id: int | None
    attempt: CheckoutAttempt | None
    subscription_id: str | None = None
    is_closed: bool = False  # the account was deleted


def record_charges(session: Session, charges: Sequence[Charge], owner: Owner, *, now: datetime) -> None:
    """Keep charges and all that went back of them; a movement that is known only learns its fee and its owner.

    What is known is read once, however long somebody has paid.
    """
    wanted = [(charge, booking) for charge in charges for booking in bookings_of(charge)]
    known = _known(session, [booking.reference for _, booking in wanted])
    arrived = []
    # Of nobody, and of somebody whose account was deleted, nothing is kept that only an account's end would empty.
    may_keep_card = owner.member_id is not None and not owner.is_closed
    for charge, booking in wanted:
        payment = known.get(booking.reference)
        if payment is None:
            payment = _payment(charge, booking, owner)
            session.add(payment)
            arrived.append(payment)
        elif payment.member_id is None and owner.member_id is not None:
            payment.member_id = owner.member_id
            arrived.append(payment)
        if may_keep_card and payment.reference == charge.id:
            payment.card_fingerprint = charge.card_fingerprint
        if booking.fee_minor is not None:
            payment.fee_minor, payment.net_minor = booking.fee_minor, booking.amount_minor - booking.fee_minor
    if arrived:
        session.flush()
    is_own = owner.attempt is None or owner.attempt.purpose == "membership"
    for payment in arrived:
        notices.about_payment(session, payment, is_own_membership=is_own, now=now)
    for charge in charges:
        for dispute in charge.disputes:
            _record_dispute(session, dispute, charge, owner, now)


def record_declined(session: Session, charges: Iterable[Charge], owner: Owner) -> None:
    """Keep the tries that took nothing, for who looks into why; of strangers who tried a card there is nothing to keep."""
    if owner.member_id is None and owner.subscription_id is None:
        return
    rows = [
        {
            "stripe_id": charge.id,
            "member_id": owner.member_id,
            "subscription_id": owner.subscription_id,
            "amount_minor": charge.amount_minor,
            "currency": charge.currency,
            "code": charge.decline_code,
            "occurred_at": charge.created_at,
        }
        for charge in charges
    ]
    if rows:
        insert = insert_into(session, DeclinedCharge).values(rows)
        learned = {"member_id": func.coalesce(DeclinedCharge.member_id, insert.excluded.member_id)}
        session.execute(insert.on_conflict_do_update(index_elements=[DeclinedCharge.stripe_id], set_=learned))


def _known(session: Session, references: Sequence[str]) -> dict[str, Payment]:
    if not references:
        return {}
    rows = select(Payment).where(Payment.source == STRIPE, Payment.reference.in_(references))
    return {payment.reference: payment for payment in session.scalars(rows.execution_options(populate_existing=True))}


def _payment(charge: Charge, booking: Booking, owner: Owner) -> Payment:
    attempt = owner.attempt
    return Payment(
        kind=booking.kind,
        source=STRIPE,
        reference=booking.reference,
        charge_reference=charge.id if booking.reference != charge.id else None,
        member_id=owner.member_id,
        subscription_id=owner.subscription_id,
        attempt_id=attempt.id if attempt else None,
        article_id=attempt.article_id if attempt else None,
        amount_minor=booking.amount_minor,
        currency=charge.currency,
        occurred_at=booking.at,
    )


def _record_dispute(session: Session, dispute: DisputeFacts, charge: Charge, owner: Owner, now: datetime) -> None:
    row = session.get(Dispute, dispute.id, populate_existing=True)
    is_new = row is None
    row = row or Dispute(stripe_id=dispute.id, charge_reference=charge.id, opened_at=dispute.created_at)
    row.member_id = row.member_id or owner.member_id
    row.amount_minor, row.currency = dispute.amount_minor, dispute.currency
    row.status, row.reason, row.evidence_due_at = dispute.status, dispute.reason, dispute.evidence_due_at
    row.closed_at = (row.closed_at or now) if dispute.is_closed else None
    session.add(row)
    if is_new:
        notices.about_dispute(session, dispute.id, now=now)
