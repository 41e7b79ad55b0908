"""The one place where an error becomes a page."""

import structlog
from flask import Flask, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from membership.errors import Conflict, NotAllowed, NotFound, Refusal, TooOften, Unavailable

log = structlog.get_logger()
STATUS_OF: dict[type[Refusal], int] = {NotFound: 404, NotAllowed: 403, Conflict: 409, TooOften: 429, Unavailable: 503}
PAGES = frozenset({400, 403, 404, 405, 409, 413, 429, 500, 503})


def init_app(app: Flask) -> None:
    """Turn refusals, HTTP errors and failures into pages that leak nothing."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(PoolTimeout, _pool_exhausted)
    app.register_error_handler(OverflowError, _number_too_large)
    app.register_error_handler(Exception, _unexpected)


def error_page(status: int, message: str = "") -> ResponseReturnValue:
    """Return the page for a status with a sentence for the reader."""
    page = status if status in PAGES else 400 if status < 500 else 500
    headers = {"Cache-Control": "private, no-store"}
    if status == 503:
        headers["Retry-After"] = "30"
    return render_template(f"errors/{page}.html", message=message), status, headers


def _refused(error: Refusal) -> ResponseReturnValue:
    # The service's English sentence is the key of its translation; gettext("") would be the catalogue's header.
    return error_page(_status_of(error), gettext(error.message) if error.message else "")


def _status_of(error: Refusal) -> int:
    return next((status for kind, status in STATUS_OF.items() if isinstance(error, kind)), 409)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()
    response = current_app.make_response(error_page(error.code or 500))
    if isinstance(error, MethodNotAllowed):
        response.allow.update(error.valid_methods or ())
    return response


def _database_error(error: DBAPIError) -> ResponseReturnValue:
    if isinstance(error, OperationalError):
        log.error("database.away", error=type(error.orig).__name__)
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
    log.exception("request.failed", error=type(error).__name__)
    return error_page(500)
