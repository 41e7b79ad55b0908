"""The treasurer's pages about money that comes another way: free seats, bank statements, other platforms."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import Conflict
from membership.patronage import giving, services
from membership.web.audience import staff
from membership.web.database import kernel, now, session

bp = Blueprint("patronage_staff_giving", __name__, url_prefix="/staff")


@bp.get("/seats")
@staff("treasurer")
def list_seats() -> ResponseReturnValue:
    """Show who asks for a free seat, what was answered lately, and what the pool holds."""
    return render_template(
        "patronage/staff/list_seats.html",
        viewer=current_user,
        waiting=giving.waiting_seat_requests(session(), at=now()),
        answered=giving.answered_seat_requests(session(), at=now()),
        pool_months=giving.pool_months(session()),
        staff_months=services.STAFF_SEAT_MONTHS,
        pool_seat_months=services.POOL_SEAT_MONTHS,
    )


@bp.post("/seats/<int:request_id>/<any(granted, declined):decision>")
@staff("treasurer")
def decide_seat(request_id: int, decision: str) -> ResponseReturnValue:
    """Answer one request; the mail goes out at once."""
    actor_id = current_user.member.id
    try:
        services.decide_free_seat(session(), request_id=request_id, decision=decision, actor_id=actor_id, now=now())
    except Conflict as refused:
        flash(_(refused.message), "warning")
    else:
        kernel().queue.wake("mails")
        flash(_("Granted. The mail is on its way.") if decision == "granted" else _("Declined. The mail is on its way."))
    return redirect(url_for(".list_seats"), code=303)
