"""Chaos: what goes wrong with webhooks and with calls of the API, on demand and repeatable.

    standin.chaos(drop=1, latency={"rate": 0.2, "seed": 7, "ms": 300})
    standin.calm()

`POST /_control/chaos` takes the same as JSON in its field `settings`. A fault is set as `n` or `{"next": n}` for the next n, or
as `{"rate": r, "seed": s}` for each with probability r: the same seed (0 unless given) and the same course of things give the
same chaos. None or 0 switches one fault off, `calm` all. Settings and draws are kept in the state file. Beside `next` or `rate`
a fault takes the options named below (default in brackets).

Webhooks, all with `type` ("*"): only events of this type; "invoice.*" is a group.

    drop              never delivered: given up at once, so that `GET /v1/events?delivery_success=false` lists it
    delay             due `seconds` (60) of billing time later
    duplicate         sent once more, whatever was answered: right after, or `seconds` (0) of billing time later
    reorder           those drawn change places among each other within what is due together; the order comes from the seed and
                      is never the old one
    wrong_signature   signed with a secret that nobody has
    stale, future     signed `seconds` (301) ago, or ahead
    old_shape         the event and its object as version 2024-06-20 had them

drop, delay and duplicate are drawn once for each delivery, when it is first due; the others for each attempt, so that the retry
of a refused one may pass. Of wrong_signature, stale and future at most one strikes an attempt.

Calls of the API, all with `method` ("*") and `path` ("/v1/", a prefix): only such calls.

    latency           the work is done, the answer comes `ms` (100) later
    hang              nothing is done and nothing answered for `ms` (10000); then the connection drops
    lose_request      the connection drops before the work
    rate_limit        429; `retry` (false) is what Stripe-Should-Retry says
    server_error      `status` (500) with `retry` (true), nothing done; `kept` (false) keeps the error as the answer to the
                      idempotency key, as Stripe does once the work had begun
    lose_answer       the work is done, then the connection drops; a repeat of the idempotency key gets the answer

At most one of the last five strikes a call, the first that is drawn in this order. What waits (latency, hang) goes on when chaos
is calmed and when the stand-in stops; no wait is longer than a minute.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.store import Ledger

_EVENTS: Json = {"type": "*"}
_CALLS: Json = {"method": "*", "path": "/v1/"}

FAULTS: dict[str, Json] = {
    "drop": _EVENTS,
    "delay": {**_EVENTS, "seconds": 60},
    "duplicate": {**_EVENTS, "seconds": 0},
    "reorder": _EVENTS,
    "wrong_signature": _EVENTS,
    "stale": {**_EVENTS, "seconds": 301},
    "future": {**_EVENTS, "seconds": 301},
    "old_shape": _EVENTS,
    "latency": {**_CALLS, "ms": 100},
    "hang": {**_CALLS, "ms": 10_000},
    "lose_request": _CALLS,
    "rate_limit": {**_CALLS, "retry": False},
    "server_error": {**_CALLS, "status": 500, "retry": True, "kept": False},
    "lose_answer": _CALLS,
}
_LIMITS = {"next": (0, 10**6), "seed": (0, 2**63 - 1), "seconds": (0, 10**9), "ms": (0, 60_000), "status": (500, 599)}
MOST_NOTES = 500


@dataclass(frozen=True)
class Strike:
    """One fault that was drawn: its options, and a source of chance of its own."""

    fault: str
    options: Json
    chance: Random


def set_chaos(ledger: Ledger, wanted: Mapping[str, Any]) -> None:
    """Set these faults and leave the others; raises 400 for what the table above does not know."""
    for fault, given in wanted.items():
        if fault not in FAULTS:
            raise _refused(fault, f"is none of {', '.join(FAULTS)}")
        settings = _checked(fault, given)
        ledger.execute("DELETE FROM chaos WHERE fault = ?", fault)
        if settings:
            ledger.execute("INSERT INTO chaos (fault, settings) VALUES (?, ?)", fault, json.dumps(settings))


def calm(ledger: Ledger) -> None:
    """Switch every fault off; what was delayed stays delayed, what was dropped stays dropped."""
    ledger.execute("DELETE FROM chaos")


def current(ledger: Ledger) -> Json:
    """Return the faults that are set, how often each struck, and the record of what chaos did, oldest first."""
    faults = {
        row[0]: {**json.loads(row[1]), "struck": row[2]}
        for row in ledger.execute("SELECT fault, settings, struck FROM chaos ORDER BY fault")
    }
    notes = ledger.execute("SELECT at, fault, what FROM chaos_record ORDER BY id")
    return {"faults": faults, "record": [dict(zip(("at", "fault", "what"), row, strict=True)) for row in notes]}


def is_set(ledger: Ledger, *faults: str) -> bool:
    """Tell whether any of these faults is set."""
    marks = ", ".join("?" * len(faults))
    return ledger.execute(f"SELECT 1 FROM chaos WHERE fault IN ({marks})", *faults).fetchone() is not None  # noqa: S608


def strike(ledger: Ledger, faults: tuple[str, ...], subject: Mapping[str, str], what: str) -> Strike | None:
    """Draw these faults in turn for one subject; return the first that strikes, written into the record as `what`."""
    for fault in faults:
        row = ledger.execute("SELECT settings, draws, struck FROM chaos WHERE fault = ?", fault).fetchone()
        if row is None:
            continue
        settings, draws, struck = json.loads(row[0]), row[1], row[2]
        if not _fits(settings, subject):
            continue
        chance = Random(f"{settings['seed']} {fault} {draws}")  # noqa: S311  (repeatable on purpose)
        strikes = struck < settings["next"] if "next" in settings else chance.random() < settings["rate"]
        ledger.execute("UPDATE chaos SET draws = draws + 1, struck = struck + ? WHERE fault = ?", int(strikes), fault)
        if strikes:
            _note(ledger, fault, what)
            return Strike(fault, settings, chance)
    return None


def _fits(settings: Json, subject: Mapping[str, str]) -> bool:
    patterns = {name: settings[name] + ("*" if name == "path" else "") for name in subject}
    return all(fnmatchcase(value, patterns[name]) for name, value in subject.items())


def _note(ledger: Ledger, fault: str, what: str) -> None:
    cursor = ledger.execute("INSERT INTO chaos_record (at, fault, what) VALUES (?, ?, ?)", ledger.now, fault, what)
    ledger.execute("DELETE FROM chaos_record WHERE id <= ?", (cursor.lastrowid or 0) - MOST_NOTES)


def _checked(fault: str, given: Any) -> Json | None:
    """Return a fault's settings with every default filled in; None to switch it off."""
    if given is None or (isinstance(given, int) and not isinstance(given, bool)):
        given = {"next": given or 0}
    if not isinstance(given, dict) or ("next" in given) == ("rate" in given):
        raise _refused(fault, "takes a number, or an object with either next or rate")
    settings = {**FAULTS[fault], "seed": 0, **given}
    for name, value in settings.items():
        if name not in FAULTS[fault] and name not in {"next", "rate", "seed"}:
            raise _refused(fault, f"has no option '{name}'")
        if not _is_valid(name, value):
            raise _refused(fault, f"cannot have {value!r} as {name}")
    return None if settings.get("next") == 0 else settings


def _is_valid(name: str, value: Any) -> bool:
    if name == "rate":
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    if name in _LIMITS:
        least, most = _LIMITS[name]
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    return isinstance(value, bool if name in {"retry", "kept"} else str)


def _refused(fault: str, why: str) -> ApiError:
    return ApiError(f"Chaos: '{fault}' {why}.", param=fault)
