"""The roll's hash: what fixes who could vote without naming anybody."""

import hashlib
from collections.abc import Iterable


def roll_hash(round_slug: str, member_ids: Iterable[int]) -> str:
    """Return SHA-256 in hex over the lines "roll 1", the vote's slug, and each member id in ascending order.

    Every line ends in one line feed; ids are written in decimal, ASCII.
    """
    lines = ["roll 1", round_slug, *(str(member_id) for member_id in sorted(member_ids))]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
