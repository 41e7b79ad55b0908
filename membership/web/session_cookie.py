"""The session's cookie: what it holds can be read by its browser, and changed by nobody."""

import hashlib

from flask.sessions import SecureCookieSessionInterface


class SessionCookie(SecureCookieSessionInterface):
    """Flask's own, signed with HMAC-SHA256; Flask would take SHA-1."""

    digest_method = staticmethod(hashlib.sha256)
