"""Speak HTTP to this machine and to no other."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class NotLoopback(ValueError):
    """The address names another machine."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None, *, timeout: float = 10) -> Reply:
    """Send one request, following no redirect; raises OSError, HTTPException, or NotLoopback before any socket is opened."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in HOSTS:
        raise NotLoopback(f"{url} is not on this machine; the stand-in speaks to http://127.0.0.1 and localhost only.")
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=body, headers={**(headers or {}), "Connection": "close"})
        response = connection.getresponse()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()
