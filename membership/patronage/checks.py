"""Checks of our own sums: what must never be found in the tables of money, each as one query for the ids that break it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from membership.patronage.entitlement import LIVE, RUNNING
from membership.patronage.models import (
    CheckoutAttempt,
    Gift,
    PaidPeriod,
    Payment,
    RefundOrder,
    SeatPoolEntry,
    StripeEvent,
    Subscription,
)

KNOWN_STATUSES = LIVE | {"canceled", "incomplete_expired"}
BACK = ("refund", "refund_failure", "dispute", "dispute_reversal")
BY_HAND = ("bank", "paypal", "cash")
# What is under way for a while is no fault yet.
DAY, WEEK = timedelta(days=1), timedelta(days=7)
MOST_IDS = 100

Ids = Select[Any]
Check = Callable[[datetime], Ids]


def findings(session: Session, *, at: datetime) -> dict[str, list[str]]:
    """Return the names of the checks that found something, each with the first ids, sorted."""
    found = {name: sorted(str(key) for key in session.scalars(check(at).limit(MOST_IDS))) for name, check in CHECKS.items()}
    return {name: ids for name, ids in found.items() if ids}


def _back_of_no_charge(_at: datetime) -> Ids:
    charge = aliased(Payment)
    orphan = select(Payment.reference).outerjoin(charge, _is_charge_of(charge))
    return orphan.where(Payment.kind.in_(BACK), charge.id.is_(None))


def _more_back_than_taken(_at: datetime) -> Ids:
    charge = aliased(Payment)
    both = select(charge.reference).join(Payment, and_(_is_charge_of(charge), Payment.kind.in_(BACK)))
    return both.group_by(charge.reference, charge.amount_minor).having(func.sum(Payment.amount_minor) + charge.amount_minor < 0)


def _back_in_another_currency(_at: datetime) -> Ids:
    charge = aliased(Payment)
    return select(Payment.reference).join(charge, _is_charge_of(charge)).where(Payment.currency != charge.currency)


def _charge_of_nothing(_at: datetime) -> Ids:
    return select(Payment.reference).where(
        Payment.source == "stripe", Payment.kind == "charge", Payment.attempt_id.is_(None), Payment.subscription_id.is_(None)
    )


def _fee_unknown(at: datetime) -> Ids:
    return select(Payment.reference).where(Payment.net_minor.is_(None), Payment.occurred_at < at - WEEK)


def _payment_and_subscription_differ(_at: datetime) -> Ids:
    joined = select(Payment.reference).join(Subscription, Subscription.stripe_id == Payment.subscription_id)
    return joined.where(Payment.member_id.is_distinct_from(Subscription.member_id))


def _two_live_subscriptions(at: datetime) -> Ids:
    live = select(Subscription.member_id).where(
        Subscription.status.in_(LIVE - {"incomplete"}),
        Subscription.cancel_at.is_(None),
        Subscription.member_id.is_not(None),
        Subscription.created_at < at - DAY,
    )
    return live.group_by(Subscription.member_id).having(func.count() > 1)


def _unknown_status(_at: datetime) -> Ids:
    return select(Subscription.stripe_id).where(Subscription.written > 0, Subscription.status.not_in(KNOWN_STATUSES))


def _running_and_never_paid(at: datetime) -> Ids:
    paid = select(PaidPeriod.id).where(PaidPeriod.subscription_id == Subscription.stripe_id).exists()
    old = Subscription.created_at < at - 2 * WEEK
    return select(Subscription.stripe_id).where(Subscription.status.in_(RUNNING), old, ~Subscription.is_paused, ~paid)


def _subscription_never_read(at: datetime) -> Ids:
    return select(Subscription.stripe_id).where(Subscription.written == 0, Subscription.created_at < at - DAY)


def _paid_and_no_payment(at: datetime) -> Ids:
    paid = select(Payment.id).where(Payment.attempt_id == CheckoutAttempt.id).exists()
    once = CheckoutAttempt.interval == "once"
    return select(CheckoutAttempt.id).where(once, CheckoutAttempt.paid_at < at - DAY, ~paid)


def _period_without_money(_at: datetime) -> Ids:
    """Single payments and transfers: the period bears the payment's own reference."""
    paid = select(Payment.id).where(Payment.reference == PaidPeriod.reference, _same_source()).exists()
    return select(PaidPeriod.reference).where(PaidPeriod.source.in_(("once", *BY_HAND)), ~paid)


def _money_back_and_period_stands(_at: datetime) -> Ids:
    charge = aliased(Payment)
    once = and_(PaidPeriod.source == "once", PaidPeriod.reference == charge.reference)
    both = select(charge.reference).join(Payment, and_(_is_charge_of(charge), Payment.kind.in_(BACK))).join(PaidPeriod, once)
    standing = both.where(PaidPeriod.reversed_at.is_(None), PaidPeriod.disputed_at.is_(None))
    return standing.group_by(charge.reference, charge.amount_minor).having(
        func.sum(Payment.amount_minor) + charge.amount_minor <= 0
    )


def _overlapping_periods(_at: datetime) -> Ids:
    other = aliased(PaidPeriod)
    same = and_(other.subscription_id == PaidPeriod.subscription_id, other.starts_at == PaidPeriod.starts_at)
    return select(PaidPeriod.reference).join(other, and_(same, other.id < PaidPeriod.id, other.ends_at == PaidPeriod.ends_at))


def _gift_and_period_differ(_at: datetime) -> Ids:
    # SQLite keeps an id without its hyphens.
    gift_id = func.replace(cast(Gift.id, String), "-", "")
    gave = and_(PaidPeriod.source == "gift", func.replace(PaidPeriod.reference, "-", "") == gift_id)
    both = select(Gift.id).outerjoin(PaidPeriod, gave).where(Gift.redeemed_at.is_not(None))
    return both.where(or_(PaidPeriod.id.is_(None), Gift.reversed_at.is_(None) != PaidPeriod.reversed_at.is_(None)))


def _pool_below_nothing(_at: datetime) -> Ids:
    total = select(func.coalesce(func.sum(SeatPoolEntry.months), 0)).where(SeatPoolEntry.reversed_at.is_(None)).scalar_subquery()
    return select(total).where(total < 0)


def _refund_not_carried_out(at: datetime) -> Ids:
    waiting = (RefundOrder.done_at.is_(None), RefundOrder.refused == "", RefundOrder.ordered_at < at - DAY)
    return select(RefundOrder.id).where(*waiting)


def _event_not_worked_on(at: datetime) -> Ids:
    return select(StripeEvent.stripe_id).where(StripeEvent.state == "new", StripeEvent.received_at < at - DAY)


def _is_charge_of(charge: type[Payment]) -> ColumnElement[bool]:
    return and_(charge.source == "stripe", charge.kind == "charge", charge.reference == Payment.charge_reference)


def _same_source() -> ColumnElement[bool]:
    return or_(and_(PaidPeriod.source == literal("once"), Payment.source == literal("stripe")), Payment.source == PaidPeriod.source)


CHECKS: Mapping[str, Check] = {
    "back_of_no_charge": _back_of_no_charge,
    "more_back_than_taken": _more_back_than_taken,
    "back_in_another_currency": _back_in_another_currency,
    "charge_of_nothing": _charge_of_nothing,
    "fee_unknown": _fee_unknown,
    "payment_and_subscription_differ": _payment_and_subscription_differ,
    "two_live_subscriptions": _two_live_subscriptions,
    "unknown_status": _unknown_status,
    "running_and_never_paid": _running_and_never_paid,
    "subscription_never_read": _subscription_never_read,
    "paid_and_no_payment": _paid_and_no_payment,
    "period_without_money": _period_without_money,
    "money_back_and_period_stands": _money_back_and_period_stands,
    "overlapping_periods": _overlapping_periods,
    "gift_and_period_differ": _gift_and_period_differ,
    "pool_below_nothing": _pool_below_nothing,
    "refund_not_carried_out": _refund_not_carried_out,
    "event_not_worked_on": _event_not_worked_on,
}
