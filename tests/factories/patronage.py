"""Plans, paid periods and subscriptions for tests."""

from datetime import datetime, timedelta
from itertools import count

from sqlalchemy.orm import Session

from membership.db import transaction
from membership.patronage import services
from membership.patronage.models import PaidPeriod, Plan, Subscription
from tests.conftest import NOW

_numbers = count(1)
MINIMUMS = {"month": 300, "year": 3000, "once": 300}
PRESETS = {"month": (300, 500, 1000), "year": (3000, 5000, 10000), "once": (1000, 2000, 5000)}


def make_plan(session: Session, *, currency: str = "eur", key: str = "main") -> Plan:
    """The newsroom's plan: from €3 a month, €30 a year, €3 once."""
    return services.ensure_plan(session, key=key, name="Support", currency=currency, minimums=MINIMUMS, presets=PRESETS, now=NOW)


def give_seat(
    session: Session,
    member_id: int,
    *,
    starts_at: datetime = NOW - timedelta(days=10),
    ends_at: datetime = NOW + timedelta(days=20),
) -> None:
    """Make somebody a patron for a time, by a free seat."""
    services.grant_free_seat(
        session,
        member_id=member_id,
        starts_at=starts_at,
        ends_at=ends_at,
        reference=f"seat-{next(_numbers)}",
        actor_id=None,
        now=NOW,
    )


def period(
    starts_in_days: float,
    ends_in_days: float,
    *,
    source: str = "subscription",
    subscription: str | None = "sub_1",
    reversed_in_days: float | None = None,
    disputed_in_days: float | None = None,
    member_id: int = 1,
) -> PaidPeriod:
    """A paid period around NOW, in no database."""
    return PaidPeriod(
        member_id=member_id,
        source=source,
        reference=f"in_{next(_numbers)}",
        subscription_id=subscription if source == "subscription" else None,
        starts_at=NOW + timedelta(days=starts_in_days),
        ends_at=NOW + timedelta(days=ends_in_days),
        reversed_at=None if reversed_in_days is None else NOW + timedelta(days=reversed_in_days),
        disputed_at=None if disputed_in_days is None else NOW + timedelta(days=disputed_in_days),
    )


def subscription(
    status: str,
    *,
    stripe_id: str = "sub_1",
    period_ends_in_days: float = 20,
    cancel_in_days: float | None = None,
    past_due_for_days: float | None = None,
    member_id: int = 1,
    **more: object,
) -> Subscription:
    """The projection of a subscription, in no database."""
    return Subscription(
        stripe_id=stripe_id,
        member_id=member_id,
        status=status,
        amount_minor=500,
        currency="eur",
        interval="month",
        current_period_end=NOW + timedelta(days=period_ends_in_days),
        cancel_at=None if cancel_in_days is None else NOW + timedelta(days=cancel_in_days),
        past_due_since=None if past_due_for_days is None else NOW - timedelta(days=past_due_for_days),
        created_at=NOW - timedelta(days=100),
        **more,
    )


def store(session: Session, *rows: PaidPeriod | Subscription) -> None:
    """Write rows, subscriptions first."""
    with transaction(session):
        for row in sorted(rows, key=lambda row: isinstance(row, PaidPeriod)):
            session.add(row)
            session.flush()
