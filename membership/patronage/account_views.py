"""The patron's own page: what they are here, what is taken, and the way out."""

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.credits.queries import badges_of
from membership.patronage import queries, services
from membership.patronage.forms import STOP_REASONS, StopForm
from membership.patronage.gateway import Gateway
from membership.voting.queries import find_open_round, participations_of
from membership.web.audience import member
from membership.web.database import kernel, now, session
from membership.web.languages import current_language

bp = Blueprint("patronage_account", __name__)


@bp.get("/account")
@member
def show_account() -> ResponseReturnValue:
    """Show a member what they are here, what is taken, and what they took part in; never what they ticked."""
    person = current_user.member
    standing = queries.standing_of(session(), person.id, at=now())
    return _page(
        "show_account",
        standing=standing,
        is_twin=queries.is_twin(session(), person),
        running=queries.live_subscriptions_of(session(), person.id),
        payments=queries.payments_of(session(), person.id),
        participations=participations_of(session(), person.id),
        badges=badges_of(session(), person.id, standing, language=current_language()),
        round_=find_open_round(session(), at=now()),
    )


@bp.route("/account/stop", methods=["GET", "POST"])
@member
def stop() -> ResponseReturnValue:
    """Ask once whether the support shall end, and end it with the time that is paid for."""
    person = current_user.member
    form = StopForm()
    if not queries.live_subscriptions_of(session(), person.id) or not form.validate_on_submit():
        return _stop_page(form)
    services.stop_support(session(), _gateway(), member_id=person.id, reason=form.known_reason, now=now())
    kernel().queue.wake("mails")
    if queries.live_subscriptions_of(session(), person.id):
        return redirect(url_for(".stop"), code=303)
    flash(_("Stopped at once. Nothing more will be taken."))
    return redirect(url_for(".show_account"), code=303)


@bp.post("/account/resume")
@member
def resume() -> ResponseReturnValue:
    """Take a stop back before its day has come."""
    services.resume_support(session(), _gateway(), member_id=current_user.member.id, now=now())
    flash(_("Your support goes on. Thank you."))
    return redirect(url_for(".show_account"), code=303)


def _stop_page(form: StopForm) -> ResponseReturnValue:
    person = current_user.member
    running = next(iter(queries.live_subscriptions_of(session(), person.id)), None)
    given = queries.money_given(session(), person.id)
    standing = queries.standing_of(session(), person.id, at=now())
    return _page("stop", form=form, running=running, given=given, standing=standing, reasons=STOP_REASONS)


def _gateway() -> Gateway:
    gateway: Gateway = current_app.extensions["gateway"]
    return gateway


def _page(name: str, **context: object) -> str:
    return render_template(f"patronage/{name}.html", viewer=current_user, **context)
