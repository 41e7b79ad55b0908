"""One way to write a certificate down, so that a signature fits exactly one text: JSON as in RFC 8785, whole numbers only. Pure."""

import json
from collections.abc import Iterable
from typing import Any

MOST_BYTES = 4 * 1024 * 1024
BIGGEST = 2**53 - 1  # beyond it two programs may read two numbers


class NotCanonical(ValueError):
    """This is no certificate's text, or not as it was written; the message says why."""


def canonical(data: Any) -> str:
    """Return the one text of this data: keys sorted, no spaces, characters as they are."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def read_canonical(text: bytes) -> Any:
    """Return the data behind a text, which may end in one line feed. Raises NotCanonical."""
    if len(text) > MOST_BYTES:
        raise NotCanonical("it is far too long for a certificate")
    try:
        decoded = text.decode().removesuffix("\n")
        data = json.loads(decoded, object_pairs_hook=_object, parse_float=_no_number, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, NotCanonical) else "it can't be read as JSON: perhaps a part of it is missing"
        raise NotCanonical(why) from error
    _refuse_big_numbers(data)
    try:
        again = canonical(data)
    except (ValueError, RecursionError) as error:
        raise NotCanonical("it is nested too deep") from error
    if again != decoded:
        raise NotCanonical("it was written anew, with other spaces, another order or other escapes; take the file as it was given")
    return data


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, value in pairs:
        if key in read:
            raise NotCanonical(f"“{key}” stands in it twice")
        read[key] = value
    return read


def _no_number(text: str) -> None:
    raise NotCanonical(f"{text[:20]} is not a whole number")


def _refuse_big_numbers(data: Any) -> None:
    waiting = [data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, int) and abs(one) > BIGGEST:
            raise NotCanonical("a number in it is too big")
