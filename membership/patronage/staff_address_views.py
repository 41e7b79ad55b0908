"""Somebody has lost their mailbox: staff order another address, which the old mailbox can stop for three days."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.accounts import services
from membership.accounts.queries import get_member
from membership.errors import Conflict, NotAllowed, TooOften
from membership.patronage.staff_forms import LostMailboxForm
from membership.web.audience import asks_again, staff
from membership.web.database import kernel, now, session, settings
from membership.web.errors import refusal_text, retry_after
from membership.web.refused_requests import note_refusal

bp = Blueprint("patronage_staff_address", __name__, url_prefix="/staff")


@bp.route("/people/<int:member_id>/address", methods=["GET", "POST"])
@staff("treasurer")
@asks_again
def change_address(member_id: int) -> ResponseReturnValue:
    """Order another address for somebody: told to the old mailbox, confirmed by the new one."""
    form = LostMailboxForm()
    if not form.validate_on_submit():
        return _page(member_id, form), 422 if form.is_submitted() else 200
    order = {"new_email": form.email.data, "reason": form.reason.data, "secret_key": settings().secret_key}
    try:
        services.order_address_change(session(), member_id=member_id, actor_id=current_user.member.id, now=now(), **order)
    except (Conflict, NotAllowed, TooOften) as refused:
        if isinstance(refused, NotAllowed):
            note_refusal("role")
        form.email.errors = [refusal_text(refused)]
        return _page(member_id, form), 429 if isinstance(refused, TooOften) else 422, retry_after(refused)
    kernel().queue.wake("mails")
    flash(_("Ordered. Both mailboxes are told now."))
    return _back_to(member_id)


@bp.post("/people/<int:member_id>/address/<int:change_id>/take-back")
@staff("treasurer")
def take_back_address(member_id: int, change_id: int) -> ResponseReturnValue:
    """Leave somebody's address as it is."""
    services.take_back_address_change(
        session(), change_id=change_id, member_id=member_id, actor_id=current_user.member.id, now=now()
    )
    flash(_("Taken back. The address stays as it is."))
    return _back_to(member_id)


def _page(member_id: int, form: LostMailboxForm) -> str:
    person = get_member(session(), member_id)
    problem = bool(form.errors)
    return render_template("patronage/staff/change_address.html", viewer=current_user, person=person, form=form, problem=problem)


def _back_to(member_id: int) -> ResponseReturnValue:
    return redirect(url_for("patronage_staff.show_person", member_id=member_id), code=303)
