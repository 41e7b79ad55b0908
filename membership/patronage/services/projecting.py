"""What Stripe answered becomes our projection of it: steps of the caller's transaction, the same for a webhook and a reconciler."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from membership.accounts.closures import is_closed
from membership.db import insert_into
from membership.money import months_for
from membership.patronage import queries
from membership.patronage.calendar import add_months
from membership.patronage.entitlement import LAPSED, LIVE, RUNNING
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Plan, Subscription
from membership.patronage.services import changes, gifts, ledger, notices, seats
from membership.patronage.services.movements import Owner, record_charges, record_declined
from membership.patronage.shapes import Charge, Checkout, SubscriptionFacts

log = structlog.get_logger()

# What became of an answer; SECOND: written, and its owner has another subscription that takes money.
WRITTEN, SECOND, OVERTAKEN, IGNORED = "written", "second", "overtaken", "ignored"
KNOWN_STATUSES = LIVE | {"canceled", "incomplete_expired"}
# A first bill that nobody paid makes nobody a member.
UNPAID = frozenset({"incomplete", "incomplete_expired"})
# Without a single paid bill: the first payment will not come by itself.
HOPELESS = frozenset({"past_due", "unpaid", "canceled", "incomplete_expired"})
SUBSCRIPTION, ONCE = "subscription", "once"


def remember_subscription(session: Session, stripe_id: str, attempt_id: UUID, *, now: datetime) -> CheckoutAttempt | None:
    """Make the row of a subscription that is ours, so that it can be claimed; return its attempt, locked. Safe to repeat.

    The attempt is locked first: the new row refers to it, and whoever holds the attempt may be about to make the same row.
    """
    attempt = ledger.lock_attempt(session, attempt_id)
    article_id = attempt.article_id if attempt else None
    values = {"stripe_id": stripe_id, "attempt_id": attempt_id, "article_id": article_id, "created_at": now}
    session.execute(insert_into(session, Subscription).values(**values).on_conflict_do_nothing())
    return attempt


def claim_subscription(session: Session, stripe_id: str) -> int | None:
    """Claim the next answer about a subscription, None for an unknown one; to be committed before Stripe is asked."""
    raised = update(Subscription).where(Subscription.stripe_id == stripe_id).values(claim=Subscription.claim + 1)
    return session.scalars(raised.returning(Subscription.claim).execution_options(synchronize_session=False)).first()


def claim_attempt(session: Session, attempt_id: UUID) -> int | None:
    """Claim the next answer about an attempt's session, None for an unknown one; to be committed before Stripe is asked."""
    raised = update(CheckoutAttempt).where(CheckoutAttempt.id == attempt_id).values(claim=CheckoutAttempt.claim + 1)
    return session.scalars(raised.returning(CheckoutAttempt.claim).execution_options(synchronize_session=False)).first()


def apply_subscription(
    session: Session, facts: SubscriptionFacts, *, claim: int, now: datetime, event_id: str | None = None
) -> str:
    """Write what Stripe answered about a subscription, unless the answer to a later claim is written; return which.

    The event that asked for it is done in the same transaction.
    """
    if facts.status not in KNOWN_STATUSES:
        log.error("stripe.unknown_status", subscription=facts.id, status=facts.status)
    ledger.finish_event(session, event_id, now=now)
    # Always the attempt before the subscription: two writers that lock in different order would wait for each other.
    attempt, row = ledger.lock_attempt_of(session, facts.id), _locked(session, facts.id)
    if row.written >= claim:
        return OVERTAKEN
    is_new = row.written == 0 or row.member_id is None
    _settle(session, attempt, facts, row, now)
    before = changes.terms_of(row)
    row.written, row.synced_at = claim, now
    _copy(facts, row)
    owner = Owner(row.member_id, attempt, row.stripe_id, is_closed=is_closed(session, row.member_id))
    record_charges(session, facts.charges, owner, now=now)
    if owner.is_closed:
        _forget_card(row)
    else:
        record_declined(session, facts.declined, owner)
    _write_periods(session, facts, row)
    notices.about_subscription(session, facts, row, now=now)
    changes.tell_changes(session, before, facts, row, now=now)
    return SECOND if is_new and _has_another(session, row) else WRITTEN


def apply_checkout(
    session: Session,
    attempt_id: UUID,
    checkout: Checkout,
    charges: Sequence[Charge],
    *,
    account: str,
    claim: int,
    now: datetime,
    event_id: str | None = None,
) -> str:
    """Write what Stripe answered about a single payment, unless the answer to a later claim is written; return which."""
    ledger.finish_event(session, event_id, now=now)
    attempt = ledger.lock_attempt(session, attempt_id)
    if attempt is None:
        return IGNORED
    if attempt.written >= claim:
        return OVERTAKEN
    attempt.written = claim
    ledger.note_session(attempt, checkout, now)
    if not checkout.is_complete:
        return WRITTEN
    member_id = ledger.settle_member(
        session, attempt, customer_id=checkout.customer_id, account=account, email=checkout.email, now=now
    )
    owner = Owner(member_id, attempt, is_closed=is_closed(session, member_id))
    record_charges(session, charges, owner, now=now)
    if not owner.is_closed:
        record_declined(session, (charge for charge in charges if charge.status == "failed"), owner)
    if checkout.payment_failed:
        ledger.fail(attempt, now)
    if checkout.is_paid:
        ledger.complete(attempt, paid=True, now=now)
        for charge in charges:
            if charge.status == "succeeded":
                _give(session, attempt, charge, now)
    return WRITTEN


def _settle(session: Session, attempt: CheckoutAttempt | None, facts: SubscriptionFacts, row: Subscription, now: datetime) -> None:
    """Find whose subscription it is, and note on its attempt whether the money came."""
    if attempt is None:
        return
    if facts.status not in UNPAID or row.member_id is not None:
        is_kept = (row.stripe_customer_id, row.account, row.member_id) == (facts.customer_id, facts.account, attempt.member_id)
        row.member_id = ledger.settle_member(
            session,
            attempt,
            customer_id=None if is_kept else facts.customer_id,
            account=facts.account,
            email=facts.email,
            now=now,
        )
    if facts.was_paid:
        ledger.complete(attempt, paid=True, now=now)
    elif facts.status in HOPELESS or (facts.status in RUNNING and facts.attention):
        ledger.fail(attempt, now)


def _copy(facts: SubscriptionFacts, row: Subscription) -> None:
    row.account, row.stripe_customer_id = facts.account, facts.customer_id
    row.status = facts.status
    row.amount_minor, row.currency, row.interval = facts.amount_minor, facts.currency, facts.interval
    row.current_period_end = facts.current_period_end
    row.cancel_at, row.ended_at = facts.cancel_at, facts.ended_at
    row.past_due_since = facts.past_due_since
    row.is_paused, row.resumes_at = facts.is_paused, facts.resumes_at
    row.attention, row.next_attempt_at = facts.attention, facts.next_attempt_at
    row.open_invoice_id, row.open_invoice_url = facts.open_invoice_id, facts.open_invoice_url
    row.card_brand = facts.card.brand if facts.card else ""
    row.card_last4 = facts.card.last4 if facts.card else ""
    row.card_expires = facts.card.expires if facts.card else None
    row.created_at = facts.created_at


def _forget_card(row: Subscription) -> None:
    """Keep nothing of what paid: its owner's account was deleted, and a late answer must not bring it back."""
    row.card_brand = row.card_last4 = ""
    row.card_expires = row.open_invoice_url = None


def _write_periods(session: Session, facts: SubscriptionFacts, row: Subscription) -> None:
    """Keep the time that paid bills give; of a known one only whether its money came back changes."""
    paid = {bill.id: bill for bill in facts.invoices if bill.status == "paid" and bill.period is not None}
    if not paid or row.member_id is None:
        return
    own = select(PaidPeriod).where(PaidPeriod.source == SUBSCRIPTION, PaidPeriod.reference.in_(paid))
    known = {period.reference: period for period in session.scalars(own.execution_options(populate_existing=True))}
    if paid.keys() - known.keys():
        ledger.lock_time_of(session, [row.member_id])  # what is given once meanwhile waits here, and comes after it
    for bill in paid.values():
        assert bill.period is not None
        period = known.get(bill.id)
        if period is None:
            period = PaidPeriod(member_id=row.member_id, source=SUBSCRIPTION, reference=bill.id, subscription_id=row.stripe_id)
            period.starts_at, period.ends_at = bill.period
            session.add(period)
        period.reversed_at, period.disputed_at = bill.given_back_at, bill.disputed_at


def _give(session: Session, attempt: CheckoutAttempt, charge: Charge, now: datetime) -> None:
    """Give what a single payment was for, or take it back with its money."""
    lowest = session.get_one(Plan, attempt.plan_id).minimum_month_minor
    months = months_for(charge.amount_minor, lowest)
    reversed_at, disputed_at = charge.given_back_at, charge.disputed_at
    if months == 0:
        return
    if attempt.purpose == "gift":
        gifts.make_gift(session, attempt=attempt, months=months, now=now)
        gifts.follow_gift_money(session, attempt_id=attempt.id, reversed_at=reversed_at, disputed_at=disputed_at)
    elif attempt.purpose == "seats":
        filled = charge.amount_minor // lowest
        seats.fill_pool(session, months=filled, reference=charge.id, now=now)
        seats.follow_pool_money(session, reference=charge.id, reversed_at=reversed_at or disputed_at)
    elif attempt.member_id is not None:
        _give_time(session, attempt.member_id, charge, months)


def _give_time(session: Session, member_id: int, charge: Charge, months: int) -> None:
    known = queries.find_period(session, source=ONCE, reference=charge.id)
    if known is not None:
        known.reversed_at, known.disputed_at = charge.given_back_at, charge.disputed_at
        return
    starts_at = ledger.free_from(session, member_id, charge.created_at)
    ledger.record_period(
        session,
        member_id=member_id,
        source=ONCE,
        reference=charge.id,
        period=(starts_at, add_months(starts_at, months)),
        reversed_at=charge.given_back_at,
        disputed_at=charge.disputed_at,
    )


def _has_another(session: Session, row: Subscription) -> bool:
    if row.member_id is None:
        return False
    other = exists().where(
        Subscription.member_id == row.member_id,
        Subscription.stripe_id != row.stripe_id,
        Subscription.status.in_(RUNNING | LAPSED),
    )
    return bool(session.scalar(select(other)))


def _locked(session: Session, stripe_id: str) -> Subscription:
    rows = select(Subscription).where(Subscription.stripe_id == stripe_id)
    return session.scalars(rows.with_for_update().execution_options(populate_existing=True)).one()
