"""Addresses that a hosted page leads back to."""

from urllib.parse import urlsplit

from membership.stripe_standin.errors import ApiError

LONGEST_URL = 5000


def is_url(text: str) -> bool:
    """Tell whether Stripe would send a browser to this address."""
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and len(text) <= LONGEST_URL


def checked_url(url: str | None, param: str) -> str | None:
    """Return the address, None if there is none, or refuse it."""
    if url is not None and not is_url(url):
        raise ApiError("Not a valid URL", code="url_invalid", param=param)
    return url
