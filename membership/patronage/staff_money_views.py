"""The treasurer's pages about being true to Stripe: comparison, checks, the day it closes."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.patronage import services
from membership.patronage.keeping import SHOWN_DIFFERENCES, keeping
from membership.patronage.keeping_words import CHECK_WORDS, FIELD_WORDS, TABLE_WORDS
from membership.patronage.staff_money_forms import CloseStripeForm
from membership.web.audience import asks_again, staff
from membership.web.database import kernel, now, session

bp = Blueprint("patronage_staff_money", __name__, url_prefix="/staff")

RECENT = timedelta(days=2)


@bp.get("/money")
@staff("treasurer")
def money() -> ResponseReturnValue:
    """Show the newest comparison with Stripe, the checks of our sums, and the switch."""
    return _page(CloseStripeForm())


@bp.post("/money/compare")
@staff("treasurer")
def compare() -> ResponseReturnValue:
    """Ask for a comparison, which the job carries out."""
    is_applied, is_recent = request.form.get("apply") == "yes", request.form.get("since") == "recent"
    services.request_reconcile(
        session(),
        is_applied=is_applied,
        since=now() - RECENT if is_recent else None,
        requested_by=current_user.member.id,
        now=now(),
    )
    kernel().queue.wake("reconcile")
    flash(_("The comparison has begun. Its progress stands here; load this page again to see it."))
    return redirect(url_for(".money"), code=303)


@bp.post("/money/check")
@staff("treasurer")
def check() -> ResponseReturnValue:
    """Run the checks of our sums now."""
    services.check_money(session(), now=now())
    return redirect(url_for(".money", _anchor="checks"), code=303)


@bp.post("/money/close-stripe")
@staff("treasurer")
@asks_again
def close_stripe() -> ResponseReturnValue:
    """Turn every ask to the other ways."""
    form = CloseStripeForm()
    if not form.validate_on_submit():
        return _page(form), 422
    services.close_stripe(session(), reason=form.reason.data, actor_id=current_user.member.id, now=now())
    flash(_("From now on the asks lead to the other ways."))
    return redirect(url_for(".money", _anchor="switch"), code=303)


@bp.post("/money/reopen-stripe")
@staff("treasurer")
def reopen_stripe() -> ResponseReturnValue:
    """Take cards again."""
    services.reopen_stripe(session(), actor_id=current_user.member.id, now=now())
    flash(_("The asks take cards again."))
    return redirect(url_for(".money", _anchor="switch"), code=303)


def _page(form: CloseStripeForm) -> str:
    return render_template(
        "patronage/staff/money.html",
        viewer=current_user,
        kept=keeping(session()),
        most=SHOWN_DIFFERENCES,
        form=form,
        checks=CHECK_WORDS,
        tables=TABLE_WORDS,
        fields=FIELD_WORDS,
    )
