"""Where a request comes from, for limits: never kept as an address."""

import hashlib
import hmac
from ipaddress import ip_address

from flask import request

from membership.web.database import settings


def network_hash() -> bytes:
    """Return a keyed hash of the asker's network: of an IPv6 address its first half, which is what one household has."""
    return _hash(settings().secret_key, request.remote_addr or "")


def _hash(secret_key: str, text: str) -> bytes:
    try:
        address = ip_address(text)
    except ValueError:
        network = b""
    else:
        network = address.packed if address.version == 4 else address.packed[:8]
    return hmac.digest(secret_key.encode(), b"network" + network, hashlib.sha256)
