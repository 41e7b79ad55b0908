"""E-mail addresses: one form in which they are stored, compared and written to."""

import re
import unicodedata

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*", flags=re.ASCII)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]", flags=re.ASCII)


def normalise(email: str) -> str:
    """Return the stored form of an address; raises ValueError for what is none.

    Mail goes to the stored form, never to the typed one: an address that only looks like a member's receives nothing of theirs.
    """
    text = unicodedata.normalize("NFKC", email).strip().lower()
    local, _, domain = text.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("not an e-mail address") from None
    if len(local) > 64 or len(local) + len(domain) > 253 or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise ValueError("not an e-mail address")
    return f"{local}@{domain}"
