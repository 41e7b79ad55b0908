"""What stands in a certificate, field by field: nothing may be missing, and nothing else may stand there. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FORMAT = "membership-vote-certificate/1"
NUMBERS_FROM = 20  # counted ballots: below, the order and the turnout only
TABLES_FROM = 100  # from here on also how many readers stand behind each score
SMALLEST_REASON = 10  # fewer ballots than this are not broken down by why they were not counted


@dataclass(frozen=True)
class ListOf:
    """A list of things of one shape."""

    shape: Any


@dataclass(frozen=True)
class EachTopic:
    """An object that says something of one shape of topics, by their slugs."""

    shape: Any


@dataclass(frozen=True)
class OrNone:
    """Something, or null where there is none."""

    shape: Any


def text(value: object) -> bool:
    """Whether it is text."""
    return isinstance(value, str)


def number(value: object) -> bool:
    """Whether it is a whole number, not below zero."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def truth(value: object) -> bool:
    """Whether it is true or false."""
    return isinstance(value, bool)


def slug(value: object) -> bool:
    """Whether it is a topic's or a vote's short name, as in an address."""
    return isinstance(value, str) and re.fullmatch(r"[a-z0-9][a-z0-9-]*", value) is not None


def hexadecimal(value: object) -> bool:
    """Whether it is 32 bytes in lower-case hexadecimal digits."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def instant(value: object) -> bool:
    """Whether it is an instant in UTC, to the second."""
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None and _exists(value)


def _exists(written: str) -> bool:
    try:
        datetime.fromisoformat(written)
    except ValueError:
        return False
    return True


def is_format(value: object) -> bool:
    """Whether it is the format that this module describes."""
    return value == FORMAT


STEP = {
    "seat": number,
    "winner": OrNone(slug),
    "scores": EachTopic(number),
    "readers": OrNone(EachTopic(ListOf(number))),  # from 100 ballots: how many held 0, 1, 2 … winners before this step
    "tied": ListOf(slug),
    "drawn": ListOf(slug),
    "runner_up": OrNone(slug),
    "margin": OrNone(number),
}
COUNT = {
    "unit": number,  # scores are in parts of a point: 1/unit
    "ticks": EachTopic(number),
    "steps": ListOf(STEP),
    "by_most_ticks": ListOf(slug),  # who would have won by ticks alone
    "without_a_winner": OrNone(number),  # from 100 ballots
}
PAYLOAD = {
    "format": is_format,
    "issued_at": instant,
    "site": {"name": text, "url": text},
    "vote": {"slug": slug, "name": text},
    "settings": {"rule": text, "seats": number, "most_ticks": number, "electorate": text},
    "topics": EachTopic({"title": text, "withdrawn": OrNone({"at": instant, "reason": text})}),
    "times": {
        "opened": instant,
        "announced_end": instant,
        "closed": instant,
        "counted": instant,
        "published": OrNone(instant),
        "moved": ListOf({"at": instant, "from": instant, "to": instant, "note": text}),
        "closing_note": text,
    },
    "voided": OrNone({"at": instant, "reason": text}),
    "roll": {"sha256": hexadecimal, "could_vote": number},
    "box": {
        "counted": number,
        "not_counted": number,
        "not_counted_because": EachTopic(number),  # from 10 ballots for each reason
        "checked_by": number,  # people
        "key_lost": truth,
    },
    "lot": {"seed": hexadecimal, "seed_sha256": hexadecimal, "of": EachTopic(hexadecimal)},
    "winners": ListOf(slug),
    "count": OrNone(COUNT),  # from 20 ballots
    "ballot_numbers": OrNone({"listed": number, "sha256": hexadecimal}),  # of the list as text; none if the key was lost
    "audit_head": OrNone({"entry": number, "hmac": hexadecimal}),
}
DOCUMENT = {"payload": PAYLOAD, "signature": {"algorithm": text, "kid": text, "value": text}}


def misfit(data: Any, shape: Any = DOCUMENT, at: str = "") -> str:
    """Return where data is not of this shape, such as "payload.box.counted"; "" if it fits."""
    if isinstance(shape, OrNone):
        return "" if data is None else misfit(data, shape.shape, at)
    if isinstance(shape, ListOf):
        parts = enumerate(data) if isinstance(data, list) else None
        return _first(((one, shape.shape, f"{at}[{index}]") for index, one in parts) if parts else None, at)
    if isinstance(shape, EachTopic):
        named = isinstance(data, dict) and all(slug(key.replace("_", "-")) for key in data)
        return _first(((one, shape.shape, f"{at}.{key}") for key, one in data.items()) if named else None, at)
    if isinstance(shape, dict):
        whole = isinstance(data, dict) and set(data) == set(shape)
        return _first(((data[key], one, f"{at}.{key}") for key, one in shape.items()) if whole else None, at)
    fits: Callable[[object], bool] = shape
    return "" if fits(data) else at


def _first(parts: Any, at: str) -> str:
    if parts is None:
        return at or "the whole"
    return next((found for data, shape, where in parts if (found := misfit(data, shape, where.removeprefix(".")))), "")
