"""Amounts as people type them, and as integers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership import money


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "eur"),
        ("0", "eur"),
        ("0.00", "eur"),
        ("-5", "eur"),
        ("5.005", "eur"),
        ("5.", "eur"),
        (".5", "eur"),
        ("5,000.00", "eur"),
        ("1e3", "eur"),
        ("five", "eur"),
        ("٥", "eur"),
        ("1000000", "eur"),
        ("5.5", "jpy"),
        ("5.50", "ugx"),
        ("100000000", "jpy"),
        ("9" * 400, "eur"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"not an amount|decimals|range"):
        money.parse_amount(text, currency)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("7", "eur", 700),
        ("7.5", "eur", 750),
        ("7,50", "EUR", 750),
        ("€ 7", "eur", 700),
        ("1\u00a0000 ₴", "uah", 100_000),
        ("0.01", "usd", 1),
        ("999999.99", "eur", 99_999_999),
        ("500", "jpy", 500),
        ("¥1 000", "JPY", 1000),
        ("500", "ugx", 50_000),
        ("500.00", "isk", 50_000),
    ],
)
def test_an_amount_is_read_as_people_type_it(text: str, currency: str, minor: int) -> None:
    assert money.parse_amount(text, currency) == minor


@given(st.integers(1, money.MAX_MINOR), st.sampled_from(["eur", "usd", "uah", "jpy", "krw"]))
def test_every_amount_survives_being_written_and_read(minor: int, currency: str) -> None:
    assert money.parse_amount(str(money.to_major(minor, currency)), currency) == minor


@given(st.text(max_size=20), st.sampled_from(["eur", "jpy"]))
def test_any_text_is_an_amount_in_range_or_a_refusal(text: str, currency: str) -> None:
    try:
        amount = money.parse_amount(text, currency)
    except ValueError:
        return
    assert 0 < amount <= money.MAX_MINOR


def test_what_stripe_counts_in_thousandths_is_not_sold() -> None:
    assert [money.is_supported(code) for code in ("kwd", "BHD", "eur", "jpy", "uah")] == [False, False, True, True, True]


def test_major_units_are_exact() -> None:
    assert [money.to_major(467, "eur"), money.to_major(467, "jpy")] == [Decimal("4.67"), Decimal(467)]


@pytest.mark.parametrize(
    ("amount", "lowest", "months"), [(299, 300, 0), (300, 300, 1), (599, 300, 1), (2000, 300, 6), (99_999, 300, 12)]
)
def test_a_single_payment_is_worth_whole_months_twelve_at_most(amount: int, lowest: int, months: int) -> None:
    assert money.months_for(amount, lowest) == months
