"""What must be true of our books at a quiet point, held against Stripe's truth."""

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.patronage.models import Payment, RefundOrder, Subscription
from tests.proofs.money_truth import Truth


def hold_books(session: Session, truth: Truth) -> None:
    """Every subscription is known as it is, every charge adds up, nobody pays twice, each refund order was carried out once."""
    _no_subscription_is_missing(session, truth)
    _every_charge_adds_up(session, truth)
    _nobody_pays_twice(session, truth)
    _each_refund_was_made_once(session, truth)


def _no_subscription_is_missing(session: Session, truth: Truth) -> None:
    statuses = {row.stripe_id: row.status for row in session.scalars(select(Subscription))}
    assert statuses == {key: support.status for key, support in truth.supports.items() if key in statuses}
    begun = {key for key, support in truth.supports.items() if support.status not in ("incomplete", "incomplete_expired")}
    assert begun <= statuses.keys()


def _every_charge_adds_up(session: Session, truth: Truth) -> None:
    of_charge = func.coalesce(Payment.charge_reference, Payment.reference)
    rows = session.execute(select(of_charge, func.sum(Payment.amount_minor)).group_by(of_charge))
    assert dict(rows.all()) == dict(truth.left_of_charge)


def _nobody_pays_twice(session: Session, truth: Truth) -> None:
    owners = {row.stripe_id: row.member_id for row in session.scalars(select(Subscription))}
    taking = Counter(owners[key] for key, support in truth.supports.items() if support.takes_money and owners.get(key))
    assert [member for member, many in taking.items() if many > 1] == []


def _each_refund_was_made_once(session: Session, truth: Truth) -> None:
    done = {str(order.id) for order in session.scalars(select(RefundOrder)) if order.stripe_refund_id}
    assert [order for order, many in Counter(truth.refund_orders).items() if many > 1] == []
    assert done == set(truth.refund_orders)
