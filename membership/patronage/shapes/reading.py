"""Reading Stripe's JSON softly: what is missing or odd is None, never an error."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]
ATTEMPT = "attempt"  # the one key of our metadata: the attempt's opaque id


def read_attempt(body: Json) -> str | None:
    """Return the attempt that a thing's metadata names; None for what is not ours."""
    value = inside(body.get("metadata")).get(ATTEMPT)
    return value if isinstance(value, str) else None


def reference(value: Any) -> str | None:
    """Return the id of what is given by its id or, expanded, as an object."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else None


def instant(seconds: int) -> datetime:
    """Return the instant of Stripe's whole seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def optional_instant(seconds: int | None) -> datetime | None:
    """Return the instant, None for none; Stripe writes 0 where there is no deadline."""
    return instant(seconds) if seconds else None


def inside(value: Any) -> Json:
    """Return an object to look into, an empty one where there is none."""
    return value if isinstance(value, Mapping) else {}


def rows(listing: Any) -> list[Json]:
    """Return what a list object holds."""
    found = inside(listing).get("data")
    return list(found) if isinstance(found, list) else []


def has_more(listing: Any) -> bool:
    """Return whether Stripe answered with the newest rows only."""
    return bool(inside(listing).get("has_more"))


def fee_of(booked: Any, amount_minor: int, currency: str) -> int | None:
    """Return what Stripe took of a movement, in its own currency; None until it is booked (a balance transaction, in full)."""
    if not isinstance(booked, Mapping):
        return None
    fee, amount = int(booked["fee"]), int(booked["amount"])
    if booked["currency"] == currency or not amount:
        return fee
    # Booked in the account's own currency: the same share of the amount, to the nearest minor unit.
    return round(fee * abs(amount_minor) / abs(amount))
