"""Reading an amount that a person typed: in one place, in the words of the page."""

import re

from flask_babel import gettext as _

from membership.money import MAX_MINOR, SIGNS, parse_amount, takes_fractions
from membership.web.filters import money_text

WORDS = re.compile(r"(?<![^\W\d_])(?:eur|usd|gbp|uah|jpy|chf|pln|czk|sek|nok|dkk|cad|aud|грн)(?![^\W\d_])", re.IGNORECASE)
NAMES = {"грн": "uah"}


class BadAmount(ValueError):
    """What was typed can't be taken; the message says what to type instead."""


def read_typed_amount(text: str, *, currency: str, minimum_minor: int) -> int:
    """Return the minor units that somebody typed; raises BadAmount."""
    lowest = money_text(minimum_minor, currency)
    if _is_foreign(text, currency):
        raise BadAmount(
            _("We take %(currency)s only. Enter an amount of %(lowest)s or more.", currency=currency.upper(), lowest=lowest)
        )
    try:
        amount = parse_amount(WORDS.sub("", text), currency)
    except ValueError:
        raise BadAmount(_why_unreadable(text, currency, lowest)) from None
    if amount < minimum_minor:
        raise BadAmount(_("Enter %(lowest)s or more. If that is too much, ask for a free seat.", lowest=lowest))
    return amount


def _is_foreign(text: str, currency: str) -> bool:
    words = {NAMES.get(word.lower(), word.lower()) for word in WORDS.findall(text)}
    return bool(words - {currency}) or any(sign in text and currency not in codes for sign, codes in SIGNS.items())


def _why_unreadable(text: str, currency: str, lowest: str) -> str:
    digits = [character for character in text if character.isascii() and character.isdigit()]
    if len(digits) > len(str(MAX_MINOR)) - 2 and not text.startswith("-"):
        return _("That is more than a card payment can carry. Please write to us.")
    if not takes_fractions(currency):
        return _("Enter a whole amount of %(lowest)s or more, without a decimal point.", lowest=lowest)
    return _("Enter an amount of %(lowest)s or more, such as 7 or 7.50.", lowest=lowest)
