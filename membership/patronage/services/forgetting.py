"""What is deleted or emptied when its time is over. Each is drawn from state and safe to repeat."""

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session

from membership import audit
from membership.db import transaction
from membership.patronage.models import BankImport, BankTransfer, CheckoutAttempt, Gift, Payment, StripeEvent, Subscription

# Stripe repeats an event for some days and lets us ask for those of a month.
KEEP_EVENTS = timedelta(days=365)
KEEP_ATTEMPTS = timedelta(days=90)
KEEP_WAITING_TRANSFERS = timedelta(days=365)


def forget_events(session: Session, *, now: datetime) -> int:
    """Delete what Stripe told us and what has had its effect long ago; return how many."""
    with transaction(session):
        old = delete(StripeEvent).where(StripeEvent.state != "new", StripeEvent.received_at < now - KEEP_EVENTS)
        return len(session.execute(old.returning(StripeEvent.stripe_id)).all())


def forget_attempts(session: Session, *, now: datetime) -> int:
    """Delete tries to pay that led to nothing, and of the others forget the browser and Stripe's page; return how many."""
    old = CheckoutAttempt.created_at < now - KEEP_ATTEMPTS
    own = CheckoutAttempt.id
    led_somewhere = or_(
        exists().where(Subscription.attempt_id == own),
        exists().where(Payment.attempt_id == own),
        exists().where(Gift.attempt_id == own),
    )
    known = or_(CheckoutAttempt.browser_hash != b"", CheckoutAttempt.stripe_session_url.is_not(None))
    led_nowhere = CheckoutAttempt.completed_at.is_(None) & ~led_somewhere
    with transaction(session):
        # In one order, as others lock several of them.
        session.execute(select(own).where(old, led_nowhere | known).order_by(own).with_for_update()).all()
        gone = delete(CheckoutAttempt).where(old, led_nowhere)
        deleted = session.execute(gone.returning(own).execution_options(synchronize_session=False)).all()
        emptied = update(CheckoutAttempt).where(old, known).values(browser_hash=b"", stripe_session_url=None)
        left = session.execute(emptied.returning(own).execution_options(synchronize_session=False)).all()
    return len(deleted) + len(left)


def forget_waiting_transfers(session: Session, *, now: datetime) -> int:
    """Put transfers away whose payer nobody has found within a year, name and text included; return how many."""
    # By when the statement was read: who enters old books has a year to look at them.
    read_long_ago = select(BankImport.id).where(BankImport.imported_at < now - KEEP_WAITING_TRANSFERS)
    old = select(BankTransfer).where(BankTransfer.state == "waiting", BankTransfer.import_id.in_(read_long_ago))
    with transaction(session):
        locked = old.order_by(BankTransfer.id).with_for_update().execution_options(populate_existing=True)
        rows = session.scalars(locked).all()
        for row in rows:
            row.state, row.payer, row.text, row.decided_at = "dismissed", "", "", now
            subject = ("bank_transfer", row.id)
            audit.record(session, act="transfer.forgotten", subject=subject, actor_id=None, now=now)
    return len(rows)
