"""The staff's page of a closed box: looked into by one person, confirmed by a second, before anybody can see who is ahead."""

from typing import cast

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import Unavailable
from membership.voting import box, checkers, queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from membership.voting.refusals import StillSettling
from membership.web.audience import asks_again, staff
from membership.web.database import kernel, now, session

bp = Blueprint("voting_box", __name__, url_prefix="/staff/votes/<slug:round_slug>/box")


@bp.get("")
@staff("counter")
def show_box(round_slug: str) -> ResponseReturnValue:
    """Show what there is to check of a closed box, and what was found when it was checked."""
    round_, at = queries.get_round_by_slug(session(), round_slug), now()
    state = queries.round_state(round_, at)
    is_waiting = round_.closing is not None and state in ("closed", "checked")
    context: dict[str, object] = {"report": None, "unreadable": ""}
    if is_waiting:
        try:
            context["report"] = box.report(session(), round_, keys=_keys(), at=at)
        except Unavailable as refusal:
            context["unreadable"] = _(refusal.message)
    return render_template(
        "voting/staff/show_box.html",
        viewer=current_user,
        problem=False,
        round=round_,
        state=state,
        at=at,
        is_first_checker=round_.box_check is not None and round_.box_check.checked_by_id == _actor(),
        is_only_checker=checkers.is_only_checker(session(), _actor()),
        second_look_from=checkers.second_look_from(session(), round_, _actor()),
        **context,
    )


@bp.post("")
@staff("counter")
def check_box(round_slug: str) -> ResponseReturnValue:
    """Note that the first person found the box in order."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    try:
        services.check_box(session(), round_id=round_.id, keys=_keys(), actor_id=_actor(), now=now())
    except StillSettling as refusal:
        return _back(round_, _(refusal.message), category="problem")
    if checkers.is_only_checker(session(), _actor()):
        return _back(round_, _("You have checked the box. You are the only one who can: look again in 24 hours and confirm it."))
    return _back(round_, _("You have checked the box. A second person has to confirm it."))


@bp.post("/removal")
@staff("counter")
def take_back_check(round_slug: str) -> ResponseReturnValue:
    """Take back a first check that nobody has confirmed."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    services.take_back_check(session(), round_id=round_.id, actor_id=_actor(), now=now())
    return _back(round_, _("The first check is taken back. The box waits for its first check again."))


@bp.post("/confirmation")
@staff("counter")
@asks_again
def confirm_check(round_slug: str) -> ResponseReturnValue:
    """Certify the box as its second checker."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    services.confirm_check(session(), round_id=round_.id, keys=_keys(), actor_id=_actor(), now=now())
    kernel().queue.wake("vote_keys")
    return _back(round_, _("The box is checked, and what tied ballots to voters is being destroyed."))


def _back(round_: Round, said: str, *, category: str = "message") -> ResponseReturnValue:
    flash(said, category)
    return redirect(url_for(".show_box", round_slug=round_.slug), code=303)


def _actor() -> int:
    return int(current_user.member.id)


def _keys() -> RoundKeys:
    return cast(RoundKeys, current_app.extensions["round_keys"])
