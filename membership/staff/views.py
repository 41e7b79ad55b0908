"""The desk: what needs a person today, and what staff can look up."""

import json
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership import outbox
from membership.staff import audit_trail as trail
from membership.staff import figures as numbers
from membership.staff import queries, services
from membership.staff.spreadsheet import csv_text
from membership.web.audience import staff
from membership.web.database import kernel, now, session, settings
from membership.web.languages import current_language

bp = Blueprint("staff", __name__, url_prefix="/staff")


@bp.get("")
@staff()
def desk() -> ResponseReturnValue:
    """Show what needs a person today."""
    zone = settings().time_zone
    return _page("desk", desk=queries.desk(session(), at=now(), zone=zone), today=now().astimezone(zone).date())


@bp.get("/audit")
@staff("admin")
def audit_trail() -> ResponseReturnValue:
    """Show who did what."""
    wanted, page = _asked_trail()
    return _page("audit_trail", wanted=wanted, page=page, acts=trail.known_acts(session()), here=_address_of)


@bp.get("/audit.csv")
@staff("admin")
def audit_csv() -> ResponseReturnValue:
    """Give exactly the lines that the page with the same address shows, as a file."""
    _wanted, page = _asked_trail()
    rows = [
        (
            line.entry.at.isoformat(),
            line.actor,
            line.entry.act,
            line.entry.subject_type,
            line.entry.subject_id,
            line.entry.reason,
            json.dumps(line.entry.details, ensure_ascii=False, sort_keys=True),
        )
        for line in page.lines
    ]
    text = csv_text(("at", "who", "act", "subject", "id", "reason", "details"), rows)
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="audit.csv"'})


@bp.get("/figures")
@staff()
def figures() -> ResponseReturnValue:
    """Show the newsroom's numbers with what each of them means."""
    return _page("figures", figures=numbers.figures(session(), at=now(), language=current_language()), at=now())


@bp.get("/roles")
@staff()
def roles() -> ResponseReturnValue:
    """Show what each role may do and who holds it."""
    return _page("roles", holders=queries.holders_of_roles(session()))


@bp.get("/dead-letters")
@staff("admin")
def dead_letters() -> ResponseReturnValue:
    """Show the mails that were given up."""
    return _page("dead_letters", items=outbox.dead_letters(session()))


@bp.post("/dead-letters/<int:item_id>/retry")
@staff("admin")
def retry_letter(item_id: int) -> ResponseReturnValue:
    """Try a mail again."""
    services.retry_letter(session(), item_id=item_id, actor_id=current_user.member.id, now=now())
    kernel().queue.wake("mails")
    flash(_("It will be tried again now."), "success")
    return redirect(url_for(".dead_letters"), code=303)


@bp.get("/stripe-events")
@staff("treasurer")
def stripe_events() -> ResponseReturnValue:
    """Show what Stripe told us that could not be worked on yet."""
    return _page("stripe_events", events=queries.stuck_events(session()))


def _asked_trail() -> tuple[trail.Filter, trail.Page]:
    asked = {name: request.args.get(name, "").strip() for name in ("act", "subject_type", "subject_id")}
    wanted = trail.Filter(**asked)
    before, after = (request.args.get(name, type=int) for name in ("before", "after"))
    return wanted, trail.trail(session(), wanted, before=before, after=after)


def _address_of(endpoint: str, wanted: trail.Filter, **more: int | None) -> str:
    """Return an address that keeps the filter."""
    kept: dict[str, Any] = {**asdict(wanted), **more}
    return url_for(endpoint, **{name: value for name, value in kept.items() if value not in ("", None)})


def _page(name: str, **context: object) -> str:
    return render_template(f"staff/{name}.html", viewer=current_user, **context)
