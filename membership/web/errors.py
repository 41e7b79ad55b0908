"""The one place where an error becomes a page."""

from collections.abc import Mapping
from math import ceil

import structlog
from flask import Flask, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from membership.errors import Conflict, NotAllowed, NotFound, Refusal, TooOften, Unavailable
from membership.logs import name_of
from membership.web import languages
from membership.web.database import now, settings
from membership.web.filters import retry_time
from membership.web.refused_requests import note_refusal

log = structlog.get_logger()
STATUS_OF: dict[type[Refusal], int] = {NotFound: 404, NotAllowed: 403, Conflict: 409, TooOften: 429, Unavailable: 503}
PAGES = frozenset({400, 403, 404, 405, 409, 413, 429, 431, 500, 503})


def init_app(app: Flask) -> None:
    """Turn refusals, HTTP errors and failures into pages that leak nothing."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(PoolTimeout, _pool_exhausted)
    app.register_error_handler(OverflowError, _number_too_large)
    app.register_error_handler(Exception, _unexpected)


def error_page(status: int, message: str = "", headers: Mapping[str, str] | None = None) -> ResponseReturnValue:
    """Return the page for a status with a sentence for the reader."""
    languages.speak_by_address()
    page = status if status in PAGES else 400 if status < 500 else 500
    always = {"Cache-Control": "private, no-store"} | ({"Retry-After": "30"} if status == 503 else {})
    return render_template(f"errors/{page}.html", message=message), status, {**always, **(headers or {})}


def refusal_text(refused: Refusal) -> str:
    """Return what a refusal says in the page's language, and from when on it is worth trying again where that is known."""
    # The service's English sentence is the key of its translation; gettext("") would be the catalogue's header.
    sentences = [gettext(refused.message)] if refused.message else []
    if isinstance(refused, TooOften) and refused.retry_at:
        again = retry_time(refused.retry_at, now(), settings().time_zone)
        sentences.append(gettext("Try again after %(time)s.", time=again))
    return " ".join(sentences)


def retry_after(refused: Refusal) -> dict[str, str]:
    """Return the header that says in seconds when to try again; none where nobody knows."""
    if not isinstance(refused, TooOften) or refused.retry_at is None:
        return {}
    return {"Retry-After": str(max(1, ceil((refused.retry_at - now()).total_seconds())))}


def _refused(error: Refusal) -> ResponseReturnValue:
    if isinstance(error, NotAllowed):
        note_refusal("role")
    return error_page(_status_of(error), refusal_text(error), retry_after(error))


def _status_of(error: Refusal) -> int:
    return next((status for kind, status in STATUS_OF.items() if isinstance(error, kind)), 409)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()
    if error.code == 403:
        note_refusal("foreign")
    response = current_app.make_response(error_page(error.code or 500))
    if isinstance(error, MethodNotAllowed):
        response.allow.update(error.valid_methods or ())
    return response


def _database_error(error: DBAPIError) -> ResponseReturnValue:
    if isinstance(error, OperationalError):
        log.error("database.away", error=name_of(error))
        return error_page(503)
    if isinstance(error, DataError):  # a number that no column holds
        return error_page(400)
    return _unexpected(error)


def _pool_exhausted(_error: PoolTimeout) -> ResponseReturnValue:
    log.error("database.pool_exhausted")
    return error_page(503)


def _number_too_large(_error: OverflowError) -> ResponseReturnValue:
    # SQLite's driver refuses past 63 bits before the database sees it; PostgreSQL answers with a DataError.
    log.warning("request.number_too_large")
    return error_page(400)


def _unexpected(error: Exception) -> ResponseReturnValue:
    log.exception("request.failed", error=name_of(error))
    return error_page(500)
