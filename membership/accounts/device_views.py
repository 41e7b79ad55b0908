"""Where somebody is signed in: the page of their browsers, and the hour in which each was last used."""

import re
from datetime import timedelta

import structlog
from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from membership.accounts import queries, services, sign_in_rules
from membership.logs import name_of
from membership.web import database as web
from membership.web.audience import member
from membership.web.languages import LanguagePrefix

log = structlog.get_logger()
bp = Blueprint("accounts_devices", __name__, url_prefix="/account/devices")

# Where ballots are shown and taken: nothing that names a member is written there, or the two could be laid side by side.
VOTES = re.compile(rf"(?:/{LanguagePrefix.regex})?/votes(?:/|$)")


@bp.get("")
@member
def devices() -> ResponseReturnValue:
    """Show where this member is signed in."""
    sessions = queries.live_sessions_of(web.session(), current_user.member.id, now=web.now())
    return render_template(
        "accounts/devices.html",
        viewer=current_user,
        problem=False,
        sessions=sessions,
        idle_days=sign_in_rules.idle_lifetime("mail").days,
        idle_hours=sign_in_rules.idle_lifetime("passkey") // timedelta(hours=1),
    )


@bp.post("/<int:session_id>/end")
@member
def end_device(session_id: int) -> ResponseReturnValue:
    """Sign one other browser out."""
    services.end_session(web.session(), session_id=session_id, member_id=current_user.member.id, now=web.now())
    flash(_("That browser is signed out."))
    return redirect(url_for(".devices"), code=303)


@bp.post("/end-others")
@member
def end_other_devices() -> ResponseReturnValue:
    """Sign every browser out but this one."""
    services.end_other_sessions(web.session(), member_id=current_user.member.id, keep_id=current_user.session_id, now=web.now())
    flash(_("You are signed out everywhere but here."))
    return redirect(url_for(".devices"), code=303)


@bp.after_app_request
def note_use(response: Response) -> Response:
    """Note in which hour the browser was used, if the page has looked at who is signed in: others know nobody."""
    seen = g.get("seen_session")
    if seen is None or request.method != "GET" or response.status_code >= 400 or VOTES.match(request.path):
        return response
    session_id, last_seen_at = seen
    if last_seen_at < sign_in_rules.hour_of(web.now()):
        try:
            services.touch_session(web.session(), session_id=session_id, now=web.now())
        except SQLAlchemyError as error:  # the page is made: that it can't be noted must not cost the reader the page
            log.warning("session.not_touched", error=name_of(error))
    return response
