"""Who may see a route: each view says it, a guard keeps it, and a test holds the list against the routes."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import LoginManager, current_user

from membership.errors import NotAllowed
from membership.web import languages

View = Callable[..., ResponseReturnValue]


def make_login_manager() -> LoginManager:
    """Return the login manager: server-side sessions only, no remember cookie, nothing hashed from headers."""
    manager = LoginManager()
    manager.session_protection = None
    return manager


def everyone(view: View) -> View:
    """Anybody may see this; the page may still know who is looking."""
    view.audience = "everyone"  # type: ignore[attr-defined]
    return view


def signed(by: str) -> Callable[[View], View]:
    """The request proves itself by a signature of its own (Stripe's webhook); it is exempt from the CSRF check."""

    def declare(view: View) -> View:
        view.audience = f"signed:{by}"  # type: ignore[attr-defined]
        return view

    return declare


def member(view: View) -> View:
    """Only somebody who is signed in; others are led to the sign-in page and back."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not current_user.is_authenticated:
            return _ask_to_sign_in()
        languages.speak(current_user.member.language)
        return view(*args, **kwargs)

    guarded.audience = "member"  # type: ignore[attr-defined]
    return guarded


def staff(*roles: str) -> Callable[[View], View]:
    """Only staff with one of these roles (any role if none is named); others get 403, strangers the sign-in page."""

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if not current_user.is_authenticated:
                return _ask_to_sign_in()
            languages.speak(current_user.member.language)
            if not _may(roles):
                raise NotAllowed(_("This page is for the newsroom's staff. Your account has no role that opens it."))
            return view(*args, **kwargs)

        guarded.audience = "staff:" + (",".join(roles) or "any")  # type: ignore[attr-defined]
        return guarded

    return declare


def safe_next(path: str | None) -> str | None:
    """Return the path if it leads to a page of our own site, else None."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(c) < 33 or c == "\\" for c in path):
        return None
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc else None


def _may(roles: tuple[str, ...]) -> bool:
    # Asked of the session, not of the member: a role has no power in a browser that a mailbox alone has opened.
    return any(current_user.has_role(role) for role in roles) if roles else current_user.is_staff


def _ask_to_sign_in() -> ResponseReturnValue:
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    flash(_("Please sign in first."))
    return redirect(url_for("accounts.sign_in", next=back), code=303)
