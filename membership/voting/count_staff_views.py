"""The staff's page of a count: open the box, review it under embargo, count again, publish."""

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import NotFound
from membership.voting import counting, public, queries, result_page, services
from membership.voting.alarm import find_alarm
from membership.voting.models import Round
from membership.web.audience import asks_again, staff
from membership.web.database import kernel, now, session

bp = Blueprint("voting_count", __name__, url_prefix="/staff/votes/<slug:round_slug>/count")


@bp.get("")
@staff()
def show_count(round_slug: str) -> ResponseReturnValue:
    """Show the count to review it, or the button that opens the box."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    at = now()
    context: dict[str, object] = {}
    if round_.count:
        context = result_page.context(session(), round_) | {"both": counting.winners_by_rule(session(), round_)}
    return render_template(
        "voting/staff/show_count.html",
        viewer=current_user,
        problem=False,
        round=round_,
        state=queries.round_state(round_, at),
        turnout=queries.turnout(session(), round_, at=at),
        alarm=find_alarm(session(), round_, at=at) if round_.count else None,
        **context,
    )


@bp.get("/result.json")
@staff()
def count_json(round_slug: str) -> ResponseReturnValue:
    """Give the count as data, as it will be public."""
    round_ = _counted(round_slug)
    return jsonify(public.result_data(round_, queries.turnout(session(), round_, at=now())))


@bp.get("/result.csv")
@staff()
def count_csv(round_slug: str) -> ResponseReturnValue:
    """Give the count as a table, as it will be public."""
    return Response(public.result_csv(_counted(round_slug)), mimetype="text/csv")


@bp.post("")
@staff("counter")
@asks_again
def open_box(round_slug: str) -> ResponseReturnValue:
    """Open the box and count it, once."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    services.open_box(session(), round_id=round_.id, actor_id=_actor(), now=now())
    return _back(round_, _("The box is open and counted. The result will be published, whatever it is."))


@bp.post("/recount")
@staff("counter", "editor")
def recount(round_slug: str) -> ResponseReturnValue:
    """Count the certified ballots again and say whether it comes out the same."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    if counting.recount(session(), round_):
        return _back(round_, _("Counted again from the ballots: exactly the same result."))
    changed = _("Counted again from the ballots: the result is NOT the same. Somebody has changed the ballots or the count.")
    return _back(round_, changed, category="problem")


@bp.post("/publication")
@staff("counter")
@asks_again
def publish(round_slug: str) -> ResponseReturnValue:
    """Publish the result before the embargo's end."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    services.publish(session(), round_id=round_.id, actor_id=_actor(), now=now())
    for job in ("certificates", "commissions", "awards"):
        kernel().queue.wake(job)
    return _back(round_, _("The result is public."))


def _counted(round_slug: str) -> Round:
    round_ = queries.get_round_by_slug(session(), round_slug)
    if round_.count is None:
        raise NotFound(_("This vote has not been counted yet."))
    return round_


def _back(round_: Round, said: str, *, category: str = "message") -> ResponseReturnValue:
    flash(said, category)
    return redirect(url_for(".show_count", round_slug=round_.slug), code=303)


def _actor() -> int:
    return int(current_user.member.id)
