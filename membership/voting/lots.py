"""Ties are decided by a lot that nobody could choose: the seed was committed to before the roll was known."""

import hashlib


def seed_commitment(seed: bytes) -> str:
    """Return what is published of the seed when a vote opens: its SHA-256 in hex."""
    return hashlib.sha256(seed).hexdigest()


def lot(seed: bytes, roll_sha256: str, slug: str) -> str:
    """Return a topic's lot, SHA-256(seed ‖ roll hash ‖ topic slug) in hex; among equals the lowest wins."""
    return hashlib.sha256(seed + bytes.fromhex(roll_sha256) + slug.encode()).hexdigest()
