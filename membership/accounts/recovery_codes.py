"""Recovery codes: sixteen characters of an alphabet without look-alikes, as people copy them from paper."""

import re
import secrets

HOW_MANY = 10
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u
_LENGTH, _GROUP = 16, 4
_MISREAD = str.maketrans("ilo", "110")


def new_code() -> str:
    """Return 80 random bits in four groups."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def clean_code(typed: str) -> str:
    """Return the one form of a typed code: in lower case, without what parts the groups, misread letters put right."""
    return re.sub(r"[\s-]", "", typed).lower().translate(_MISREAD)
