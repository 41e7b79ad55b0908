"""Who may see a route: each view says it, a guard keeps it, and a test holds the list against the routes."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import LoginManager, current_user

from membership.errors import NotAllowed
from membership.web import languages
from membership.web.database import now
from membership.web.refused_requests import note_refusal

View = Callable[..., ResponseReturnValue]
# The field in which a page's script hands over what an authenticator answered.
ANSWER = "passkey_answer"


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
    """Only staff with one of these roles (any role if none is named); others get 403, strangers the staff's sign-in page."""

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if not current_user.is_authenticated:
                return _ask_to_sign_in("passkeys.sign_in")
            languages.speak(current_user.member.language)
            if not _may(roles):
                raise NotAllowed(_("This page is for the newsroom's staff. Your account has no role that opens it."))
            return view(*args, **kwargs)

        guarded.audience = "staff:" + (",".join(roles) or "any")  # type: ignore[attr-defined]
        return guarded

    return declare


def enrolling(view: View) -> View:
    """Staff, and whoever an invitation or a recovery code has let in to add a passkey; nothing else opens to the latter."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not getattr(current_user, "may_enrol", False):
            return _ask_to_sign_in("passkeys.sign_in")
        languages.speak(current_user.member.language)
        return view(*args, **kwargs)

    guarded.audience = "enrolling"  # type: ignore[attr-defined]
    return guarded


def asks_again(view: View) -> View:
    """Below @staff, for a dangerous act: it wants a passkey that was shown within the last minutes, and asks for one.

    What was typed waits on the page that asks, and goes on to the same address together with the answer. A file could not wait
    there: no such view takes one.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if current_user.has_proved_lately(now()):
            return view(*args, **kwargs)
        answer = request.form.get(ANSWER)
        if answer is None:
            return confirm_page(""), 403
        try:
            current_user.prove(answer)
        except NotAllowed as refusal:
            return confirm_page(_(refusal.message)), 422
        return view(*args, **kwargs)

    guarded.asks_again = True  # type: ignore[attr-defined]
    return guarded


def asks_staff_again(view: View) -> View:
    """Below @member, for what is dangerous where staff do it to themselves: of them, and of nobody else, it wants a passkey."""
    asking = asks_again(view)

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not current_user.member.is_staff:
            return view(*args, **kwargs)
        # A browser that a mailbox alone has opened has no passkey to show.
        return asking(*args, **kwargs) if current_user.is_staff else _ask_to_sign_in("passkeys.sign_in")

    guarded.asks_again = True  # type: ignore[attr-defined]
    return guarded


def confirm_page(problem: str) -> str:
    """Return the page that asks for a passkey; problem says why the last answer was none, which is kept as a refused act."""
    if problem:
        note_refusal("role")
    typed = [(name, value) for name, value in request.form.items(multi=True) if name != ANSWER]
    address = request.full_path.rstrip("?")
    return render_template(
        "passkeys/confirm.html",
        viewer=current_user,
        # A page that was only asked for is gone to after the answer; what was sent is sent again with it.
        action=url_for("passkeys.confirm") if request.method == "GET" else address,
        kept=[("next", address)] if request.method == "GET" else typed,
        failure=problem,
        problem=bool(problem),
    )


def safe_next(path: str | None) -> str | None:
    """Return the path if it leads to a page of our own site, else None."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(c) < 33 or c == "\\" for c in path):
        return None
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc else None


def _may(roles: tuple[str, ...]) -> bool:
    # Asked of the session, not of the member: a role has no power in a browser that a mailbox alone has opened.
    return any(current_user.has_role(role) for role in roles) if roles else current_user.is_staff


def _ask_to_sign_in(endpoint: str = "accounts.sign_in") -> ResponseReturnValue:
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    flash(_("Please sign in first."))
    return redirect(url_for(endpoint, next=back), code=303)
