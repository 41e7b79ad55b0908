"""The staff's pages of voting: set up, close, check blind, open, review, publish; and the suggestions to answer."""

from typing import cast

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import Refusal
from membership.voting import box, counting, explanation, public, queries, services
from membership.voting.board import answered_topics, usable_topics, waiting_suggestions
from membership.voting.forms import DecisionForm, NoteForm, RoundForm, SuggestionForm
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from membership.voting.refusals import StillSettling
from membership.web.audience import asks_again, staff
from membership.web.database import clock, kernel, now, session, settings
from membership.web.languages import current_language

bp = Blueprint("voting_staff", __name__, url_prefix="/staff")


@bp.get("/votes")
@staff()
def list_rounds() -> ResponseReturnValue:
    """List every vote."""
    at = now()
    rounds = [
        (round_, queries.round_state(round_, at), queries.turnout(session(), round_, at=at))
        for round_ in queries.all_rounds(session())
    ]
    return _page("list_rounds", rounds=rounds)


@bp.route("/votes/new", methods=["GET", "POST"])
@staff("editor")
def create_round() -> ResponseReturnValue:
    """Set up a vote."""
    form = RoundForm(usable_topics(session()), zone=settings().time_zone, now=now())
    if not form.validate_on_submit():
        return _page("create_round", form=form), 422 if form.is_submitted() else 200
    try:
        round_id = _create(form)
    except Refusal as refusal:
        form.form_errors.append(_(refusal.message))
        return _page("create_round", form=form), 422
    return _to_round(queries.get_round(session(), round_id), _("The vote is set up. It opens by itself at its time."))


@bp.get("/votes/<slug:round_slug>")
@staff()
def show_round(round_slug: str) -> ResponseReturnValue:
    """Show where a vote stands and the next act it needs."""
    return _round_page(queries.get_round_by_slug(session(), round_slug), NoteForm(formdata=None))


@bp.post("/votes/<slug:round_slug>/opening")
@staff("editor")
def open_round(round_slug: str) -> ResponseReturnValue:
    """Open a vote now."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    services.open_round(session(), round_id=round_.id, keys=_keys(), actor_id=_actor(), clock=clock())
    return _to_round(round_, _("The vote is open. Its rules can't be changed any more."))


@bp.post("/votes/<slug:round_slug>/removal")
@staff("editor")
def drop_round(round_slug: str) -> ResponseReturnValue:
    """Take back a vote that has not opened."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    services.drop_round(session(), round_id=round_.id, actor_id=_actor(), now=now())
    flash(_("The vote was taken back before it opened."))
    return redirect(url_for(".list_rounds"), code=303)


@bp.post("/votes/<slug:round_slug>/closing")
@staff("editor", "counter")
def close_round(round_slug: str) -> ResponseReturnValue:
    """Close a vote before its time, with a public note."""
    round_, form = queries.get_round_by_slug(session(), round_slug), NoteForm()
    if not form.validate_on_submit():
        return _round_page(round_, form), 422
    services.close_round(session(), round_id=round_.id, note=form.note.data, actor_id=_actor(), clock=clock())
    return _to_round(round_, _("The vote is closed, for good."))


@bp.post("/votes/<slug:round_slug>/check")
@staff("counter")
def check_box(round_slug: str) -> ResponseReturnValue:
    """Note that the first person found the box in order."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    try:
        services.check_box(session(), round_id=round_.id, keys=_keys(), actor_id=_actor(), now=now())
    except StillSettling as refusal:
        flash(_(refusal.message), "problem")
        return redirect(url_for(".show_round", round_slug=round_slug), code=303)
    return _to_round(round_, _("You have checked the box. A second person has to confirm it."))


@bp.post("/votes/<slug:round_slug>/check/removal")
@staff("counter")
def take_back_check(round_slug: str) -> ResponseReturnValue:
    """Take back a first check that nobody has confirmed."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    services.take_back_check(session(), round_id=round_.id, actor_id=_actor(), now=now())
    return _to_round(round_, _("The first check is taken back. The box waits for two people again."))


@bp.post("/votes/<slug:round_slug>/confirmation")
@staff("counter")
@asks_again
def confirm_check(round_slug: str) -> ResponseReturnValue:
    """Certify the box as the second person."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    services.confirm_check(session(), round_id=round_.id, keys=_keys(), actor_id=_actor(), now=now())
    kernel().queue.wake("vote_keys")
    return _to_round(round_, _("The box is checked by two people, and what tied ballots to voters is being destroyed."))


@bp.post("/votes/<slug:round_slug>/count")
@staff("counter")
@asks_again
def open_box(round_slug: str) -> ResponseReturnValue:
    """Open the box and count it, once."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    services.open_box(session(), round_id=round_.id, actor_id=_actor(), now=now())
    return _to_round(round_, _("The box is open and counted. The result will be published, whatever it is."))


@bp.post("/votes/<slug:round_slug>/recount")
@staff("counter", "editor")
def recount(round_slug: str) -> ResponseReturnValue:
    """Count the certified ballots again and say whether it comes out the same."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    if counting.recount(session(), round_):
        return _to_round(round_, _("Counted again from the ballots: exactly the same result."))
    flash(
        _("Counted again from the ballots: the result is NOT the same. Somebody has changed the ballots or the count."), "problem"
    )
    return redirect(url_for(".show_round", round_slug=round_slug), code=303)


@bp.post("/votes/<slug:round_slug>/publication")
@staff("counter")
@asks_again
def publish(round_slug: str) -> ResponseReturnValue:
    """Publish the result before the embargo's end."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    services.publish(session(), round_id=round_.id, actor_id=_actor(), now=now())
    for job in ("commissions", "awards"):
        kernel().queue.wake(job)
    return _to_round(round_, _("The result is public."))


@bp.route("/topics", methods=["GET", "POST"])
@staff("editor")
def list_topics() -> ResponseReturnValue:
    """List the suggestions that wait for an answer and every other topic; add one of the newsroom's own."""
    form = SuggestionForm()
    if not form.validate_on_submit():
        return _topics_page(form), 422 if form.is_submitted() else 200
    services.add_topic(
        session(), title=form.title.data, why=form.why.data, language=current_language(), actor_id=_actor(), now=now()
    )
    flash(_("The topic is added and can stand on the next ballot."))
    return redirect(url_for(".list_topics"), code=303)


@bp.post("/topics/<int:topic_id>/decision")
@staff("editor")
def decide_topic(topic_id: int) -> ResponseReturnValue:
    """Answer a suggestion."""
    form = DecisionForm()
    try:
        services.decide_topic(
            session(), topic_id=topic_id, state=form.state.data or "", reason=form.reason.data or "", actor_id=_actor(), now=now()
        )
    except Refusal as refusal:
        return _topics_page(SuggestionForm(formdata=None), refused={topic_id: (_(refusal.message), form.reason.data)}), 422
    flash(_("Your answer is public."))
    return redirect(url_for(".list_topics"), code=303)


def _create(form: RoundForm) -> int:
    return services.create_round(
        session(),
        name=form.name.data,
        name_uk=form.name_uk.data or "",
        seats=int(form.seats.data),
        topic_ids=form.topics.data,
        opens_at=form.opens(),
        closes_at=form.closes(),
        actor_id=_actor(),
        now=now(),
    )


def _round_page(round_: Round, form: NoteForm) -> str:
    at = now()
    state = queries.round_state(round_, at)
    waits_for_check = round_.closing is not None and state in ("closed", "checked")
    context: dict[str, object] = {
        "report": box.report(session(), round_, keys=_keys(), at=at) if waits_for_check else None,
        "turnout": queries.turnout(session(), round_, at=at),
        "is_first_checker": round_.box_check is not None and round_.box_check.checked_by_id == _actor(),
        "at": at,
    }
    if round_.count:
        context |= _count_context(round_)
    return _page("show_round", round=round_, state=state, form=form, **context)


def _count_context(round_: Round) -> dict[str, object]:
    result = queries.result_of(round_)
    return {
        "result": result,
        "explained": explanation.explain(result),
        "points": explanation.score_table(result),
        "titles": round_.titles,
        "reasons": public.set_aside_reasons(round_),
    }


def _topics_page(form: SuggestionForm, refused: dict[int, tuple[str, str]] | None = None) -> str:
    waiting, answered = waiting_suggestions(session()), answered_topics(session())
    return _page("list_topics", form=form, waiting=waiting, answered=answered, refused=refused or {})


def _to_round(round_: Round, said: str) -> ResponseReturnValue:
    flash(said)
    return redirect(url_for(".show_round", round_slug=round_.slug), code=303)


def _actor() -> int:
    return int(current_user.member.id)


def _keys() -> RoundKeys:
    return cast(RoundKeys, current_app.extensions["round_keys"])


def _page(name: str, **context: object) -> str:
    problem = bool(getattr(context.get("form"), "errors", None) or context.get("refused"))
    return render_template(f"voting/staff/{name}.html", viewer=current_user, problem=problem, **context)
