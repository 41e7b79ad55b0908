"""The pages of voting."""

from datetime import datetime
from typing import cast

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.articles.models import Article
from membership.articles.queries import find_published_article
from membership.errors import NotFound
from membership.patronage.queries import find_default_plan
from membership.voting import paper, queries, result_page, services
from membership.voting.ballot_words import late_words, refusal_words
from membership.voting.forms import BallotForm
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from membership.voting.polling import find_polling, polling_of, topics_of
from membership.voting.refusals import BallotRefused, NotOpenYet, RoundClosed
from membership.voting.voter import Voter, find_whether_voted, voter_of
from membership.web.audience import everyone
from membership.web.database import clock, now, session, settings
from membership.web.languages import open_route, path_in

bp = Blueprint("voting", __name__)


@open_route(bp, "/votes")
@everyone
def list_rounds() -> ResponseReturnValue:
    """List what can be voted on, what comes, and what came of earlier votes."""
    at = now()
    known = [(round_, queries.round_state(round_, at)) for round_ in queries.all_rounds(session())]
    rounds = [(round_, state) for round_, state in known if state != "draft"]
    published = {round_.id: queries.result_of(round_) for round_, state in rounds if state == "published"}
    return _page("list_rounds", rounds=rounds, results=published)


@open_route(bp, "/votes/<slug:round_slug>")
@everyone
def show_round(round_slug: str) -> ResponseReturnValue:
    """Show the vote as it stands: the ballot, where it is on its way, or the result."""
    return _round_page(_announced(round_slug))


@open_route(bp, "/votes/<slug:round_slug>/ballot", methods=["POST"])
@everyone
def cast_ballot(round_slug: str) -> ResponseReturnValue:
    """Take a ballot; this request writes nothing else."""
    form, found = BallotForm(), find_polling(session(), round_slug, _viewer_id(), keys=_keys(), at=now())
    if found is None:
        round_ = _announced(round_slug)
        voter = _voter(round_, with_ballot=False)
        if not voter.may_vote or voter.tag is None:
            return _no_ballot_taken(round_, form, voter)
        found = polling_of(round_, voter.tag)
    ticked = form.topic_ids(found.topics)
    try:
        services.cast_ballot(session(), round_id=found.round_id, tag=found.tag, topics=ticked, clock=clock())
    except BallotRefused as refusal:
        return _refused(found.round_id, form, refusal)
    return redirect(_back_to(round_slug, said="in"), code=303)


@open_route(bp, "/votes/<slug:round_slug>/withdrawal", methods=["POST"])
@everyone
def withdraw_ballot(round_slug: str) -> ResponseReturnValue:
    """Take a ballot back."""
    round_ = _announced(round_slug)
    voter = _voter(round_, with_ballot=False)
    if voter.tag is None:
        return _round_page(round_), 503 if voter.key_trouble == "key_unreadable" else 403
    try:
        services.withdraw_ballot(session(), round_id=round_.id, tag=voter.tag, clock=clock())
    except BallotRefused as refusal:
        return _refused(round_.id, BallotForm(formdata=None), refusal)
    return redirect(_back_to(round_slug, said="back"), code=303)


@open_route(bp, "/votes/who-can-see-what")
@everyone
def who_sees_what() -> ResponseReturnValue:
    """Say who can see what."""
    return _page("who_sees_what")


def _announced(round_slug: str) -> Round:
    """Return the vote at this address; nobody but staff knows of a draft."""
    round_ = queries.get_round_by_slug(session(), round_slug)
    if queries.round_state(round_, now()) == "draft":
        raise NotFound("There is no vote at this address.")
    return round_


def _round_page(round_: Round, *, form: BallotForm | None = None, late: RoundClosed | None = None) -> str:
    at = max(now(), late.received_at) if late else now()  # the database's clock, which refused, may be ahead of ours
    state = queries.round_state(round_, at)
    context: dict[str, object] = {
        "late": late_words(late, settings().time_zone) if late else None,
        "article": _article(),
    }
    if state == "open":
        context |= _ballot_context(round_, form, at)
    elif state in ("published", "voided") and round_.count:  # a counted vote that was voided shows its counts
        context |= result_page.context(session(), round_)
    elif state != "voided":
        context["has_voted"] = find_whether_voted(session(), round_, _viewer_id(), keys=_keys())
    return _page("show_round", round=round_, state=state, turnout=queries.turnout(session(), round_, at=at), **context)


def _ballot_context(round_: Round, form: BallotForm | None, at: datetime) -> dict[str, object]:
    voter = _voter(round_)
    if voter.may_vote and not voter.on_roll:
        services.draw_roll(session(), round_id=round_.id, clock=clock())
        voter = _voter(round_)
    ids = form.topic_ids(topics_of(round_)) if form else voter.ticked
    return {
        "form": form or BallotForm(formdata=None),
        "voter": voter,
        "topics": paper.topics_for(round_, tag=voter.tag, on=at.astimezone(settings().time_zone).date()),
        "ticked": ids,
        "ticked_withdrawn": [entry.topic for entry in round_.topics if entry.withdrawal and entry.topic_id in voter.ticked],
        "plan": find_default_plan(session()),
        "said": request.args.get("said", ""),
        "welcome": request.args.get("welcome") == "1",
    }


def _no_ballot_taken(round_: Round, form: BallotForm, voter: Voter) -> ResponseReturnValue:
    """Show why this reader can't vote; who became a patron this minute is put on the roll now, and sends once more."""
    if queries.round_state(round_, now()) != "open":
        return _round_page(round_), 409
    if voter.may_vote:
        form.topics.errors = [_("You can vote from now on. Please send your ballot once more; we have kept your ticks.")]
        return _round_page(round_, form=form), 409
    return _round_page(round_, form=form), 503 if voter.refusal == "key_unreadable" else 403


def _refused(round_id: int, form: BallotForm, refusal: BallotRefused) -> ResponseReturnValue:
    """Show the page with why the ballot was not taken; what was ticked stays ticked."""
    round_ = queries.get_round(session(), round_id)  # as it was when that was decided
    if isinstance(refusal, RoundClosed):
        return _round_page(round_, late=refusal), 409
    if isinstance(refusal, NotOpenYet):
        return _round_page(round_), 409
    form.topics.errors = [refusal_words(refusal, round_)]
    return _round_page(round_, form=form), 422


def _back_to(round_slug: str, *, said: str) -> str:
    article = _article()
    return url_for(".show_round", round_slug=round_slug, said=said, article=article.slug if article else None)


def _article() -> Article | None:
    return find_published_article(session(), request.args.get("article"), at=now())


def _voter(round_: Round, *, with_ballot: bool = True) -> Voter:
    return voter_of(session(), round_, _viewer_id(), keys=_keys(), at=now(), with_ballot=with_ballot)


def _viewer_id() -> int | None:
    return current_user.member.id if current_user.is_authenticated else None


def _keys() -> RoundKeys:
    return cast(RoundKeys, current_app.extensions["round_keys"])


def _page(name: str, **context: object) -> str:
    viewer = current_user if current_user.is_authenticated else None
    form = context.get("form")
    alternates = {code: path_in(code) for code in settings().languages}
    problem = bool(getattr(form, "errors", None))
    return render_template(f"voting/{name}.html", viewer=viewer, problem=problem, alternates=alternates, **context)
