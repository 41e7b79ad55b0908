"""What all pages of the stand-in share: headers, the refusal of forms from elsewhere, plain error pages."""

from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from membership.stripe_standin.engine import Engine
from membership.stripe_standin.loopback import HOSTS


def guard(app: Flask, engine: Engine) -> None:
    """Refuse forms that another site sends, and set the headers of every page."""

    @app.before_request
    def refuse_foreign_hosts_and_forms() -> None:
        # Another name that leads here is how a site elsewhere would reach a page on this machine.
        if urlsplit(f"//{request.host}").hostname not in HOSTS:
            abort(400, "The stand-in answers to 127.0.0.1 and localhost only.")
        if request.method == "POST" and not request.path.startswith("/v1/"):
            site = request.headers.get("Sec-Fetch-Site", "none")
            if site not in {"same-origin", "none"}:
                abort(403, "This form came from another site.")

    @app.after_request
    def set_headers(response: Response) -> Response:
        if response.mimetype == "text/html":
            targets = " ".join(["'self'", *sorted(g.get("form_targets", ()))])
            response.headers["Content-Security-Policy"] = (
                f"default-src 'none'; style-src 'self'; form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
            )
            response.headers["Referrer-Policy"] = "same-origin"
            response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.errorhandler(HTTPException)
    def show_error(error: HTTPException) -> ResponseReturnValue:
        if request.path.startswith("/v1/"):
            return {"error": {"type": "api_error", "message": f"The stand-in failed: {error.name}"}}, error.code or 500
        return render_template("message.html", title=error.name, text=error.description, link=None), error.code or 500

    @app.context_processor
    def addresses() -> dict[str, str | None]:
        return {"product_url": engine.product_url}


def allow_form_target(url: str | None) -> None:
    """Let a form of this page lead to another origin: browsers hold form-action against redirects too."""
    if url:
        parts = urlsplit(url)
        g.setdefault("form_targets", set()).add(f"{parts.scheme}://{parts.netloc}")
