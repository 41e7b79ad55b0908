"""The treasurer's page about those who pay at Patreon."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import Conflict
from membership.patronage import patreon, services
from membership.patronage.patreon_sheet import PatreonSheet, read_members
from membership.patronage.sheets import MOST_BYTES
from membership.patronage.staff_transfer_forms import SheetForm
from membership.web.audience import staff
from membership.web.database import kernel, now, session, settings
from membership.web.languages import current_language
from membership.web.security import takes_file

bp = Blueprint("patronage_staff_patreon", __name__, url_prefix="/staff")

SHOWN_PEOPLE = 200


@bp.get("/patreon")
@staff("treasurer")
def show_patreon() -> ResponseReturnValue:
    """Show what the uploaded list would change, and what earlier ones did."""
    return _page(SheetForm(read_members))


@bp.post("/patreon")
@staff("treasurer")
@takes_file(MOST_BYTES)
def upload_patreon() -> ResponseReturnValue:
    """Keep a list to be looked at; nothing changes yet."""
    form = SheetForm(read_members)
    if not form.validate_on_submit():
        return _page(form), 422
    services.upload_patreon(session(), sheet=form.sheet, actor_id=current_user.member.id, now=now())
    return redirect(url_for(".show_patreon"), code=303)


@bp.post("/patreon/<int:import_id>/apply")
@staff("treasurer")
def apply_patreon(import_id: int) -> ResponseReturnValue:
    """Apply a list that was looked at."""
    chosen = request.form.get("language", "")
    language = chosen if chosen in settings().languages else current_language()
    actor_id = current_user.member.id
    try:
        services.apply_patreon(session(), import_id=import_id, language=language, actor_id=actor_id, now=now())
    except Conflict as refused:
        flash(_(refused.message), "warning")
    else:
        kernel().queue.wake("mails")
        flash(_("The list is applied. Who is new gets a mail."))
    return redirect(url_for(".show_patreon"), code=303)


@bp.post("/patreon/<int:import_id>/discard")
@staff("treasurer")
def discard_patreon(import_id: int) -> ResponseReturnValue:
    """Put a list away that was only looked at."""
    services.discard_patreon(session(), import_id=import_id)
    flash(_("Put away. Nothing has changed."))
    return redirect(url_for(".show_patreon"), code=303)


def _page(form: SheetForm[PatreonSheet]) -> str:
    draft = patreon.find_draft(session())
    changes = patreon.compare_patreon(session(), patreon.drafted_rows(draft), at=now()) if draft else None
    context: dict[str, Any] = {"draft": draft, "changes": changes, "most": SHOWN_PEOPLE}
    if changes is not None:
        context["addresses"] = patreon.addresses_of(session(), changes.left[:SHOWN_PEOPLE])
        context["otherwise"] = patreon.count_patrons_otherwise(session(), [row.email for row in changes.joined], at=now())
    return render_template(
        "patronage/staff/show_patreon.html",
        viewer=current_user,
        form=form,
        problem=bool(form.errors),
        lists=patreon.applied_lists(session()),
        overdue_since=patreon.find_overdue_list(session(), at=now()),
        languages=settings().languages,
        **context,
    )
