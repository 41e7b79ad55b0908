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
        pytest.param(
            [period(-10, 20, disputed_in_days=-1)], [subscription("active")], Standing(False, "disputed"), id="a dispute is open"
        ),
        pytest.param(
            [period(-10, 20, disputed_in_days=-1), period(-5, 25, source="bank")],
            [subscription("active")],
            Standing(True, "patron", in_days(25)),
            id="a dispute is open, and other money stands",
        ),
        pytest.param(
            [period(-10, 20, disputed_in_days=1)],
            [subscription("active")],
            Standing(True, "patron", in_days(20)),
            id="disputed later than this instant",
        ),
        pytest.param(
            [period(-10, 20)],
            [subscription("active", is_paused=True)],
            Standing(True, "patron", in_days(20)),
            id="paused, the time paid for still counts",
        ),
        pytest.param(
            [period(-30, -1)], [subscription("active", is_paused=True)], Standing(False, "paused"), id="paused, and that is over"
        ),
        pytest.param(
            [period(-30, -1)],
            [subscription("active", is_paused=True, resumes_at=NOW + timedelta(days=1))],
            Standing(False, "paused"),
            id="paused until tomorrow",
        ),
        pytest.param(
            [period(-30, -1)],
            [subscription("active", is_paused=True, resumes_at=NOW)],
            Standing(True, "patron", in_days(2)),
            id="the pause has ended by itself, and the renewal is being collected",
        ),
        pytest.param(
            [period(-30, -1)],
            [subscription("canceled", is_paused=True)],
            Standing(False, "ended", in_days(-1)),
            id="ended while it was paused",
        ),
        pytest.param(
            [period(-35, -5)],
            [subscription("active", past_due_for_days=5)],
            Standing(True, "patron", in_days(9)),
            id="a bank has the renewal and takes its days",
        ),
        pytest.param(
            [], [subscription("active", attention="declined")], Standing(False, "payment_failed"), id="a first debit did not come"
        ),
        pytest.param([], [subscription("past_due")], Standing(False, "payment_failed"), id="a first debit failed, past due"),
    ],
)
def test_what_somebody_is(periods: list[PaidPeriod], subscriptions: list[Subscription], expected: Standing) -> None:
    assert standing(periods, subscriptions, at=NOW) == expected


@pytest.mark.parametrize(
    ("once", "periods", "expected"),
    [
        ("pending", [], Standing(True, "pending")),
        ("pending", [period(-40, -10, source="once")], Standing(True, "pending")),
        ("pending", [period(-10, 20, source="bank")], Standing(True, "patron", in_days(20))),
        ("failed", [], Standing(False, "payment_failed")),
        ("failed", [period(-40, -10, source="once")], Standing(False, "ended", in_days(-10))),
    ],
)
def test_a_single_payment_that_takes_days(once: str, periods: list[PaidPeriod], expected: Standing) -> None:
    assert standing(periods, [], once=once, at=NOW) == expected


@pytest.mark.parametrize(
    ("periods", "subscriptions", "expected"),
    [
        pytest.param(
            [period(-40, -10)],
            [subscription("active")],
            Standing(True, "patron", in_days(20)),
            id="nobody can renew: thirty days more",
        ),
        pytest.param(
            [period(-40, -20)],
            [subscription("past_due", past_due_for_days=20)],
            Standing(True, "patron", in_days(10)),
            id="past due then",
        ),
        pytest.param(
            [period(-40, -10)],
            [subscription("canceled", ended_at=NOW - timedelta(days=2))],
            Standing(True, "patron", in_days(20)),
            id="Stripe has ended it since",
        ),
        pytest.param(
            [period(-40, -10)],
            [subscription("canceled", ended_at=NOW - timedelta(days=9))],
            Standing(False, "ended", in_days(-10)),
            id="it had ended before",
        ),
        pytest.param(
            [period(-40, -10)],
            [subscription("active", cancel_in_days=-10)],
            Standing(False, "ended", in_days(-10)),
            id="stopping then",
        ),
        pytest.param([period(-40, -10)], [subscription("active", is_paused=True)], Standing(False, "paused"), id="paused then"),
        pytest.param(
            [period(-70, -30)], [subscription("active")], Standing(False, "ended", in_days(-30)), id="the thirty days are over"
        ),
        pytest.param(
            [period(-40, -10, reversed_in_days=-9)],
            [subscription("active")],
            Standing(False, "ended", in_days(-10)),
            id="given back",
        ),
        pytest.param([period(-10, 20)], [subscription("active")], Standing(True, "patron", in_days(20)), id="paid for anyway"),
        pytest.param([period(-40, -10, source="bank")], [], Standing(False, "ended", in_days(-10)), id="never paid by Stripe"),
    ],
)
def test_while_stripe_is_closed_to_us(periods: list[PaidPeriod], subscriptions: list[Subscription], expected: Standing) -> None:
    assert standing(periods, subscriptions, stripe_closed_at=NOW - timedelta(days=5), at=NOW) == expected


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
        pytest.param([period(-10, 20, disputed_in_days=-1)], [subscription("active")], "refunded", id="in dispute"),
        pytest.param([period(-40, -10)], [subscription("active", past_due_for_days=10)], None, id="a bank takes its days"),
        pytest.param([], [subscription("active", attention="declined")], "first_payment_failed", id="a debit did not come"),
    ],
)
def test_whose_ballot_counts(periods: list[PaidPeriod], subscriptions: list[Subscription], reason: str | None) -> None:
    assert counts_at_check(periods, subscriptions, at=NOW, since=NOW - timedelta(days=7)) == reason


def test_a_ballot_cast_without_right_never_counts() -> None:
    assert counts_at_check([period(-10, 20)], [], cast_entitled=False, at=NOW) == "not_a_patron"


def test_a_ballot_of_a_single_payment_that_never_came_does_not_count() -> None:
    assert [counts_at_check([], [], once=once, at=NOW) for once in ("pending", "failed")] == ["first_payment_failed"] * 2


def test_a_ballot_cast_in_the_days_after_stripe_closed_counts() -> None:
    lapsed = [period(-60, -32)], [subscription("active")]
    since = NOW - timedelta(days=7)

    assert counts_at_check(*lapsed, at=NOW, since=since) == "first_payment_failed"
    assert counts_at_check(*lapsed, at=NOW, since=since, stripe_closed_at=NOW - timedelta(days=20)) is None
