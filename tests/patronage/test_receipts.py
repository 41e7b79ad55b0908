"""Receipts: what a movement of money was for, until when, what went back, and what a year came to."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.errors import NotFound
from membership.patronage import receipts
from membership.patronage.models import CheckoutAttempt, Payment
from membership.patronage.receipts import Year
from tests.conftest import NOW
from tests.factories.accounts import make_member
from tests.factories.patronage import make_plan, period, store, subscription

KYIV = ZoneInfo("Europe/Kyiv")


def moved(reference: str, amount: int = 500, *, kind: str = "charge", at: datetime = NOW, **more: object) -> Payment:
    """A movement of money by card, of which the card company took 33 cents."""
    row = Payment(kind=kind, source="stripe", reference=reference, amount_minor=amount, currency="eur", occurred_at=at)
    row.fee_minor, row.net_minor = 33, amount - 33
    for name, value in more.items():
        setattr(row, name, value)
    return row


def bought(session: Session, purpose: str, number: int, member_id: int) -> UUID:
    """Store what somebody paid once for others."""
    plan = make_plan(session)
    attempt = CheckoutAttempt(
        id=UUID(int=number),
        plan_id=plan.id,
        purpose=purpose,
        interval="once",
        amount_minor=900,
        currency="eur",
        language="en",
        browser_hash=b"b" * 32,
        member_id=member_id,
        created_at=NOW,
    )
    with transaction(session):
        session.add(attempt)
    return UUID(int=number)


def test_somebody_elses_receipt_does_not_exist(session: Session) -> None:
    mine, other = make_member(session), make_member(session, "other@example.org")
    payment = moved("ch_1", member_id=other.id)
    with transaction(session):
        session.add(payment)

    for payment_id in (payment.id, 2**62):
        with pytest.raises(NotFound):
            receipts.get_receipt(session, mine.id, payment_id)


def test_each_movement_says_what_it_was_for_and_until_when(session: Session) -> None:
    member = make_member(session)
    day = timedelta(days=1)
    store(
        session,
        subscription("active", member_id=member.id),
        period(-31, 0, member_id=member.id),
        period(0, 365, member_id=member.id),  # changed to a year
    )
    with transaction(session):
        once = period(400, 460, source="once", member_id=member.id)
        bank = period(460, 520, source="bank", member_id=member.id)
        once.reference, bank.reference = "ch_once", "statement 7"
        session.add_all([once, bank])
    kinds = ("refund", "refund_failure", "dispute", "dispute_reversal")
    gone = {"refund": -500, "dispute": -500}
    rows = [
        moved("ch_month", subscription_id="sub_1", at=NOW - 30 * day),
        # Stripe may note the charge a moment before the time that it is for.
        moved("ch_year", subscription_id="sub_1", at=NOW - timedelta(seconds=5)),
        moved("ch_once", at=NOW + day),
        moved("ch_gift", at=NOW + 2 * day, attempt_id=bought(session, "gift", 1, member.id)),
        moved("ch_seats", at=NOW + 3 * day, attempt_id=bought(session, "seats", 2, member.id)),
        moved("statement 7", kind="manual", source="bank", at=NOW + 4 * day),
        *(moved(kind, gone.get(kind, 500), kind=kind, at=NOW + (5 + i) * day) for i, kind in enumerate(kinds)),
    ]
    with transaction(session):
        for row in rows:
            row.member_id = member.id
            session.add(row)

    found = receipts.receipts_of(session, member.id)

    assert [(each.about, each.until and (each.until - NOW).days) for each in reversed(found)] == [
        ("month", 0),
        ("year", 365),
        ("once", 460),
        ("gift", None),
        ("seats", None),
        ("bank", 520),
        *((kind, None) for kind in kinds),
    ]
    assert [receipts.get_receipt(session, member.id, each.payment.id) for each in found] == found


def test_what_went_back_belongs_to_its_payment(session: Session) -> None:
    member = make_member(session)
    paid = moved("ch_1", member_id=member.id)
    back = moved("re_1", -200, kind="refund", charge_reference="ch_1", member_id=member.id)
    with transaction(session):
        session.add_all([paid, back, moved("re_2", -100, kind="refund", charge_reference="ch_2", member_id=member.id)])

    assert receipts.moved_back(session, member.id, paid) == [back]
    assert receipts.find_charge_of(session, member.id, back) is paid


def test_years_are_those_of_the_newsrooms_calendar() -> None:
    new_year_in_kyiv = datetime(2025, 12, 31, 23, tzinfo=NOW.tzinfo)
    rows = [
        moved("ch_1", 1000, at=new_year_in_kyiv),
        moved("re_1", -400, kind="refund", at=NOW),
        moved("ch_2", 500, at=new_year_in_kyiv - timedelta(hours=2)),
        moved("ch_3", 700, at=NOW, fee_minor=None, net_minor=None, currency="uah"),
    ]

    assert receipts.years_of(rows, zone=KYIV) == [
        Year(2026, "eur", 1000, -400, 66, 534),
        Year(2026, "uah", 700, 0, None, None),
        Year(2025, "eur", 500, 0, 33, 467),
    ]
