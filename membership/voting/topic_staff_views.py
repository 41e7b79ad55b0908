"""The editors' pages about topics: answer suggestions, word them well, put twins together."""

from dataclasses import asdict

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.accounts.queries import get_member
from membership.credits.queries import progress_of_topics
from membership.errors import Conflict, Refusal
from membership.staff.spreadsheet import csv_text
from membership.voting import queries, services, topic_queries
from membership.voting.board import STATES, Board, board, lines_of, waiting_suggestions
from membership.voting.models import Topic
from membership.voting.topic_forms import LONGEST_SEARCH, Asked, DecisionForm, MergeForm, WordingForm
from membership.web.audience import staff
from membership.web.database import kernel, now, session

bp = Blueprint("topics_staff", __name__, url_prefix="/staff")

PER_PAGE = 50
MOST_TARGETS = 20
REOPENED = "reopened"
SHORTLISTABLE = ("suggested", "taken_up")
COLUMNS = ("number", "title", "state", "support", "language", "suggested", "vote", "article", "reason", "address")


@bp.get("/topics")
@staff("editor")
def list_topics() -> ResponseReturnValue:
    """List the suggestions that wait for an answer, and every topic that is looked for."""
    asked, found = _found()
    return _page(
        "list_topics",
        waiting=waiting_suggestions(session()),
        board=found,
        asked=asked,
        states=STATES,
        shortlistable=SHORTLISTABLE,
    )


@bp.get("/topics.csv")
@staff("editor")
def topics_csv() -> ResponseReturnValue:
    """Give exactly the topics that the page with the same address shows, as a file."""
    _asked, found = _found()
    rows = [
        (
            line.topic.id,
            line.topic.title,
            line.state,
            line.support,
            line.topic.language,
            line.topic.created_at.isoformat(),
            line.round.slug if line.round else "",
            line.article.slug if line.article else "",
            line.topic.declined_reason,
            line.topic.slug,
        )
        for line in found.lines
    ]
    headers = {"Content-Disposition": 'attachment; filename="topics.csv"'}
    return Response(csv_text(COLUMNS, rows), mimetype="text/csv", headers=headers)


@bp.route("/topics/new", methods=["GET", "POST"])
@staff("editor")
def add_topic() -> ResponseReturnValue:
    """Add a topic of the newsroom's own."""
    form = WordingForm()
    if not form.validate_on_submit():
        return _page("add_topic", form=form), 422 if form.is_submitted() else 200
    topic_id = services.add_topic(
        session(),
        title=form.title.data,
        why=form.why.data,
        sources=form.addresses,
        language=form.language,
        actor_id=_actor(),
        now=now(),
    )
    return _to_topic(topic_id, _("The topic is added and can stand on the next ballot."))


@bp.get("/topics/<int:topic_id>")
@staff("editor")
def show_topic(topic_id: int) -> ResponseReturnValue:
    """Show one topic with all that an answer needs."""
    return _topic_page(queries.get_topic(session(), topic_id), DecisionForm(formdata=None))


@bp.post("/topics/<int:topic_id>/decision")
@staff("editor")
def decide_topic(topic_id: int) -> ResponseReturnValue:
    """Answer a suggestion, or change an answer."""
    topic, form = queries.get_topic(session(), topic_id), DecisionForm()
    was_waiting = topic.state == "suggested"
    if not form.validate_on_submit():
        return _topic_page(topic, form), 422
    try:
        _decide(topic_id, form)
    except Refusal as refusal:
        (form.reason.errors if form.state.data == "declined" else form.form_errors).append(_(refusal.message))
        return _topic_page(queries.get_topic(session(), topic_id), form), 422
    return _to_list(_("Your answer is public.")) if was_waiting else _to_topic(topic_id, _("Your answer is public."))


@bp.route("/topics/<int:topic_id>/wording", methods=["GET", "POST"])
@staff("editor")
def reword_topic(topic_id: int) -> ResponseReturnValue:
    """Word a topic better; what its author had written is kept."""
    topic = queries.get_topic(session(), topic_id)
    form = WordingForm(data={"title": topic.title, "why": topic.why, "sources": "\n".join(topic.sources)})
    if not form.validate_on_submit():
        return _wording_page(topic, form), 422 if form.is_submitted() else 200
    words = {"title": form.title.data, "why": form.why.data, "sources": form.addresses}
    try:
        services.reword_topic(session(), topic_id=topic_id, **words, actor_id=_actor(), now=now())
    except Refusal as refusal:
        form.form_errors.append(_(refusal.message))
        return _wording_page(queries.get_topic(session(), topic_id), form), 422
    return _to_topic(topic_id, _("The wording is changed. What it said before is kept."))


@bp.route("/topics/<int:topic_id>/merge", methods=["GET", "POST"])
@staff("editor")
def merge_topic(topic_id: int) -> ResponseReturnValue:
    """Put a topic together with another one: choose it, see what happens, confirm."""
    topic = queries.get_topic(session(), topic_id)
    form = MergeForm(request.values)
    is_chosen = request.method == "POST" or "into" in request.args
    if not is_chosen or not form.validate():
        return _merge_page(topic, form), 422 if form.errors else 200
    if request.method == "GET":
        return _merge_preview(topic, form, queries.get_topic(session(), form.into.data))
    try:
        moved = services.merge_topic(session(), topic_id=topic_id, into_id=form.into.data, actor_id=_actor(), now=now())
    except Refusal as refusal:
        form.form_errors.append(_(refusal.message))
        return _merge_page(queries.get_topic(session(), topic_id), form), 422
    return _to_topic(form.into.data, _("Put together. Supporters who came with it: %(count)s.", count=moved))


@bp.post("/topics/<int:topic_id>/merge/removal")
@staff("editor")
def unmerge_topic(topic_id: int) -> ResponseReturnValue:
    """Take a topic out of the one that it was put together with."""
    services.unmerge_topic(session(), topic_id=topic_id, actor_id=_actor(), now=now())
    return _to_topic(topic_id, _("It stands alone again. The support that went to the other topic stays there."))


@bp.post("/topics/shortlist")
@staff("editor")
def shortlist_topics() -> ResponseReturnValue:
    """Shortlist several topics at once, after a look at which they are."""
    topics = topic_queries.shortlistable_topics(session(), request.form.getlist("topics", type=int))
    if not topics:
        flash(_("Tick the topics that should go on the shortlist."), "warning")
        return redirect(url_for(".list_topics"), code=303)
    if "confirmed" not in request.form:
        return _page("shortlist_topics", topics=topics)
    refused = [title for topic_id, title in [(topic.id, topic.title) for topic in topics] if not _shortlist(topic_id)]
    for title in refused:
        flash(_("“%(title)s” stands in a vote that is under way.", title=title), "warning")
    return _to_list(_("Shortlisted: %(count)s.", count=len(topics) - len(refused)))


def _shortlist(topic_id: int) -> bool:
    try:
        services.decide_topic(session(), topic_id=topic_id, state="shortlisted", actor_id=_actor(), now=now())
    except Conflict:
        return False
    return True


def _decide(topic_id: int, form: DecisionForm) -> None:
    if form.state.data == REOPENED:
        services.reopen_topic(session(), topic_id=topic_id, actor_id=_actor(), now=now())
        return
    answer = {"state": form.state.data or "", "reason": form.reason.data or ""}
    services.decide_topic(session(), topic_id=topic_id, **answer, actor_id=_actor(), now=now())


def _found() -> tuple[Asked, Board]:
    asked, progress = Asked.of(request.args), progress_of_topics(session())
    return asked, board(session(), **asdict(asked), is_staff=True, progress=progress, per_page=PER_PAGE)


def _topic_page(topic: Topic, form: DecisionForm) -> str:
    alike = topic_queries.similar_topics(session(), topic.title, besides=topic.id)
    line, *similar = lines_of(session(), [topic, *alike], progress=progress_of_topics(session()))
    target = topic_queries.target_of(session(), topic)
    return _page(
        "show_topic",
        topic=topic,
        form=form,
        line=line,
        author=get_member(session(), topic.suggested_by_id) if topic.suggested_by_id else None,
        target=None if target is topic else target,
        wording=topic_queries.first_wording(session(), topic.id),
        history=topic_queries.history_of(session(), topic),
        similar=similar,
    )


def _wording_page(topic: Topic, form: WordingForm) -> str:
    return _page("reword_topic", topic=topic, form=form, first=topic_queries.first_wording(session(), topic.id))


def _merge_page(topic: Topic, form: MergeForm) -> str:
    text = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    found = topic_queries.merge_targets(session(), topic, text=text, limit=MOST_TARGETS)
    targets = [line for line in lines_of(session(), found) if line.state != "on_ballot"]
    return _page("merge_topic", topic=topic, form=form, into=None, text=text, targets=targets)


def _merge_preview(topic: Topic, form: MergeForm, into: Topic) -> str:
    moving = topic_queries.moving_support(session(), topic.id, into.id)
    support = topic_queries.support_of(session(), [topic.id])[topic.id]
    return _page("merge_topic", topic=topic, form=form, into=into, moving=moving, support=support)


def _to_topic(topic_id: int, said: str) -> ResponseReturnValue:
    return _on_to(url_for(".show_topic", topic_id=topic_id), said)


def _to_list(said: str) -> ResponseReturnValue:
    return _on_to(url_for(".list_topics"), said)


def _on_to(address: str, said: str) -> ResponseReturnValue:
    kernel().queue.wake("mails")
    flash(said)
    return redirect(address, code=303)


def _actor() -> int:
    return int(current_user.member.id)


def _page(name: str, **context: object) -> str:
    problem = bool(getattr(context.get("form"), "errors", None))
    return render_template(f"voting/topics/staff/{name}.html", viewer=current_user, problem=problem, **context)
