"""Money as integers in the currency's smallest unit, with Stripe's knowledge of currencies without one."""

import re
from decimal import Decimal

# https://docs.stripe.com/currencies#zero-decimal
ZERO_DECIMAL = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
# The same page: whole amounts only, and Stripe counts them in hundredths all the same.
WHOLE_ONLY = frozenset("ISK UGX".split())
# Three decimal places, of which Stripe wants the last to be 0: nobody asked for them, so they are refused rather than mis-sold.
UNSUPPORTED = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
# Whose sign it is: of some several currencies', the likeliest first.
SIGNS = {
    "€": ("eur",),
    "$": ("usd", "cad", "aud", "nzd", "sgd", "hkd", "mxn"),
    "£": ("gbp",),
    "₴": ("uah",),
    "¥": ("jpy", "cny"),
}
MAX_MINOR = 99_999_999  # Stripe's own bound: eight digits


def exponent(currency: str) -> int:
    """Return how many decimal places this currency's amounts have at Stripe."""
    return 0 if currency.upper() in ZERO_DECIMAL else 2


def takes_fractions(currency: str) -> bool:
    """Return whether an amount such as 7.50 exists in this currency."""
    return exponent(currency) > 0 and currency.upper() not in WHOLE_ONLY


def is_supported(currency: str) -> bool:
    """Return whether amounts of this currency are counted as Stripe counts them."""
    return currency.upper() not in UNSUPPORTED


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
    if len(decimals) > places or (int(decimals or "0") and not takes_fractions(currency)):
        raise ValueError("too many decimals")
    amount: int = int(match[1]) * 10**places + int(decimals or "0")
    if not 0 < amount <= MAX_MINOR:
        raise ValueError("out of range")
    return amount


def months_for(amount_minor: int, lowest_monthly_minor: int) -> int:
    """Return how many whole months a one-off amount makes somebody a patron: amount ÷ lowest monthly amount, at most 12."""
    return min(12, amount_minor // lowest_monthly_minor)
