"""In which of our encodings a reader wants a page (RFC 9110, 12.5.3), and the page in each of them."""

import gzip
import re

import brotli

IDENTITY = "identity"
# In the order in which we would rather send them.
ENCODINGS = ("br", "gzip", IDENTITY)


def choose_encoding(accepted: str) -> str:
    """Return the encoding to answer an Accept-Encoding header with; identity where the header makes no sense."""
    weights = _weights(accepted)
    rest = weights.get("*", 0.0)
    # Without compression is always acceptable unless it is ruled out, but worth less than anything that was asked for.
    offers = {name: weights.get(name, rest) for name in ENCODINGS if name != IDENTITY}
    offers[IDENTITY] = weights.get(IDENTITY, rest if "*" in weights else 0.0001)
    best = max(ENCODINGS, key=lambda name: offers[name])
    return best if offers[best] > 0 else IDENTITY


def encode(body: bytes, encoding: str) -> bytes:
    """Return the body in this encoding; the same bytes each time."""
    if encoding == "br":
        return bytes(brotli.compress(body, mode=brotli.MODE_TEXT, quality=6))
    if encoding == "gzip":
        return gzip.compress(body, compresslevel=6, mtime=0)
    return body


def _weights(accepted: str) -> dict[str, float]:
    weights = {}
    for part in accepted.lower().split(","):
        match = re.fullmatch(r"\s*([\w*-]+)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", part, flags=re.ASCII)
        if match:
            weights[match[1].removeprefix("x-")] = min(1.0, float(match[2] or 1))
    return weights
