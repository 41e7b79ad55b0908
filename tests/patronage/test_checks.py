"""Each check of our sums finds what it is for, and nothing in books that are in order."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.db import Base, transaction
from membership.patronage import services
from membership.patronage.checks import CHECKS, findings
from membership.patronage.models import (
    CheckoutAttempt,
    Gift,
    MoneyCheckRun,
    PaidPeriod,
    Payment,
    Plan,
    RefundOrder,
    SeatPoolEntry,
    StripeEvent,
    Subscription,
)
from tests.conftest import NOW
from tests.factories.accounts import make_member
from tests.factories.patronage import make_plan

Row = TypeVar("Row", bound=Base)
DAYS = timedelta(days=1)
ATTEMPT, GIFT_ATTEMPT, GIFT = uuid4(), uuid4(), uuid4()


def test_books_in_order_break_no_check(session: Session) -> None:
    sound_books(session)

    assert findings(session, at=NOW) == {}


@pytest.mark.parametrize("name", [name for name in CHECKS if name != "two_live_subscriptions"])
def test_a_check_finds_what_it_is_for(session: Session, name: str) -> None:
    member_id = sound_books(session)
    rows, found = BROKEN[name](member_id)
    plan_id = session.scalars(select(Plan.id)).one()
    add(session, *(changed(row, {"plan_id": plan_id}) if isinstance(row, CheckoutAttempt) else row for row in rows))

    assert findings(session, at=NOW).get(name) == [found]


def test_two_live_subscriptions_of_one_member_are_found_after_a_day(session: Session) -> None:
    member_id = sound_books(session)
    add(session, subscription("sub_2", member_id, created_at=NOW - 2 * DAYS))

    assert findings(session, at=NOW - 1.5 * DAYS) == {}
    assert findings(session, at=NOW) == {"two_live_subscriptions": [str(member_id)]}


def test_a_night_s_run_is_kept_and_made_once_a_day(session: Session) -> None:
    sound_books(session)
    add(session, charge("ch_lost"), MoneyCheckRun(at=NOW - 100 * DAYS, findings={}))

    runs = [services.check_money_daily(session, now=NOW + hours * timedelta(hours=1)) for hours in (0, 23, 24)]

    assert runs == [1, 0, 1]
    kept = session.execute(select(MoneyCheckRun.at, MoneyCheckRun.findings).order_by(MoneyCheckRun.at))
    assert [tuple(row) for row in kept] == [
        (NOW, {"charge_of_nothing": ["ch_lost"]}),
        (NOW + DAYS, {"charge_of_nothing": ["ch_lost"]}),
    ]


def sound_books(session: Session) -> int:
    """A member with a running subscription, a single payment given back in full, a gift redeemed and a pool; return who."""
    plan = make_plan(session)
    member_id = make_member(session).id
    add(session, attempt(ATTEMPT, plan.id, member_id), attempt(GIFT_ATTEMPT, plan.id, member_id, purpose="gift"))
    add(session, subscription("sub_1", member_id))
    add(
        session,
        charge("ch_1", member_id=member_id, subscription_id="sub_1"),
        charge("ch_once", member_id=member_id, attempt_id=ATTEMPT),
        back("re_1", "ch_once", -500),
        charge("ch_gift", member_id=member_id, attempt_id=GIFT_ATTEMPT),
        period(member_id, "subscription", "in_1", subscription_id="sub_1"),
        period(member_id, "once", "ch_once", reversed_at=NOW - DAYS),
        Gift(id=GIFT, attempt_id=GIFT_ATTEMPT, months=1, code_hash=b"1", created_at=NOW, redeemed_at=NOW, redeemed_by=member_id),
        period(member_id, "gift", str(GIFT)),
        SeatPoolEntry(months=3, reference="ch_pool", at=NOW),
    )
    return member_id


def attempt(key: UUID, plan_id: int | None, member_id: int, **values: object) -> CheckoutAttempt:
    """A paid attempt."""
    row = CheckoutAttempt(id=key, plan_id=plan_id, interval="once", amount_minor=500, currency="eur", language="en")
    row.browser_hash, row.member_id, row.created_at, row.paid_at = b"b", member_id, NOW - 9 * DAYS, NOW - 9 * DAYS
    return changed(row, values)


def subscription(stripe_id: str, member_id: int, **values: object) -> Subscription:
    """A running subscription that was read."""
    row = Subscription(stripe_id=stripe_id, member_id=member_id, status="active", created_at=NOW - 30 * DAYS, claim=1, written=1)
    return changed(row, values)


def charge(reference: str, **values: object) -> Payment:
    """A charge whose fee is known."""
    row = Payment(kind="charge", source="stripe", reference=reference, amount_minor=500, fee_minor=30, net_minor=470)
    row.currency, row.occurred_at = "eur", NOW - 9 * DAYS
    return changed(row, values)


def back(reference: str, of: str, amount_minor: int, **values: object) -> Payment:
    """Money that went back."""
    row = charge(reference, kind="refund", charge_reference=of, amount_minor=amount_minor, fee_minor=0, net_minor=amount_minor)
    return changed(row, values)


def period(member_id: int, source: str, reference: str, **values: object) -> PaidPeriod:
    """A month around now."""
    row = PaidPeriod(member_id=member_id, source=source, reference=reference, starts_at=NOW - 9 * DAYS, ends_at=NOW + 21 * DAYS)
    return changed(row, values)


def changed(row: Row, values: dict[str, object]) -> Row:
    """Return the row with these values."""
    for name, value in values.items():
        setattr(row, name, value)
    return row


def add(session: Session, *rows: Base) -> None:
    """Write rows, in this order."""
    with transaction(session):
        for row in rows:
            session.add(row)
            session.flush()


Broken = Callable[[int], tuple[list[Base], str]]
OTHER = UUID(int=7)
BROKEN: dict[str, Broken] = {
    "back_of_no_charge": lambda _: ([back("re_2", "ch_unknown", -100)], "re_2"),
    "more_back_than_taken": lambda _: ([back("re_2", "ch_1", -300), back("re_3", "ch_1", -300)], "ch_1"),
    "back_in_another_currency": lambda _: ([back("re_2", "ch_1", -100, currency="usd")], "re_2"),
    "charge_of_nothing": lambda _: ([charge("ch_2")], "ch_2"),
    "fee_unknown": lambda who: (
        [charge("ch_2", member_id=who, subscription_id="sub_1", fee_minor=None, net_minor=None)],
        "ch_2",
    ),
    "payment_and_subscription_differ": lambda _: ([charge("ch_2", subscription_id="sub_1")], "ch_2"),
    "unknown_status": lambda who: ([subscription("sub_2", who, status="dreaming")], "sub_2"),
    "running_and_never_paid": lambda who: ([subscription("sub_2", who)], "sub_2"),
    "subscription_never_read": lambda who: ([subscription("sub_2", who, written=0, status="unknown")], "sub_2"),
    "paid_and_no_payment": lambda who: ([attempt(OTHER, None, who)], str(OTHER)),
    "period_without_money": lambda who: ([period(who, "bank", "nothing")], "nothing"),
    "money_back_and_period_stands": lambda who: (
        [charge("ch_2", member_id=who, subscription_id="sub_1"), back("re_2", "ch_2", -500), period(who, "once", "ch_2")],
        "ch_2",
    ),
    "overlapping_periods": lambda who: ([period(who, "subscription", "in_2", subscription_id="sub_1")], "in_2"),
    "gift_and_period_differ": lambda who: (
        [attempt(OTHER, None, who, purpose="gift", paid_at=None), redeemed_gift(who)],
        str(OTHER),
    ),
    "pool_below_nothing": lambda _: ([SeatPoolEntry(months=-4, reference="seat", at=NOW)], "-1"),
    "refund_not_carried_out": lambda _: ([order()], str(OTHER)),
    "event_not_worked_on": lambda _: ([event()], "evt_1"),
}


def redeemed_gift(member_id: int) -> Gift:
    """A gift that gave nothing."""
    return Gift(id=OTHER, attempt_id=OTHER, months=1, code_hash=b"2", created_at=NOW, redeemed_at=NOW, redeemed_by=member_id)


def order() -> RefundOrder:
    """A refund that waits since two days."""
    return RefundOrder(id=OTHER, charge_reference="ch_1", cause="staff", ordered_at=NOW - 2 * DAYS)


def event() -> StripeEvent:
    """An event that waits since two days."""
    row = StripeEvent(stripe_id="evt_1", type="invoice.paid", created_at=NOW, received_at=NOW - 2 * DAYS, livemode=False)
    row.object_type, row.object_id = "invoice", "in_1"
    return row
