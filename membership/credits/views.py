"""The open page that says what readers chose and what became of it."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from membership.credits import ledger as promises
from membership.web.audience import everyone
from membership.web.database import now, session, settings
from membership.web.languages import current_language, open_route, path_in
from membership.web.open_pages import open_page

bp = Blueprint("credits", __name__)


@open_route(bp, "/chosen")
@everyone
@open_page
def ledger() -> ResponseReturnValue:
    """Show every published vote with its promises."""
    found = promises.ledger(session(), at=now(), zone=settings().time_zone, language=current_language())
    alternates = {code: path_in(code) for code in settings().languages}
    return render_template("credits/ledger.html", ledger=found, alternates=alternates)
