"""Gift codes: twenty symbols that say nothing, read kindly however somebody types them.

The symbols are Crockford's base32: no I, L, O or U, so that a code survives being read aloud or copied from paper.
"""

import hashlib
import hmac
import re
from uuid import UUID

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH, GROUP = 20, 4
MISREAD = str.maketrans("OIL", "011")


def gift_code(secret_key: str, gift_id: UUID) -> str:
    """Return the code of a gift, such as "7KQ2-M9XD-…": 100 bits that nobody can work out without our key."""
    digest = hmac.digest(secret_key.encode(), b"gift code" + gift_id.bytes, hashlib.sha256)
    bits = int.from_bytes(digest, "big")
    symbols = "".join(SYMBOLS[bits >> 5 * place & 31] for place in range(LENGTH))
    return "-".join(symbols[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def is_code(text: str) -> bool:
    """Return whether this could be a code at all, so that a slip costs no try."""
    return len(_bare(text)) == LENGTH and set(_bare(text)) <= set(SYMBOLS)


def code_hash(text: str) -> bytes:
    """Return what is stored of a code; case, spaces, hyphens and the letters that look like digits don't matter."""
    return hashlib.sha256(_bare(text).encode("utf-8", "surrogatepass")).digest()


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text.upper()).translate(MISREAD)
