"""Money in the stand-in: integer minor units, Stripe's fee, and how an amount reads."""

from membership.stripe_standin.errors import ApiError

ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
KNOWN = (
    ZERO_DECIMAL
    | THREE_DECIMAL
    | frozenset(
        "aed amd aud azn bam bgn brl cad chf czk dkk eur gbp gel hkd huf ils inr isk kzt mdl mkd mxn nok nzd pln ron rsd "
        "sek sgd try uah usd zar".split()
    )
)
SYMBOLS = {"eur": "€", "gbp": "£", "jpy": "¥", "uah": "₴", "usd": "$"}
LARGEST = 99_999_999
SMALLEST = 50


def checked_currency(currency: str, param: str) -> str:
    """Return the currency in lower case, or refuse one that the stand-in does not know."""
    lower = currency.lower()
    if lower not in KNOWN:
        raise ApiError(f"Invalid currency: {lower}.", param=param)
    return lower


def checked_amount(amount: int, param: str) -> int:
    """Return an amount that Stripe takes as a unit price."""
    if amount < 0:
        raise ApiError("Invalid non-negative integer", code="parameter_invalid_integer", param=param)
    if amount > LARGEST:
        raise ApiError(f"Amount must be no more than {LARGEST}", code="amount_too_large", param=param)
    return amount


def fee_of(amount: int) -> int:
    """Return 1.5 % + 25 minor units, the percentage rounded half up."""
    return (amount * 15 + 500) // 1000 + 25


def written(amount: int, currency: str) -> str:
    """Return an amount as people read it: 500 eur is €5.00, 500 jpy is ¥500."""
    places = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), 10**places)
    digits = f"{whole:,}" + (f".{part:0{places}d}" if places else "")
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{digits}" if symbol else f"{sign}{digits} {currency.upper()}"
