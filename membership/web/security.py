"""What every request must pass and every answer carries: host, CSRF, clean text, headers."""

import unicodedata
from collections.abc import Callable

from flask import Flask, abort, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from membership.config import Settings

View = Callable[..., ResponseReturnValue]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY_BYTES = 256 * 1024
LINE_BREAKS = frozenset("\r\n\t")
# Where Stripe lets people pay, change their card, and pay an open bill.
STRIPES_PAGES = ["https://checkout.stripe.com", "https://billing.stripe.com", "https://invoice.stripe.com"]


def takes_file(most_bytes: int) -> Callable[[View], View]:
    """Let a view take a file of this size; whatever else its form holds stays as small as everywhere."""

    def declare(view: View) -> View:
        view.most_bytes = most_bytes + MAX_BODY_BYTES  # type: ignore[attr-defined]
        return view

    return declare


def init_app(app: Flask, settings: Settings) -> None:
    """Guard every request and dress every answer."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY_BYTES
    policy = content_security_policy(settings)

    @app.before_request
    def guard() -> None:
        if request.host not in settings.hosts:
            abort(400)
        _refuse_unclean_address()
        if request.method in SAFE_METHODS or _proves_itself(app):  # a signed body is read raw, by whoever checks the signature
            return
        _refuse_foreign_request(settings)
        request.max_content_length = getattr(app.view_functions.get(request.endpoint or ""), "most_bytes", MAX_BODY_BYTES)
        _refuse_unclean(request.form)

    @app.after_request
    def dress(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
        if settings.is_secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
        # Private unless a view has said that it is open.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def content_security_policy(settings: Settings) -> str:
    """Return the policy; form-action names where a form's redirect may lead (Chromium blocks it otherwise)."""
    checkout = [settings.stripe_api_base] if settings.stripe_api_base else STRIPES_PAGES
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self' " + " ".join(checkout),
        ),
    )


def _proves_itself(app: Flask) -> bool:
    view = app.view_functions.get(request.endpoint or "")
    return str(getattr(view, "audience", "")).startswith("signed:")


def _refuse_foreign_request(settings: Settings) -> None:
    """Refuse a POST that no page of ours sent: Sec-Fetch-Site where the browser sends it, else Origin; neither is a refusal."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            abort(403)
        return
    # Compared as text: a browser's Origin has one form, and what a parser makes of a strange one is nobody's business.
    if request.headers.get("Origin") not in settings.origins:
        abort(403)


def _refuse_unclean_address() -> None:
    if _is_unclean(request.path) or any(isinstance(v, int) and v.bit_length() > 63 for v in (request.view_args or {}).values()):
        abort(400)
    _refuse_unclean(request.args)


def _refuse_unclean(values: MultiDict[str, str]) -> None:
    """Refuse what one database takes and the other refuses: NUL, surrogates, control characters."""
    if any(_is_unclean(key) or _is_unclean(value) for key, value in values.items(multi=True)):
        abort(400)


def _is_unclean(text: str) -> bool:
    return any(unicodedata.category(c) in ("Cc", "Cs") and c not in LINE_BREAKS for c in text)
