"""Money as integers in the currency's smallest unit, with Stripe's knowledge of currencies without one."""

import re
from decimal import Decimal

# https://docs.stripe.com/currencies#zero-decimal
ZERO_DECIMAL = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split(),
)
MAX_MINOR = 99_999_999  # Stripe's own bound: eight digits


def exponent(currency: str) -> int:
    """Return how many decimal places this currency's amounts have at Stripe."""
    return 0 if currency.upper() in ZERO_DECIMAL else 2


def to_major(amount_minor: int, currency: str) -> Decimal:
    """Return the amount in whole units, exactly."""
    return Decimal(amount_minor).scaleb(-exponent(currency))


def parse_amount(text: str, currency: str) -> int:
    """Read an amount that a person typed ("7", "7.50", "7,50", "€7") into minor units.

    Raises ValueError for anything that is no positive amount, has too many decimals or is past Stripe's bound.
    """
    cleaned = re.sub(r"[\s\u00a0\u202f€$£¥₴]", "", text)
    match = re.fullmatch(r"(\d{1,9})(?:[.,](\d{1,2}))?", cleaned, flags=re.ASCII)
    if not match:
        raise ValueError("not an amount")
    places = exponent(currency)
    decimals = (match[2] or "").ljust(places, "0")
    if len(decimals) > places:
        raise ValueError("too many decimals")
    amount: int = int(match[1]) * 10**places + int(decimals or "0")
    if not 0 < amount <= MAX_MINOR:
        raise ValueError("out of range")
    return amount


def months_for(amount_minor: int, lowest_monthly_minor: int) -> int:
    """Return how many whole months a one-off amount makes somebody a patron: amount ÷ lowest monthly amount, at most 12."""
    return min(12, amount_minor // lowest_monthly_minor)
