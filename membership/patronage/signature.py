"""Stripe's signed events: the signature checked on the raw bytes, and of the payload only what we keep.

Scheme: https://docs.stripe.com/webhooks#verify-manually
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

TOLERANCE_SECONDS = 300
_ID = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_.\-]{1,128}", re.ASCII)
_LAST_SECOND = 253_402_300_799  # the year 9999


class BadSignature(Exception):
    """This was not sent by Stripe, not just now, or is no event."""


@dataclass(frozen=True)
class ParsedEvent:
    """The allow-listed fields of one event: no name, address or e-mail."""

    id: str
    type: str
    created_at: datetime
    livemode: bool
    api_version: str | None
    object_type: str
    object_id: str
    subscription_id: str | None
    charge_id: str | None


def parse_event(raw: bytes, header: str, secrets: Iterable[str], now: datetime) -> ParsedEvent:
    """Return the event in a signed request's raw body; raises BadSignature for whatever is odd about it."""
    timestamp, given = _read_header(header)
    if abs(now.timestamp() - timestamp) > TOLERANCE_SECONDS:
        raise BadSignature("too old, or from the future")
    wanted = [hmac.new(secret.encode(), b"%d." % timestamp + raw, hashlib.sha256).hexdigest().encode() for secret in secrets]
    matches = [hmac.compare_digest(ours, theirs) for ours in wanted for theirs in given]
    if not any(matches):
        raise BadSignature("no signature matches")
    try:
        payload = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadSignature("no JSON") from error
    return read_event(payload)


def _read_header(header: str) -> tuple[int, list[bytes]]:
    parts = [part.strip().partition("=") for part in header.split(",")]
    timestamps = [value for name, _, value in parts if name == "t"]
    signatures = [value.encode("utf-8", "surrogatepass") for name, _, value in parts if name == "v1"]
    # Bounded before int(): a number of 5,000 digits is an error of its own.
    if len(timestamps) != 1 or not re.fullmatch(r"[0-9]{1,12}", timestamps[0]) or not signatures:
        raise BadSignature("no timestamp or no signature")
    return int(timestamps[0]), signatures


def read_event(payload: Any) -> ParsedEvent:
    """Return what we keep of an event; raises BadSignature for what is none."""
    event = _mapping(payload)
    thing = _mapping(_mapping(event.get("data")).get("object"))
    created, livemode = event.get("created"), event.get("livemode")
    if event.get("object") != "event" or not isinstance(livemode, bool):
        raise BadSignature("no event")
    if isinstance(created, bool) or not isinstance(created, int) or not 0 <= created <= _LAST_SECOND:
        raise BadSignature("no time")
    object_type = _matching(_WORD, thing.get("object"))
    return ParsedEvent(
        id=_matching(_ID, event.get("id")),
        type=_matching(_WORD, event.get("type")),
        created_at=datetime.fromtimestamp(created, UTC),
        livemode=livemode,
        api_version=_optional(_WORD, event.get("api_version")),
        object_type=object_type,
        # Some objects (a balance) have no id.
        object_id=_optional(_ID, thing.get("id")) or "",
        subscription_id=_subscription_of(object_type, thing),
        charge_id=_charge_of(object_type, thing),
    )


def _subscription_of(object_type: str, thing: Mapping[str, Any]) -> str | None:
    if object_type == "subscription":
        return _optional(_ID, thing.get("id"))
    if object_type == "invoice":
        details = _softly(_softly(thing.get("parent")).get("subscription_details"))
        return _reference(details.get("subscription")) or _reference(thing.get("subscription"))
    return _reference(thing.get("subscription")) if object_type == "checkout.session" else None


def _charge_of(object_type: str, thing: Mapping[str, Any]) -> str | None:
    if object_type == "charge":
        return _optional(_ID, thing.get("id"))
    return _reference(thing.get("charge")) if object_type in ("refund", "dispute") else None


def _reference(value: Any) -> str | None:
    """Return the id of a thing that is given by its id or, in full, as an object."""
    return _optional(_ID, _softly(value).get("id") if isinstance(value, Mapping) else value)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadSignature("no event")
    return value


def _softly(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadSignature("a field is missing")
    return value


def _optional(pattern: re.Pattern[str], value: Any) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
