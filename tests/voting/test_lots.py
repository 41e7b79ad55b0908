"""Lots can be drawn again by a stranger."""

import hashlib

from membership.voting.lots import lot, seed_commitment
from membership.voting.roll import roll_hash


def test_a_lot_is_the_hash_of_seed_roll_and_topic() -> None:
    roll = "ab" * 32

    assert lot(b"seed", roll, "water") == hashlib.sha256(b"seed" + b"\xab" * 32 + b"water").hexdigest()


def test_the_seed_is_committed_to_by_its_hash() -> None:
    assert seed_commitment(b"seed") == hashlib.sha256(b"seed").hexdigest()


def test_the_rolls_hash_knows_its_vote_and_no_order() -> None:
    assert roll_hash("march", [3, 1, 20]) == hashlib.sha256(b"roll 1\nmarch\n1\n3\n20\n").hexdigest()
    assert roll_hash("march", [20, 3, 1]) == roll_hash("march", [1, 3, 20])
    assert roll_hash("march", [1, 3, 20]) != roll_hash("april", [1, 3, 20])
