"""What every request must pass and every answer carries: host, CSRF, clean text, headers."""

from collections.abc import Callable

from flask import Flask, abort, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from membership.config import Settings
from membership.web.clean_requests import refuse_unclean_form, refuse_unclean_head

View = Callable[..., ResponseReturnValue]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY_BYTES = 256 * 1024
# What a page of ours, or a script that got into one, may ask of the browser; passkeys need the last two.
NEVER_USED = (
    "accelerometer autoplay camera display-capture encrypted-media fullscreen geolocation gyroscope hid idle-detection "
    "magnetometer microphone midi payment picture-in-picture screen-wake-lock serial usb xr-spatial-tracking"
).split()
USED = ("publickey-credentials-create", "publickey-credentials-get")
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
    headers = headers_of(settings)

    @app.before_request
    def guard() -> None:
        if request.host not in settings.hosts:
            abort(400)
        refuse_unclean_head()
        if request.method in SAFE_METHODS or _proves_itself(app):  # a signed body is read raw, by whoever checks the signature
            return
        _refuse_foreign_request(settings)
        request.max_content_length = getattr(app.view_functions.get(request.endpoint or ""), "most_bytes", MAX_BODY_BYTES)
        refuse_unclean_form()

    @app.after_request
    def dress(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        # Private unless a view has said that it is open.
        response.headers.setdefault("Cache-Control", "private, no-store")
        if "public" not in response.headers["Cache-Control"]:
            response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


def headers_of(settings: Settings) -> dict[str, str]:
    """Return what every answer carries."""
    always = {
        "Content-Security-Policy": content_security_policy(settings),
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": ", ".join([*(f"{name}=()" for name in NEVER_USED), *(f"{name}=(self)" for name in USED)]),
        "Server": "web",  # or the server adds its own name
    }
    return always | ({"Strict-Transport-Security": "max-age=63072000; includeSubDomains"} if settings.is_secure else {})


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
            *(["upgrade-insecure-requests"] if settings.is_secure else []),
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
