"""Certificates without a database: a count as the site would sign it, and signing it again after somebody has changed it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from membership.voting.canonical import canonical
from membership.voting.certificate_shape import FORMAT
from membership.voting.certificates import count_data, number_list
from membership.voting.public_keys import base64url, thumbprint
from membership.voting.tally import FAIR_SHARE, tally

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
SEED, ROLL = bytes(range(32)), hashlib.sha256(b"roll").hexdigest()


def public_half(key: Ed25519PrivateKey = KEY) -> bytes:
    """The key that others check with."""
    return key.public_key().public_bytes_raw()


KEYS = {thumbprint(public_half()): public_half()}


def make_payload(
    ballots: Mapping[str, int],
    *,
    topics: str = "abcde",
    seats: int = 2,
    rule: str = FAIR_SHARE,
    most_ticks: int = 3,
    name: str = "The March vote",
) -> dict[str, Any]:
    """What is signed of a vote with these ballots ({"a,b": 3}); its topics have slugs of one letter."""
    lots = {topic: hashlib.sha256(SEED + bytes.fromhex(ROLL) + topic.encode()).hexdigest() for topic in topics}
    box = {frozenset(ballot.split(",")): many for ballot, many in ballots.items()}
    result = tally(box, topics=topics, seats=seats, rule=rule, lots=lots)
    return {
        "format": FORMAT,
        "issued_at": "2026-03-30T12:00:00Z",
        "site": {"name": "The Test Gazette", "url": "https://gazette.example"},
        "vote": {"slug": "march", "name": name},
        "settings": {"rule": rule, "seats": seats, "most_ticks": most_ticks, "electorate": "while_open"},
        "topics": {topic: {"title": f"About {topic}", "withdrawn": None} for topic in topics},
        "times": _times(),
        "voided": None,
        "roll": {"sha256": ROLL, "could_vote": result.counted + 7},
        "box": {
            "counted": result.counted,
            "not_counted": 11,
            "not_counted_because": {"refunded": 11},
            "checked_by": 2,
            "key_lost": False,
        },
        "lot": {"seed": SEED.hex(), "seed_sha256": hashlib.sha256(SEED).hexdigest(), "of": lots},
        "winners": list(result.winners),
        "count": count_data(result),
        "ballot_numbers": {
            "listed": result.counted,
            "sha256": hashlib.sha256(make_numbers(result.counted)).hexdigest(),
        },
        "audit_head": {"entry": 12, "hmac": "ab" * 32},
    }


def make_numbers(many: int) -> bytes:
    """A list of so many ballot numbers, as the site gives it."""
    return number_list(sorted(hashlib.sha256(str(one).encode()).hexdigest() for one in range(many))).encode()


def signed(payload: Any, key: Ed25519PrivateKey = KEY, **signature: str) -> bytes:
    """The certificate's file; signature replaces parts of it."""
    made = {"algorithm": "Ed25519", "kid": thumbprint(public_half(key)), "value": base64url(key.sign(canonical(payload).encode()))}
    return canonical({"payload": payload, "signature": made | signature}).encode() + b"\n"


def _times() -> dict[str, Any]:
    return {
        "opened": "2026-03-22T12:00:00Z",
        "announced_end": "2026-03-29T17:00:00Z",
        "closed": "2026-03-29T17:00:00Z",
        "counted": "2026-03-30T10:00:00Z",
        "published": "2026-03-30T12:00:00Z",
        "moved": [],
        "closing_note": "",
    }
