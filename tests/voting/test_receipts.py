"""Tags and ballot numbers come from the key alone."""

import hashlib
import hmac

from membership.voting.receipts import grouped, receipt, receipt_hash, voter_tag

KEY = bytes(range(32))


def test_a_tag_differs_by_voter_and_by_key() -> None:
    assert voter_tag(KEY, 7) == hmac.new(KEY, b"\0\0\0\0\0\0\0\x07", hashlib.sha256).digest()
    assert len({voter_tag(KEY, 7), voter_tag(KEY, 8), voter_tag(KEY[::-1], 7)}) == 3


def test_a_ballot_number_is_read_in_groups_and_checked_however_it_was_typed() -> None:
    number = receipt(KEY, 7)

    assert (len(number), [len(part) for part in grouped(number).split("-")]) == (26, [4, 4, 4, 4, 4, 4, 2])
    assert receipt_hash(f" {grouped(number).lower()} ") == receipt_hash(number) == hashlib.sha256(number.encode()).hexdigest()
