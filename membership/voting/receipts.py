"""What ties a voter to a ballot while the vote is open: derived from the round's key, never stored beside a name."""

import base64
import hashlib
import hmac

RECEIPT_LENGTH = 26
GROUP = 4


def voter_tag(key: bytes, member_id: int) -> bytes:
    """Return HMAC-SHA256(round key, member id as 8 bytes, big-endian)."""
    return hmac.digest(key, _bytes_of(member_id), "sha256")


def receipt(key: bytes, member_id: int) -> str:
    """Return the voter's ballot number: 26 characters of base32(HMAC-SHA256(round key, "receipt" ‖ member id))."""
    return base64.b32encode(hmac.digest(key, b"receipt" + _bytes_of(member_id), "sha256")).decode()[:RECEIPT_LENGTH]


def grouped(number: str) -> str:
    """Return a ballot number as it is read aloud: groups of four."""
    return "-".join(number[at : at + GROUP] for at in range(0, len(number), GROUP))


def receipt_hash(number: str) -> str:
    """Return what is published of a ballot number, however it was typed: SHA-256 in hex of its 26 characters."""
    bare = "".join(number.upper().replace("-", " ").split())
    return hashlib.sha256(bare.encode()).hexdigest()


def _bytes_of(member_id: int) -> bytes:
    return member_id.to_bytes(8, "big")
