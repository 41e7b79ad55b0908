"""E-mail addresses: one form in which they are stored, compared and written to."""

import re
import unicodedata

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*", flags=re.ASCII)
# The last part is never all digits: that would be a machine's number, where nobody has a mailbox.
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9][a-z0-9-]{0,61}[a-z0-9]", flags=re.ASCII)
_LONGEST = 320
# Python's codec speaks IDNA 2003 and makes another name of these ("straße.de" would be "strasse.de": somebody else's mailbox);
# browsers and mail servers speak IDNA 2008. Such a domain is taken in the form that it is registered in (xn--…).
_OTHERWISE_IN_2008 = frozenset("ßς\u200c\u200d")


def normalise(email: str) -> str:
    """Return the stored form of an address; raises ValueError for what is none.

    Mail goes to the stored form, never to the typed one: an address that only looks like a member's receives nothing of theirs.
    """
    if len(email) > _LONGEST:
        raise ValueError("not an e-mail address")
    text = unicodedata.normalize("NFKC", email).strip().lower()
    local, _, domain = text.rpartition("@")
    if _OTHERWISE_IN_2008 & set(domain):
        raise ValueError("not an e-mail address")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("not an e-mail address") from None
    if len(local) > 64 or len(local) + len(domain) > 253 or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise ValueError("not an e-mail address")
    return f"{local}@{domain}"


def masked(address: str) -> str:
    """Return what reminds whoever knows an address of it, and tells nobody else: "n…@…"."""
    return f"{address[0]}…@…"
