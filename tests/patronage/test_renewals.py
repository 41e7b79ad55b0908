"""The next payment, whether its card lasts, and who is told before it."""

from datetime import date, timedelta

import pytest

from membership.patronage.models import Subscription
from membership.patronage.renewals import card_expires_first, is_to_be_told, next_payment
from tests.conftest import NOW
from tests.factories.patronage import subscription


def yearly(days: float, status: str = "active", **more: object) -> Subscription:
    """A yearly support that renews in so many days."""
    row = subscription(status, period_ends_in_days=days, **more)
    row.interval = "year"
    return row


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(yearly(10, cancel_in_days=10), id="stopping"),
        pytest.param(yearly(10, "past_due"), id="overdue"),
        pytest.param(yearly(10, "canceled"), id="ended"),
        pytest.param(yearly(10, is_paused=True), id="paused for good"),
        pytest.param(yearly(10, is_paused=True, resumes_at=NOW + timedelta(days=11)), id="paused past the day"),
        pytest.param(yearly(14.01), id="too early"),
        pytest.param(yearly(-0.01), id="already due"),
        pytest.param(subscription("active", period_ends_in_days=10), id="monthly"),
        pytest.param(subscription("active", period_ends_in_days=10, card_expires=date(2026, 4, 1)), id="a card that lasts"),
        pytest.param(subscription("active", period_ends_in_days=20, card_expires=date(2026, 3, 31)), id="a card with time"),
    ],
)
def test_who_is_not_told(row: Subscription) -> None:
    assert not is_to_be_told(row, NOW)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(yearly(14), id="two weeks ahead"),
        pytest.param(yearly(0.01), id="late"),
        pytest.param(yearly(10, is_paused=True, resumes_at=NOW + timedelta(days=5)), id="paused until before"),
        pytest.param(
            subscription("active", period_ends_in_days=10, card_expires=date(2026, 3, 31)), id="a card that does not last"
        ),
    ],
)
def test_who_is_told(row: Subscription) -> None:
    assert is_to_be_told(row, NOW)


def test_a_pause_moves_the_next_payment() -> None:
    row = subscription("active", is_paused=True, resumes_at=NOW + timedelta(days=40))

    assert next_payment(row, NOW) == NOW.replace(month=5, day=11)


def test_a_bank_account_never_expires() -> None:
    assert not card_expires_first(subscription("active"), NOW)
