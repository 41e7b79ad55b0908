"""What becomes of a refused request: that of signed-in staff is an act in the audit trail, that of anybody else a number."""

import structlog
from flask import Flask, current_app, g, request
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from membership import audit
from membership.db import transaction
from membership.logs import name_of
from membership.refusal_counts import RefusalCounter
from membership.web.database import kernel, now, settings

log = structlog.get_logger()


def init_app(app: Flask) -> None:
    """Look at each answer: was this request refused?"""

    @app.after_request
    def keep(response: Response) -> Response:
        kind = "often" if response.status_code == 429 else g.pop("refused_as", None)
        counter: RefusalCounter = current_app.extensions["refusals"]
        try:
            if kind:
                _keep(kind, response.status_code, counter)
            elif request.method == "GET":  # never with what writes: a ballot's request writes nothing but the ballot
                counter.write_if_due(now())
        except SQLAlchemyError as error:  # the refusal stands, whether or not it can be written down
            log.warning("refusals.not_written", error=name_of(error))
        return response


def note_refusal(kind: str) -> None:
    """Say of the present request how it was refused: "role" (this person may not) or "foreign" (no page of ours sent it)."""
    g.refused_as = kind


def _keep(kind: str, status: int, counter: RefusalCounter) -> None:
    if kind != "often" and current_user.is_authenticated and current_user.is_staff:
        _record(current_user.member.id, status)
    else:
        counter.count(kind, on=now().astimezone(settings().time_zone).date(), now=now())


def _record(member_id: int, status: int) -> None:
    # In a session of its own: the request's is rolled back. What was typed is never kept, only where it was sent.
    with kernel().sessions() as session, transaction(session):
        audit.record(
            session,
            act="refused",
            subject=("route", request.endpoint or "unknown"),
            actor_id=member_id,
            now=now(),
            method=request.method,
            status=status,
        )
