"""What we keep in a browser: a random id of its own, the session, and the hint that somebody is signed in."""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import flask
from flask import after_this_request, current_app, g, request
from flask_login import login_user, logout_user
from werkzeug.wrappers import Response

from membership.web.database import now, settings

BROWSER_LIFETIME = timedelta(days=30)
# Longer where somebody was signed in: its return is no news to the account's owner.
KNOWN_BROWSER_LIFETIME = timedelta(days=180)
HINT_COOKIE = "m"


def browser_hash() -> bytes:
    """Return the hash of this browser's random id; gives it one (HttpOnly) if it has none."""
    if "browser_id" not in g:
        g.browser_id = _known_id() or _give_id()
    return _hash(g.browser_id)


def find_browser_hash() -> bytes | None:
    """Return the hash of this browser's id, None if it has none; never sets a cookie."""
    known = g.get("browser_id") or _known_id()
    return _hash(known) if known else None


def sign_in_browser(token: str) -> None:
    """Put a session's token (accounts.services.start_session) into this browser, in place of whatever its cookie held."""
    load = cast(Callable[[str], Any], current_app.login_manager._user_callback)  # type: ignore[attr-defined]
    viewer = load(token)
    flask.session.clear()  # nothing that an earlier visitor of this browser left survives
    flask.session.permanent = True
    login_user(viewer)
    known = g.get("browser_id") or _known_id()
    if known:
        _keep_id(known, KNOWN_BROWSER_LIFETIME)
    lifetime = viewer.expires_at - now()

    @after_this_request
    def give(response: Response) -> Response:
        hint_cookie(response, on=True, lifetime=lifetime)
        return response


def sign_out_browser() -> None:
    """Empty this browser's cookies; the caller has ended the session's row.

    It gets another id, if it had one: whoever comes next to a shared computer is somebody else to us.
    """
    logout_user()
    flask.session.clear()
    if find_browser_hash() is not None:
        g.browser_id = _give_id()

    @after_this_request
    def take(response: Response) -> Response:
        hint_cookie(response, on=False)
        return response


def hint_cookie(response: Response, *, on: bool, lifetime: timedelta = timedelta(days=90)) -> None:
    """Set or end the hint `m=1`: it names nobody and tells a script only that the foot may differ for this reader."""
    if on:
        response.set_cookie(HINT_COOKIE, "1", max_age=lifetime, secure=settings().is_secure, samesite="Lax")
    else:
        response.delete_cookie(HINT_COOKIE, secure=settings().is_secure, samesite="Lax")


def _cookie_name() -> str:
    return "__Host-browser" if settings().is_secure else "browser"


def _known_id() -> str | None:
    value = request.cookies.get(_cookie_name(), "")
    return value if re.fullmatch(r"[A-Za-z0-9_-]{43}", value, flags=re.ASCII) else None


def _give_id() -> str:
    made = secrets.token_urlsafe(32)
    _keep_id(made, BROWSER_LIFETIME)
    return made


def _keep_id(browser_id: str, lifetime: timedelta) -> None:
    """Let the answer to this request set the id's cookie, once, as it was said last."""
    is_set_already = "browser_cookie" in g
    g.browser_cookie = (browser_id, lifetime)
    if is_set_already:
        return

    @after_this_request
    def give(response: Response) -> Response:
        value, max_age = g.browser_cookie
        response.set_cookie(_cookie_name(), value, max_age=max_age, secure=settings().is_secure, httponly=True, samesite="Lax")
        return response


def _hash(browser_id: str) -> bytes:
    return hashlib.sha256(browser_id.encode()).digest()
