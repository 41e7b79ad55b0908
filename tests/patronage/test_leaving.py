"""The rules of pausing, stopping and withdrawing."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from membership.patronage import leaving
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Subscription
from tests.conftest import NOW
from tests.factories.patronage import period, subscription

KYIV = ZoneInfo("Europe/Kyiv")
DAY = timedelta(days=1)


def running(interval: str, *, begun: datetime, next_payment: datetime) -> Subscription:
    return Subscription(stripe_id="sub_1", status="active", interval=interval, created_at=begun, current_period_end=next_payment)


@pytest.mark.parametrize(
    ("paid_days_ago", "withdrawn", "expected"),
    [
        pytest.param(None, False, False, id="never paid"),
        pytest.param(0, True, False, id="withdrawn already"),
        pytest.param(15, False, False, id="the day after the last"),
        pytest.param(14.99, False, True, id="the last day, to its end"),
        pytest.param(0, False, True, id="at once"),
    ],
)
def test_one_can_withdraw_until_the_fourteenth_day_is_over(paid_days_ago: float | None, withdrawn: bool, expected: bool) -> None:
    paid_at = None if paid_days_ago is None else NOW - timedelta(days=paid_days_ago)
    attempt = CheckoutAttempt(paid_at=paid_at, withdrawn_at=NOW if withdrawn else None)

    assert leaving.may_withdraw(attempt, NOW) is expected


@pytest.mark.parametrize(
    ("stopped", "periods", "expected"),
    [
        pytest.param(subscription("past_due"), [period(-10, 20)], True, id="a payment failed"),
        pytest.param(subscription("unpaid"), [], True, id="given up"),
        pytest.param(subscription("active"), [period(-40, -10)], True, id="paused beyond what is paid, or being renewed"),
        pytest.param(subscription("active"), [period(-10, 20, reversed_in_days=-1)], True, id="all given back"),
        pytest.param(subscription("active"), [], False, id="the first debit is on its way"),
        pytest.param(subscription("active", past_due_for_days=1), [period(-40, -1)], False, id="a later debit is on its way"),
        pytest.param(subscription("active"), [period(-10, 20)], False, id="paid"),
        pytest.param(subscription("active"), [period(-10, 20), period(-40, 40, source="once")], False, id="paid and given once"),
    ],
)
def test_a_support_ends_at_once_only_where_no_paid_time_is_left(
    stopped: Subscription, periods: list[PaidPeriod], expected: bool
) -> None:
    assert leaving.ends_at_once(stopped, periods, NOW) is expected


def test_the_pauses_on_offer_leave_out_one_two_or_three_months() -> None:
    monthly = running("month", begun=NOW - 31 * DAY, next_payment=NOW + 5 * DAY)

    days = leaving.pause_days(monthly, zone=KYIV, at=NOW)

    assert days == [date(2026, 4, 27), date(2026, 5, 27), date(2026, 6, 27)]


def test_a_pause_of_a_yearly_support_leaves_the_year_out_if_the_payment_is_near_enough() -> None:
    near = running("year", begun=NOW - 300 * DAY, next_payment=NOW + 65 * DAY)
    far = running("year", begun=NOW, next_payment=datetime(2027, 3, 22, 12, tzinfo=UTC))

    assert leaving.pause_days(near, zone=KYIV, at=NOW) == [date(2026, 5, 27)]
    assert leaving.first_payment_from(near, NOW + 66 * DAY) == datetime(2027, 5, 26, 12, tzinfo=UTC)
    assert leaving.pause_days(far, zone=KYIV, at=NOW) == []


@pytest.mark.parametrize(
    ("resumes", "expected"),
    [
        (datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 2, 28, 12, tzinfo=UTC)),
        (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, 12, tzinfo=UTC)),
        (datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 30, 12, tzinfo=UTC)),
    ],
)
def test_after_a_pause_the_old_day_of_the_month_holds(resumes: datetime, expected: datetime) -> None:
    begun = running("month", begun=datetime(2026, 1, 31, 12, tzinfo=UTC), next_payment=datetime(2026, 2, 28, 12, tzinfo=UTC))

    assert leaving.first_payment_from(begun, resumes) == expected


def test_a_day_begins_at_midnight_where_the_newsroom_is() -> None:
    assert leaving.beginning_of(date(2026, 4, 1), KYIV) == datetime(2026, 3, 31, 21, tzinfo=UTC)
