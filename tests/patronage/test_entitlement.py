"""The table of who may vote, row by row, and of whose ballot counts."""

from datetime import timedelta

import pytest

from membership.patronage.entitlement import Standing, counts_at_check, standing
from membership.patronage.models import PaidPeriod, Subscription
from tests.conftest import NOW
from tests.factories.patronage import period, subscription


def in_days(days: float) -> object:
    return NOW + timedelta(days=days)


@pytest.mark.parametrize(
    ("periods", "subscriptions", "expected"),
    [
        pytest.param([], [], Standing(False, "never"), id="never a patron"),
        pytest.param(
            [period(-10, 20)], [subscription("active")], Standing(True, "patron", in_days(20)), id="a paid month covers it"
        ),
        pytest.param(
            [period(0, 20)], [subscription("active")], Standing(True, "patron", in_days(20)), id="from its first instant on"
        ),
        pytest.param(
            [period(-30, 0)], [subscription("canceled")], Standing(False, "ended", in_days(0)), id="its end belongs to it no more"
        ),
        pytest.param(
            [period(-30, 0)],
            [subscription("active", period_ends_in_days=0)],
            Standing(True, "patron", in_days(3)),
            id="the renewal is being collected",
        ),
        pytest.param(
            [period(-30, -4)],
            [subscription("active", period_ends_in_days=-4)],
            Standing(False, "ended", in_days(-4)),
            id="no word of the renewal for days",
        ),
        pytest.param(
            [period(-60, -30)],
            [subscription("active", period_ends_in_days=20)],
            Standing(False, "ended", in_days(-30)),
            id="Stripe goes on and collects nothing",
        ),
        pytest.param(
            [period(-10, 20)],
            [subscription("active", cancel_in_days=20)],
            Standing(True, "cancelling", in_days(20)),
            id="stopping, until its end",
        ),
        pytest.param(
            [period(-40, -10)],
            [subscription("active", cancel_in_days=-10, period_ends_in_days=20)],
            Standing(False, "ended", in_days(-10)),
            id="stopped, and the day is past",
        ),
        pytest.param(
            [period(-40, -10)],
            [subscription("past_due", past_due_for_days=10)],
            Standing(True, "grace", in_days(4)),
            id="past due within fourteen days",
        ),
        pytest.param(
            [period(-45, -14)],
            [subscription("past_due", past_due_for_days=14)],
            Standing(False, "payment_failed"),
            id="past due for fourteen days",
        ),
        pytest.param([], [subscription("incomplete")], Standing(True, "pending"), id="first payment pending"),
        pytest.param([], [subscription("active")], Standing(True, "pending"), id="a delayed method has not paid yet"),
        pytest.param([], [subscription("incomplete_expired")], Standing(False, "payment_failed"), id="the first payment failed"),
        pytest.param(
            [period(-10, 20, reversed_in_days=-1)],
            [subscription("active")],
            Standing(False, "refunded"),
            id="given back in full",
        ),
        pytest.param(
            [period(-10, 20, reversed_in_days=1)],
            [subscription("active")],
            Standing(True, "patron", in_days(20)),
            id="given back later than this instant",
        ),
        pytest.param(
            [period(-10, 20, reversed_in_days=-1), period(-5, 25, source="once")],
            [subscription("canceled")],
            Standing(True, "patron", in_days(25)),
            id="one given back, another one stands",
        ),
        pytest.param([period(-40, -10)], [subscription("paused")], Standing(False, "paused"), id="paused by choice"),
        pytest.param([period(-40, -10)], [subscription("unpaid")], Standing(False, "ended", in_days(-10)), id="unpaid"),
        pytest.param(
            [period(-10, 20)], [subscription("canceled")], Standing(True, "cancelling", in_days(20)), id="ended, but paid for"
        ),
        pytest.param(
            [period(-40, -10)],
            [subscription("frozen_by_moonlight")],
            Standing(False, "ended", in_days(-10)),
            id="a status unheard of",
        ),
        pytest.param([], [subscription("unknown")], Standing(False, "never"), id="claimed, and not written yet"),
        pytest.param([period(-10, 20, source="free_seat")], [], Standing(True, "patron", in_days(20)), id="a free seat"),
        pytest.param([period(-40, -10, source="bank")], [], Standing(False, "ended", in_days(-10)), id="a transfer used up"),
        pytest.param(
            [period(-10, 20), period(20, 50, source="once")],
            [subscription("active")],
            Standing(True, "patron", in_days(50)),
            id="time that follows on is one stretch",
        ),
        pytest.param(
            [period(-10, 20), period(25, 50, source="once")],
            [subscription("active")],
            Standing(True, "patron", in_days(20)),
            id="a gap ends the stretch",
        ),
        pytest.param(
            [period(-10, 20), period(-5, 10, source="once")],
            [subscription("active", cancel_in_days=20)],
            Standing(True, "patron", in_days(20)),
            id="stopping, with a gift beside it",
        ),
    ],
)
def test_what_somebody_is(periods: list[PaidPeriod], subscriptions: list[Subscription], expected: Standing) -> None:
    assert standing(periods, subscriptions, at=NOW) == expected


def test_staff_do_not_vote_even_if_they_pay() -> None:
    assert standing([period(-10, 20)], [subscription("active")], is_staff=True, at=NOW) == Standing(False, "staff")


@pytest.mark.parametrize(
    ("periods", "subscriptions", "reason"),
    [
        pytest.param([period(-10, 20)], [subscription("active")], None, id="patron"),
        pytest.param([period(-30, -1)], [subscription("canceled")], None, id="ended after the ballot was cast"),
        pytest.param([period(-10, 20, reversed_in_days=-1)], [subscription("canceled")], "refunded", id="money came back"),
        pytest.param(
            [period(-10, 20, reversed_in_days=-1), period(-3, 27, source="once")],
            [subscription("canceled")],
            None,
            id="money came back, other money stands",
        ),
        pytest.param([], [subscription("incomplete")], "first_payment_failed", id="never arrived"),
        pytest.param([], [subscription("incomplete_expired")], "first_payment_failed", id="failed"),
        pytest.param([period(-40, -10)], [subscription("past_due", past_due_for_days=10)], None, id="in grace"),
        pytest.param([period(-40, -10)], [subscription("unpaid")], None, id="in grace then, given up since"),
        pytest.param([period(-40, -2)], [subscription("paused")], None, id="paused since"),
        pytest.param(
            [period(-90, -60, subscription="sub_old")],
            [subscription("incomplete_expired"), subscription("canceled", stripe_id="sub_old")],
            "first_payment_failed",
            id="paid long ago, failed now",
        ),
        pytest.param([], [], "not_a_patron", id="nothing at all"),
    ],
)
def test_whose_ballot_counts(periods: list[PaidPeriod], subscriptions: list[Subscription], reason: str | None) -> None:
    assert counts_at_check(periods, subscriptions, at=NOW, since=NOW - timedelta(days=7)) == reason


def test_a_ballot_cast_without_right_never_counts() -> None:
    assert counts_at_check([period(-10, 20)], [], cast_entitled=False, at=NOW) == "not_a_patron"
