"""The pages of voting."""

from datetime import datetime
from typing import cast

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.articles.models import Article
from membership.articles.queries import find_article_by_slug
from membership.errors import Conflict, NotFound, Refusal, TooOften
from membership.patronage.queries import find_default_plan, standing_of
from membership.voting import explanation, paper, public, queries, services
from membership.voting.board import SORTS, board
from membership.voting.forms import BallotForm, NumberForm, SuggestionForm
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from membership.voting.receipts import receipt_hash
from membership.voting.refusals import BallotRefused, NotOpenYet, RoundClosed, TooManyTicks, UnknownTopic
from membership.voting.voter import Voter, voter_of
from membership.web.audience import everyone, member
from membership.web.database import clock, now, session, settings
from membership.web.errors import refusal_text, retry_after
from membership.web.filters import day
from membership.web.languages import current_language, open_route, path_in
from membership.web.network import asker

bp = Blueprint("voting", __name__)

SUGGESTIONS_A_DAY = 10


@open_route(bp, "/votes")
@everyone
def list_rounds() -> ResponseReturnValue:
    """List what can be voted on, what comes, and what came of earlier votes."""
    at = now()
    rounds = [(round_, queries.round_state(round_, at)) for round_ in queries.all_rounds(session())]
    published = {round_.id: queries.result_of(round_) for round_, state in rounds if state == "published"}
    return _page("list_rounds", rounds=rounds, results=published)


@open_route(bp, "/votes/<slug:round_slug>")
@everyone
def show_round(round_slug: str) -> ResponseReturnValue:
    """Show the vote as it stands: the ballot, where it is on its way, or the result."""
    return _round_page(queries.get_round_by_slug(session(), round_slug))


@open_route(bp, "/votes/<slug:round_slug>/ballot", methods=["POST"])
@everyone
def cast_ballot(round_slug: str) -> ResponseReturnValue:
    """Take a ballot; this request writes nothing else."""
    round_, form = queries.get_round_by_slug(session(), round_slug), BallotForm()
    voter = _voter(round_)
    if not voter.may_vote or voter.tag is None:
        return _no_ballot_taken(round_, form, voter)
    try:
        services.cast_ballot(session(), round_id=round_.id, tag=voter.tag, topics=form.topic_ids(round_), clock=clock())
    except BallotRefused as refusal:
        return _refused(round_, form, refusal, voter)
    return redirect(_back_to(round_, said="in"), code=303)


@open_route(bp, "/votes/<slug:round_slug>/withdrawal", methods=["POST"])
@everyone
def withdraw_ballot(round_slug: str) -> ResponseReturnValue:
    """Take a ballot back."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    voter = _voter(round_)
    if voter.tag is None:
        return _round_page(round_), 403
    try:
        services.withdraw_ballot(session(), round_id=round_.id, tag=voter.tag, clock=clock())
    except BallotRefused as refusal:
        return _refused(round_, BallotForm(formdata=None), refusal, voter)
    return redirect(_back_to(round_, said="back"), code=303)


@open_route(bp, "/votes/<slug:round_slug>/number", methods=["POST"])
@everyone
def check_number(round_slug: str) -> ResponseReturnValue:
    """Say whether a ballot with this number was counted."""
    round_, form = _published(round_slug), NumberForm()
    if not form.validate():
        return _round_page(round_, number_form=form), 422
    found = receipt_hash(form.number.data) in set(queries.receipt_hashes(session(), round_.id))
    return _round_page(round_, number_form=form, number_found=found)


@open_route(bp, "/votes/<slug:round_slug>/result.json")
@everyone
def result_json(round_slug: str) -> ResponseReturnValue:
    """Give the published result as data."""
    round_ = _published(round_slug)
    return jsonify(public.result_data(round_, queries.turnout(session(), round_, at=now())))


@open_route(bp, "/votes/<slug:round_slug>/result.csv")
@everyone
def result_csv(round_slug: str) -> ResponseReturnValue:
    """Give the published result as a table."""
    return Response(public.result_csv(_published(round_slug)), mimetype="text/csv")


@open_route(bp, "/votes/<slug:round_slug>/ballot-numbers.txt")
@everyone
def ballot_numbers(round_slug: str) -> ResponseReturnValue:
    """Give the public list of counted ballots: the SHA-256 of each ballot number, sorted."""
    round_ = _published(round_slug)
    return Response("".join(f"{one}\n" for one in queries.receipt_hashes(session(), round_.id)), mimetype="text/plain")


@open_route(bp, "/votes/who-can-see-what")
@everyone
def who_sees_what() -> ResponseReturnValue:
    """Say who can see what."""
    return _page("who_sees_what")


@open_route(bp, "/topics")
@everyone
def list_topics() -> ResponseReturnValue:
    """Show what could be reported next and what became of it."""
    search, sort = request.args.get("q", "")[:100], request.args.get("sort", "")
    sort = sort if sort in SORTS else SORTS[0]
    lines = board(session(), search=search, sort=sort, viewer_id=_viewer_id())
    return _page("list_topics", lines=lines, search=search, sort=sort)


@open_route(bp, "/topics/suggest", methods=["GET", "POST"])
@member
def suggest_topic() -> ResponseReturnValue:
    """Let a patron suggest a topic, perhaps as a follow-up to an article."""
    form, article = SuggestionForm(), _article(request.args.get("article"))
    may_suggest = standing_of(session(), current_user.member.id, at=now()).may_vote
    if not may_suggest or not form.validate_on_submit():
        page = _page("suggest_topic", form=form, article=article, may_suggest=may_suggest)
        return page, 200 if not form.is_submitted() else 422 if may_suggest else 403
    try:
        _suggest(form, article)
    except (Conflict, TooOften) as refused:
        form.title.errors = [refusal_text(refused)]
        page = _page("suggest_topic", form=form, article=article, may_suggest=True)
        return page, 429 if isinstance(refused, TooOften) else 409, retry_after(refused)
    return redirect(url_for(".list_topics", said="in"), code=303)


def _suggest(form: SuggestionForm, article: Article | None) -> None:
    services.suggest_topic(
        session(),
        title=form.title.data,
        why=form.why.data,
        language=current_language(),
        member_id=current_user.member.id,
        article_id=article.id if article else None,
        asked_by=asker(person=SUGGESTIONS_A_DAY, network=SUGGESTIONS_A_DAY),
        now=now(),
    )


def _round_page(
    round_: Round,
    *,
    form: BallotForm | None = None,
    late: RoundClosed | None = None,
    number_form: NumberForm | None = None,
    number_found: bool | None = None,
) -> str:
    at = max(now(), late.received_at) if late else now()  # the database's clock, which refused, may be ahead of ours
    state = queries.round_state(round_, at)
    context: dict[str, object] = {"late": _late_words(late) if late else None, "article": _article(request.args.get("article"))}
    if state == "open":
        context |= _ballot_context(round_, form, at)
    elif state == "published":
        context |= _result_context(round_) | {"number_form": number_form or NumberForm(formdata=None), "number_found": number_found}
    else:
        viewer_id = _viewer_id()
        context["has_voted"] = viewer_id is not None and queries.has_voted(session(), round_, viewer_id, _keys())
    return _page("show_round", round=round_, state=state, turnout=queries.turnout(session(), round_, at=at), **context)


def _ballot_context(round_: Round, form: BallotForm | None, at: datetime) -> dict[str, object]:
    voter = _voter(round_)
    if voter.may_vote and not voter.on_roll:
        services.draw_roll(session(), round_id=round_.id, now=at)
        voter = _voter(round_)
    ids = form.topic_ids(round_) if form else voter.ticked
    return {
        "form": form or BallotForm(formdata=None),
        "voter": voter,
        "topics": paper.topics_for(round_, tag=voter.tag, on=at.astimezone(settings().time_zone).date()),
        "ticked": ids,
        "plan": find_default_plan(session()),
        "said": request.args.get("said", ""),
        "welcome": request.args.get("welcome") == "1",
    }


def _result_context(round_: Round) -> dict[str, object]:
    result = queries.result_of(round_)
    return {
        "result": result,
        "explained": explanation.explain(result),
        "points": explanation.score_table(result),
        "titles": round_.titles,
        "reasons": public.set_aside_reasons(round_),
    }


def _no_ballot_taken(round_: Round, form: BallotForm, voter: Voter) -> ResponseReturnValue:
    """Show why this reader can't vote; who became a patron this minute is put on the roll now, and sends once more."""
    if queries.round_state(round_, now()) != "open":
        return _round_page(round_), 409
    if voter.may_vote:
        form.topics.errors = [_("You can vote from now on. Please send your ballot once more; we have kept your ticks.")]
    return _round_page(round_, form=form), 409 if voter.may_vote else 403


def _refused(round_: Round, form: BallotForm, refusal: BallotRefused, voter: Voter) -> ResponseReturnValue:
    """Show the page with why the ballot was not taken; what was ticked stays ticked."""
    if isinstance(refusal, RoundClosed):
        return _round_page(round_, late=refusal), 409
    if isinstance(refusal, NotOpenYet):
        return _round_page(round_), 409
    form.topics.errors = [_refusal_words(refusal, round_)]
    return _round_page(round_, form=form), 422


def _refusal_words(refusal: Refusal, round_: Round) -> str:
    if isinstance(refusal, TooManyTicks):
        return _(
            "You ticked %(ticked)s. Keep the %(most)s you want most; we have kept your ticks.",
            ticked=refusal.ticked,
            most=refusal.most,
        )
    if isinstance(refusal, UnknownTopic):
        return _("One of the topics that you sent isn't part of this vote. Tick again from this list.")
    return _("Tick at least one topic, up to %(most)s.", most=round_.max_ticks)


def _late_words(late: RoundClosed) -> str:
    zone = settings().time_zone
    closed, received = late.closed_at.astimezone(zone), late.received_at.astimezone(zone)
    times = {"closed": f"{closed:%H:%M:%S}", "received": f"{received:%H:%M:%S}"}
    if closed.date() != received.date():
        times = {"closed": f"{day(closed, zone)}, {closed:%H:%M:%S}", "received": f"{day(received, zone)}, {received:%H:%M:%S}"}
    return _("The vote closed at %(closed)s; your ballot reached us at %(received)s and was not counted.", **times)


def _published(round_slug: str) -> Round:
    round_ = queries.get_round_by_slug(session(), round_slug)
    if round_.publication is None:
        raise NotFound(_("This vote's result is not public yet."))
    return round_


def _back_to(round_: Round, *, said: str) -> str:
    article = _article(request.args.get("article"))
    return url_for(".show_round", round_slug=round_.slug, said=said, article=article.slug if article else None)


def _article(slug: str | None) -> Article | None:
    found = find_article_by_slug(session(), slug) if slug else None
    return found if found and found.published_at <= now() else None


def _voter(round_: Round) -> Voter:
    return voter_of(session(), round_, _viewer_id(), keys=_keys(), at=now())


def _viewer_id() -> int | None:
    return current_user.member.id if current_user.is_authenticated else None


def _keys() -> RoundKeys:
    return cast(RoundKeys, current_app.extensions["round_keys"])


def _page(name: str, **context: object) -> str:
    viewer = current_user if current_user.is_authenticated else None
    form = context.get("form") or context.get("number_form")
    alternates = {code: path_in(code) for code in settings().languages}
    problem = bool(getattr(form, "errors", None))
    return render_template(f"voting/{name}.html", viewer=viewer, problem=problem, alternates=alternates, **context)
