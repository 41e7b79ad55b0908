"""Static files under an address that changes with their bytes, so that browsers may keep them for a year."""

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, current_app, request, url_for
from werkzeug.wrappers import Response


def init_app(app: Flask) -> None:
    """Give templates asset() and let versioned files be kept."""
    app.add_template_global(asset)

    @app.after_request
    def keep(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in (200, 304):
            kept = "public, max-age=31536000, immutable" if request.args.get("v") else "public, max-age=300"
            response.headers["Cache-Control"] = kept
        return response


def asset(name: str) -> str:
    """Return the address of a static file, with the first digits of its SHA-256."""
    return url_for("static", filename=name, v=_digest(Path(current_app.static_folder or "") / name))


@lru_cache(maxsize=64)
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
