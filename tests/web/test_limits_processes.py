"""Over real HTTP: what one process has counted, another one knows."""

import http.client
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from membership.patronage.giving_views import SEATS_A_DAY
from membership.patronage.models import FreeSeatRequest
from tests.patronage.conftest import serving
from tests.serving import serve

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


def ask_for_seat(port: int, email: str, cookie: str, host: dict[str, str]) -> tuple[int, str]:
    """Ask for a free seat with this browser's cookie; return the status and the cookie that the browser has now."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/support/free-seat", f"email={email}", FORM | host | {"Cookie": cookie})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    given = [each.partition(";")[0] for each in answer.headers.get_all("Set-Cookie", []) if each.startswith("browser=")]
    return answer.status, given[0] if given else cookie


def test_two_processes_share_one_limit(engine: Engine, session: Session, environ: dict[str, str], app: Flask) -> None:
    shared = environ | {"DATABASE_URL": engine.url.render_as_string(hide_password=False)}
    app.extensions["kernel"].clock.instant = datetime.now(UTC)  # as in the other process
    statuses, cookie = [], ""
    # One process is granian's, the other is this one.
    with serve("wsgi:app", shared) as (one, _), serving(app) as other:
        for number in range(SEATS_A_DAY + 2):
            port, host = [(one, {}), (other, {"Host": "localhost"})][number % 2]
            status, cookie = ask_for_seat(port, f"a{number}@example.org", cookie, host)
            statuses.append(status)
        elsewhere, _cookie = ask_for_seat(one, "b@example.org", "", {})

    assert statuses == [303] * SEATS_A_DAY + [429] * 2
    assert elsewhere == 303
    assert session.scalar(select(func.count()).select_from(FreeSeatRequest)) == SEATS_A_DAY + 1
