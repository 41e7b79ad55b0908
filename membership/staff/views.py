"""The desk: what needs a person today, and what staff can look up."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership import audit_check, outbox
from membership.refusal_counts import refusals_since
from membership.staff import audit_trail as trail
from membership.staff import figures as numbers
from membership.staff import queries, services
from membership.staff.act_words import act_words
from membership.staff.spreadsheet import csv_lines
from membership.web.audience import staff
from membership.web.database import kernel, now, session, settings
from membership.web.languages import current_language

bp = Blueprint("staff", __name__, url_prefix="/staff")
COLUMNS = ("entry", "at", "who", "act", "subject", "id", "reason", "details")


@bp.get("")
@staff()
def desk() -> ResponseReturnValue:
    """Show what needs a person today."""
    zone = settings().time_zone
    return _page("desk", desk=queries.desk(session(), at=now(), zone=zone), today=now().astimezone(zone).date())


@bp.get("/audit")
@staff("admin")
def audit_trail() -> ResponseReturnValue:
    """Show who did what, and whether the record of it still holds."""
    wanted, page = _asked_trail()
    month_ago = now().astimezone(settings().time_zone).date() - timedelta(days=30)
    return _page(
        "audit_trail",
        wanted=wanted,
        page=page,
        acts=sorted((act_words(act), act) for act in trail.known_acts(session())),
        people=trail.staff_names(session()),
        checked=audit_check.newest_check(session()),
        refusals=refusals_since(session(), month_ago),
        words=act_words,
        here=_address_of,
    )


@bp.get("/audit.csv")
@staff("admin")
def audit_csv() -> ResponseReturnValue:
    """Give exactly the lines that the page with the same address shows, as a file."""
    _wanted, page = _asked_trail()
    return _csv_file("audit.csv", csv_lines(COLUMNS, map(_row, page.lines)))


@bp.get("/audit-all.csv")
@staff("admin")
def audit_all_csv() -> ResponseReturnValue:
    """Give every line that fits the filter, however many there are, as a file that is sent while it is read."""
    wanted = _asked_filter()
    named = {name: str(value) for name, value in asdict(wanted).items() if value}
    services.record_export(session(), wanted=named, actor_id=current_user.member.id, now=now())
    sessions, zone = kernel().sessions, settings().time_zone

    def lines() -> Iterator[str]:
        with sessions() as own:  # the request's is closed before the last line is sent
            yield from csv_lines(COLUMNS, map(_row, trail.whole_trail(own, wanted, zone=zone)))

    return _csv_file("audit-all.csv", lines())


@bp.get("/figures")
@staff()
def figures() -> ResponseReturnValue:
    """Show the newsroom's numbers with what each of them means."""
    return _page("figures", figures=numbers.figures(session(), at=now(), language=current_language()), at=now())


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
    wanted = _asked_filter()
    before, after = (request.args.get(name, type=int) for name in ("before", "after"))
    return wanted, trail.trail(session(), wanted, before=before, after=after, zone=settings().time_zone)


def _asked_filter() -> trail.Filter:
    words = {name: request.args.get(name, "").strip() for name in ("act", "subject_type", "subject_id", "person")}
    return trail.Filter(**words, since=request.args.get("since", type=_day), until=request.args.get("until", type=_day))


def _day(typed: str) -> date:
    day = date.fromisoformat(typed.strip())
    if not 1970 <= day.year < 9999:  # what lies outside has no midnight that a database holds
        raise ValueError(typed)
    return day


def _row(line: trail.Line) -> tuple[object, ...]:
    entry = line.entry
    details = json.dumps(entry.details, ensure_ascii=False, sort_keys=True)
    return entry.id, entry.at.isoformat(), line.actor, entry.act, entry.subject_type, entry.subject_id, entry.reason, details


def _csv_file(name: str, lines: Iterator[str]) -> Response:
    return Response(lines, mimetype="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _address_of(endpoint: str, wanted: trail.Filter, **more: object) -> str:
    """Return an address that keeps the filter."""
    kept: dict[str, Any] = {**asdict(wanted), **more}
    return url_for(endpoint, **{name: value for name, value in kept.items() if value not in ("", None)})


def _page(name: str, **context: object) -> str:
    return render_template(f"staff/{name}.html", viewer=current_user, **context)
