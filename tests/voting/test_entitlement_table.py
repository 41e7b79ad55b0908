"""Who may vote and whose ballot counts: the table of docs, row by row, through the very services that take and check ballots.

Each case votes under one state of money and meets the check under another: may it send a ballot then, and does the one that it has
sent count?
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from membership.accounts.models import StaffRole
from membership.clock import FixedClock
from membership.db import transaction
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Payment, Subscription
from membership.patronage.queries import default_plan
from membership.voting import box, queries
from membership.voting.keys import RoundKeys
from membership.voting.voter import voter_of
from tests.conftest import NOW
from tests.factories.patronage import make_plan
from tests.factories.voting import cast, close_vote, make_member, open_vote

IN_A_DAY = NOW + timedelta(days=1)
Step = Callable[[Session, int], None]


def in_days(days: float) -> datetime:
    return NOW + timedelta(days=days)


def subscribed(status: str, **more: Any) -> Step:
    """A subscription in this status."""

    def write(session: Session, member_id: int) -> None:
        session.add(Subscription(stripe_id="sub_1", member_id=member_id, status=status, created_at=in_days(-60), **more))
        session.flush()

    return write


def paid(starts: float, ends: float, source: str = "subscription") -> Step:
    """Time that was paid for, in days from now."""

    def write(session: Session, member_id: int) -> None:
        of = "sub_1" if source == "subscription" else None
        dates = {"starts_at": in_days(starts), "ends_at": in_days(ends)}
        session.add(PaidPeriod(member_id=member_id, source=source, reference=f"{source} {starts}", subscription_id=of, **dates))
        session.flush()

    return write


def paying_once(**dates: datetime) -> Step:
    """A single payment by a method that takes days."""

    def write(session: Session, member_id: int) -> None:
        session.add(
            CheckoutAttempt(
                id=uuid4(), plan_id=default_plan(session).id, interval="once", amount_minor=900, currency="eur", language="en",
                browser_hash=b"b" * 32, member_id=member_id, created_at=NOW, completed_at=NOW, **dates,
            )
        )  # fmt: skip

    return write


def becomes(model: type, **values: Any) -> Step:
    """What is written already becomes something else."""

    def write(session: Session, member_id: int) -> None:
        session.execute(update(model).values(**values))

    return write


def gives_back_a_part(session: Session, member_id: int) -> None:
    """Part of the money goes back: a row in the books, and no mark on the time that it paid for."""
    session.add(
        Payment(
            kind="refund", source="stripe", reference="re_1", charge_reference="ch_1", member_id=member_id, amount_minor=-100,
            currency="eur", occurred_at=IN_A_DAY,
        )
    )  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What somebody is when they vote, what becomes of it by the next day, and what follows."""

    before: Sequence[Step]
    then: Sequence[Step] = field(default=())
    refused: str = ""  # what they are told if they want to send a ballot the next day
    reason: str | None = None  # why the ballot that they have sent is not counted
    wait_days: float = 1


MONTH = (subscribed("active"), paid(-10, 20))
REVERSED = becomes(PaidPeriod, reversed_at=IN_A_DAY)
DISPUTED = becomes(PaidPeriod, disputed_at=IN_A_DAY)
ROWS = {
    "a paid period covers it": Row(MONTH),
    "cancelling, until its end": Row((subscribed("active", cancel_at=in_days(20)), paid(-10, 20))),
    "cancelling, and its end came before the check": Row(
        (subscribed("active", cancel_at=in_days(2)), paid(-28, 2)), (becomes(Subscription, status="canceled"),), "ended",
        wait_days=3,
    ),
    "past due, in grace": Row((subscribed("past_due", past_due_since=in_days(-5)), paid(-35, -5))),
    "past due, and the grace is over": Row(
        (subscribed("past_due", past_due_since=in_days(-13)), paid(-43, -13)), refused="payment_failed", wait_days=2
    ),
    "money back after the ballot": Row(MONTH, (REVERSED,), "refunded", "refunded"),
    "a dispute is open": Row(MONTH, (DISPUTED,), "disputed", "refunded"),
    "a dispute was won before the check": Row(MONTH, (DISPUTED, becomes(PaidPeriod, disputed_at=None))),
    "a part was given back": Row(MONTH, (gives_back_a_part,)),
    "first payment pending, and it came": Row(
        (subscribed("incomplete"),), (becomes(Subscription, status="active"), paid(0, 30))
    ),
    "first payment pending, and it never came": Row((subscribed("incomplete"),), reason="first_payment_failed"),
    "first payment failed": Row(
        (subscribed("incomplete"),), (becomes(Subscription, status="incomplete_expired"),), "payment_failed", "first_payment_failed"
    ),
    "a debit takes its days, and it came": Row((subscribed("active"),), (paid(0, 30),)),
    "a debit takes its days, and it failed": Row(
        (subscribed("active"),), (becomes(Subscription, attention="declined"),), "payment_failed", "first_payment_failed"
    ),
    "a single payment takes its days, and it came": Row(
        (paying_once(),), (becomes(CheckoutAttempt, paid_at=IN_A_DAY), paid(0, 60, "once"))
    ),
    "a single payment takes its days, and it failed": Row(
        (paying_once(),), (becomes(CheckoutAttempt, failed_at=IN_A_DAY),), "payment_failed", "first_payment_failed"
    ),
    "paused by choice after the ballot": Row(
        (subscribed("active"), paid(-29, 1)), (becomes(Subscription, is_paused=True),), "paused", wait_days=2
    ),
    "canceled, and the paid time ran out": Row(
        (subscribed("active"), paid(-29, 1)), (becomes(Subscription, status="canceled"),), "ended", wait_days=2
    ),
    "unpaid": Row((subscribed("active"), paid(-29, 1)), (becomes(Subscription, status="unpaid"),), "ended", wait_days=2),
    "a gift is over": Row((paid(-29, 1, "gift"),), refused="ended", wait_days=2),
    "a free seat is over": Row((paid(-29, 1, "free_seat"),), refused="ended", wait_days=2),
    "given time is over": Row((paid(-29, 1, "comp"),), refused="ended", wait_days=2),
    "money back of one support, and another one stands": Row(
        (*MONTH, paid(-5, 25, "bank")),
        (lambda session, _: session.execute(update(PaidPeriod).where(PaidPeriod.source != "bank").values(reversed_at=IN_A_DAY)),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_who_voted_as_a_patron(session: Session, clock: FixedClock, keys: RoundKeys, row: Row) -> None:
    make_plan(session)
    member_id = make_member(session, clock=clock)
    write(session, member_id, row.before)
    round_ = open_vote(session, keys=keys, clock=clock)
    voting = voter_of(session, round_, member_id, keys=keys, at=clock.now())
    cast(session, round_, member_id, "water", keys=keys, clock=clock)

    write(session, member_id, row.then)
    clock.instant += timedelta(days=row.wait_days)
    later = voter_of(session, round_, member_id, keys=keys, at=clock.now())
    closed = close_vote(session, round_, clock=clock)
    found = box.report(session, closed, keys=keys, at=clock.now())

    assert (voting.refusal, voting.on_roll, later.refusal, later.has_voted) == ("", True, row.refused, True)
    assert (found.ballots, found.set_aside) == (1, {row.reason: 1} if row.reason else {})


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        pytest.param((), "never", id="never a patron"),
        pytest.param((subscribed("active", is_paused=True), paid(-40, -10)), "paused", id="paused"),
        pytest.param((subscribed("canceled"), paid(-40, -10)), "ended", id="ended"),
        pytest.param((paid(-40, -10, "gift"),), "ended", id="a gift that is over"),
        pytest.param((subscribed("incomplete_expired"),), "payment_failed", id="first payment failed"),
        pytest.param((*MONTH, becomes(PaidPeriod, reversed_at=NOW)), "refunded", id="fully refunded"),
        pytest.param((*MONTH, becomes(PaidPeriod, disputed_at=NOW)), "disputed", id="dispute open"),
        pytest.param(
            (*MONTH, lambda session, id_: session.add(StaffRole(member_id=id_, role="editor", granted_at=NOW))), "staff", id="staff"
        ),
    ],
)
def test_who_is_none_is_told_why_and_stands_on_no_list(
    session: Session, clock: FixedClock, keys: RoundKeys, steps: Sequence[Step], refused: str
) -> None:
    member_id = make_member(session, clock=clock)
    write(session, member_id, steps)
    round_ = open_vote(session, keys=keys, clock=clock)

    voter = voter_of(session, round_, member_id, keys=keys, at=clock.now())

    assert (voter.refusal, voter.may_vote, voter.tag, queries.roll_of(session, round_.id)) == (refused, False, None, [])


def write(session: Session, member_id: int, steps: Sequence[Step]) -> None:
    with transaction(session):
        for step in steps:
            step(session, member_id)
