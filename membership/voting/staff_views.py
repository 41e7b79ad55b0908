"""The staff's pages of a vote's life: prepare, preview, open, give more time, take a topic off, close, void."""

from collections.abc import Callable
from typing import Any, cast

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import Conflict, NotAllowed
from membership.patronage.entitlement import Standing
from membership.staff.spreadsheet import csv_text
from membership.voting import paper, presets, queries, services
from membership.voting.board import usable_topics
from membership.voting.forms import BallotForm
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from membership.voting.queries import Turnout
from membership.voting.round_forms import ChangeForm, ClosingForm, ExtensionForm, RoundForm, VoidingForm, WithdrawalForm
from membership.voting.round_list import GROUPS, RoundLine, RoundPage, list_of
from membership.voting.services.setting_up import find_obstacle
from membership.voting.topic_queries import support_of
from membership.voting.voter import Voter
from membership.web.audience import asks_again, staff
from membership.web.database import clock, kernel, now, session, settings

bp = Blueprint("voting_staff", __name__, url_prefix="/staff")

LONGEST_SEARCH = 100
COLUMNS = ("address", "name", "state", "opens", "closes", "promised", "rule", "can_vote")


@bp.get("/votes")
@staff()
def list_rounds() -> ResponseReturnValue:
    """List the votes that are looked for."""
    wanted, page = _asked()
    return _page("list_rounds", wanted=wanted, page=page, groups=GROUPS)


@bp.get("/votes.csv")
@staff()
def rounds_csv() -> ResponseReturnValue:
    """Give exactly the votes that the page with the same address shows, as a file."""
    text = csv_text(COLUMNS, [_row(line) for line in _asked()[1].lines])
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="votes.csv"'})


@bp.route("/votes/new", methods=["GET", "POST"])
@staff("editor")
def create_round() -> ResponseReturnValue:
    """Set up a vote of one of the usual kinds, as a draft."""
    form = _round_form(request.args.get("preset", presets.DEFAULT))
    if not form.validate_on_submit():
        return _settings_page(form), 422 if form.is_submitted() else 200
    try:
        round_id = services.create_round(session(), actor_id=_actor(), now=now(), draft=True, **form.settings())
    except (Conflict, NotAllowed) as refusal:
        form.form_errors.append(_(refusal.message))
        return _settings_page(form), 422
    return _to_round(queries.get_round(session(), round_id), _("Kept as a draft. Look at the ballot, then announce it."))


@bp.route("/votes/<slug:round_slug>/settings", methods=["GET", "POST"])
@staff("editor")
def edit_round(round_slug: str) -> ResponseReturnValue:
    """Change a vote that has not opened."""
    round_ = _round(round_slug)
    if round_.opening:
        raise Conflict(_("This vote has opened: it can't be changed or taken back any more."))
    form = _round_form(request.args.get("preset", round_.preset), round_)
    if not form.validate_on_submit():
        return _settings_page(form, round_), 422 if form.is_submitted() else 200
    try:
        services.edit_round(session(), round_id=round_.id, actor_id=_actor(), now=now(), **form.settings())
    except (Conflict, NotAllowed) as refusal:
        form.form_errors.append(_(refusal.message))
        return _settings_page(form, round_), 422
    return _to_round(round_, _("The vote is changed."))


@bp.get("/votes/<slug:round_slug>")
@staff()
def show_round(round_slug: str) -> ResponseReturnValue:
    """Show where a vote stands and the next act it needs."""
    return _round_page(_round(round_slug))


@bp.get("/votes/<slug:round_slug>/preview")
@staff()
def preview_ballot(round_slug: str) -> ResponseReturnValue:
    """Show the ballot as a reader will see it; nobody can send it."""
    round_ = _round(round_slug)
    topics = paper.topics_for(round_, tag=None, on=now().astimezone(settings().time_zone).date())
    nothing = {"ticked": (), "ticked_withdrawn": (), "plan": None, "said": "", "welcome": False, "article": None}
    patron = Voter(Standing(True, "patron"), on_roll=True)
    empty_box = Turnout(0, 0, is_rounded=True)
    form = BallotForm(formdata=None)
    return _page(
        "preview_ballot", round=round_, topics=topics, voter=patron, turnout=empty_box, form=form, is_preview=True, **nothing
    )


@bp.post("/votes/<slug:round_slug>/schedule")
@staff("editor")
def schedule_round(round_slug: str) -> ResponseReturnValue:
    """Announce a draft."""
    return _done(round_slug, services.schedule_round, _("The vote is announced. It opens by itself at its time."), now=now())


@bp.post("/votes/<slug:round_slug>/schedule/removal")
@staff("editor")
def unschedule_round(round_slug: str) -> ResponseReturnValue:
    """Make an announced vote a draft again."""
    return _done(round_slug, services.unschedule_round, _("The vote is a draft again. Readers don't see it."), now=now())


@bp.post("/votes/<slug:round_slug>/opening")
@staff("editor")
def open_round(round_slug: str) -> ResponseReturnValue:
    """Open a vote now."""
    said = _("The vote is open. Its rules can't be changed any more.")
    return _done(round_slug, services.open_round, said, keys=_keys(), clock=clock())


@bp.post("/votes/<slug:round_slug>/removal")
@staff("editor")
def drop_round(round_slug: str) -> ResponseReturnValue:
    """Take back a vote that has not opened."""
    services.drop_round(session(), round_id=_round(round_slug).id, actor_id=_actor(), now=now())
    flash(_("The vote was taken back before it opened."))
    return redirect(url_for(".list_rounds"), code=303)


@bp.post("/votes/<slug:round_slug>/extension")
@staff("editor", "counter")
def extend_round(round_slug: str) -> ResponseReturnValue:
    """Let a vote close later, with a public note."""
    said = _("The vote stays open longer. Everybody who can vote gets a mail.")
    form = ExtensionForm(zone=settings().time_zone)
    return _carried_out(round_slug, form, services.extend_round, said)


@bp.post("/votes/<slug:round_slug>/closing")
@staff("editor", "counter")
@asks_again
def close_round(round_slug: str) -> ResponseReturnValue:
    """Close a vote before its time, with a public note."""
    return _carried_out(round_slug, ClosingForm(), services.close_round, _("The vote is closed, for good."))


@bp.post("/votes/<slug:round_slug>/topics/withdrawal")
@staff("editor", "counter")
@asks_again
def withdraw_topic(round_slug: str) -> ResponseReturnValue:
    """Take a topic off an open ballot, for a public reason."""
    form = WithdrawalForm(_round(round_slug))
    said = _("The topic is off the ballot. Everybody who can vote gets a mail.")
    return _carried_out(round_slug, form, services.withdraw_topic, said)


@bp.post("/votes/<slug:round_slug>/voiding")
@staff("editor", "counter")
@asks_again
def void_round(round_slug: str) -> ResponseReturnValue:
    """Void a vote, or ask a second person to once it is counted."""
    said = (
        _("This vote is void.") if _round(round_slug).count is None else _("A second person has to confirm that the vote is void.")
    )
    answer = _carried_out(round_slug, VoidingForm(), services.void_round, said)
    kernel().queue.wake("vote_keys")
    return answer


@bp.post("/votes/<slug:round_slug>/voiding/confirmation")
@staff("editor", "counter")
@asks_again
def confirm_voiding(round_slug: str) -> ResponseReturnValue:
    """Void a counted vote as the second person."""
    said = _("This vote is void. Its count is public together with the reason.")
    return _done(round_slug, services.confirm_voiding, said, now=now())


@bp.post("/votes/<slug:round_slug>/voiding/removal")
@staff("editor", "counter")
def take_back_voiding(round_slug: str) -> ResponseReturnValue:
    """Take back a voiding that nobody has confirmed."""
    return _done(round_slug, services.take_back_voiding, _("The vote goes its way: its result will be published."), now=now())


def _done(round_slug: str, act: Callable[..., object], said: str, **arguments: Any) -> ResponseReturnValue:
    round_ = _round(round_slug)
    act(session(), round_id=round_.id, actor_id=_actor(), **arguments)
    return _to_round(round_, said)


def _carried_out(round_slug: str, form: ChangeForm, act: Callable[..., None], said: str) -> ResponseReturnValue:
    """Do what a form with public words asks for; what is wrong with it stands above the form, with everything kept."""
    round_ = _round(round_slug)
    if not form.validate_on_submit():
        return _round_page(round_, form), 422
    try:
        act(session(), round_id=round_.id, actor_id=_actor(), clock=clock(), **form.words())
    except (Conflict, NotAllowed) as refusal:
        form.form_errors.append(_(refusal.message))
        return _round_page(_round(round_slug), form), 409 if isinstance(refusal, Conflict) else 422
    return _to_round(round_, said)


def _round_page(round_: Round, failed: ChangeForm | None = None) -> str:
    at = now()
    state = queries.round_state(round_, at)
    blank = (ExtensionForm(zone=settings().time_zone, formdata=None), ClosingForm(formdata=None), VoidingForm(formdata=None))
    forms = {type(form): form for form in (*blank, WithdrawalForm(round_, formdata=None), *([failed] if failed else []))}
    return _page(
        "show_round",
        round=round_,
        state=state,
        turnout=queries.turnout(session(), round_, at=at),
        obstacle=None if round_.opening else find_obstacle(session(), round_, now=at),
        failed=failed,
        forms={kind.__name__: form for kind, form in forms.items()},
        actor_id=_actor(),
    )


def _round_form(preset: str, round_: Round | None = None) -> RoundForm:
    usable = usable_topics(session(), round_id=round_.id if round_ else None)
    return RoundForm(
        usable,
        support=support_of(session(), [topic.id for topic in usable]),
        preset=preset if preset in presets.PRESETS else presets.DEFAULT,
        is_first=not queries.has_opened_a_round(session()),
        zone=settings().time_zone,
        now=now(),
        round_=round_,
    )


def _settings_page(form: RoundForm, round_: Round | None = None) -> str:
    return _page("edit_round", form=form, round=round_, is_first=not queries.has_opened_a_round(session()), kinds=presets.PRESETS)


def _asked() -> tuple[dict[str, str], RoundPage]:
    """Return what the address asks for and the page of votes that fits."""
    search, group = request.args.get("q", "")[:LONGEST_SEARCH], request.args.get("state", "")
    wanted = {name: value for name, value in (("q", search), ("state", group if group in GROUPS else "")) if value}
    return wanted, list_of(session(), search=search, group=group, page=request.args.get("page", 1, type=int), at=now())


def _row(line: RoundLine) -> tuple[object, ...]:
    round_ = line.round
    times = ((round_.opening.opened_at if round_.opening else round_.opens_at).isoformat(), round_.ends_at.isoformat())
    could_vote = line.turnout.could_vote if line.turnout else ""
    return (round_.slug, round_.name, line.state, *times, round_.seats, round_.rule, could_vote)


def _round(slug: str) -> Round:
    return queries.get_round_by_slug(session(), slug)


def _to_round(round_: Round, said: str) -> ResponseReturnValue:
    flash(said)
    return redirect(url_for(".show_round", round_slug=round_.slug), code=303)


def _actor() -> int:
    return int(current_user.member.id)


def _keys() -> RoundKeys:
    return cast(RoundKeys, current_app.extensions["round_keys"])


def _page(name: str, **context: object) -> str:
    problem = any(getattr(context.get(form), "errors", None) for form in ("form", "failed"))
    return render_template(f"voting/staff/{name}.html", viewer=current_user, problem=problem, **context)
