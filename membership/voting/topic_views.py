"""The topic board: what could be reported next, what readers suggest and support, and what became of it."""

from collections.abc import Sequence
from dataclasses import asdict

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.articles.models import Article
from membership.articles.queries import find_published_article
from membership.credits.queries import find_story_of_topic, progress_of_topics
from membership.errors import Conflict, NotAllowed, TooOften
from membership.patronage.queries import standing_of
from membership.voting import queries, services, topic_queries
from membership.voting.board import STATES, BoardLine, board, lines_of
from membership.voting.models import Topic
from membership.voting.refusals import TwinTopic
from membership.voting.topic_feed import recent_steps
from membership.voting.topic_forms import Asked, SuggestionForm
from membership.web.audience import everyone, member
from membership.web.database import kernel, now, session, settings
from membership.web.errors import refusal_text, retry_after
from membership.web.languages import open_route, path_in
from membership.web.network import asker
from membership.web.open_pages import open_page

bp = Blueprint("topics", __name__)

SUGGESTIONS_A_DAY = 10
IN_FEED = 40


@open_route(bp, "/topics")
@everyone
def list_topics() -> ResponseReturnValue:
    """Show what could be reported next and what became of it."""
    asked = Asked.of(request.args, is_member=current_user.is_authenticated)
    found = board(session(), **asdict(asked), viewer_id=_viewer_id(), progress=progress_of_topics(session()))
    states = [state for state in STATES if state != "suggested" or current_user.is_authenticated]
    return _page("list_topics", board=found, asked=asked, states=states)


@open_route(bp, "/topics/feed.xml")
@everyone
@open_page
def feed() -> ResponseReturnValue:
    """Send what became of topics lately as an Atom feed, in the words of the address's language."""
    steps = recent_steps(session(), limit=IN_FEED)
    text = render_template("voting/topics/feed.xml", steps=steps, updated_at=steps[0].at if steps else now())
    return Response(text, content_type="application/atom+xml; charset=utf-8")


@open_route(bp, "/topics/<slug:topic_slug>")
@everyone
def show_topic(topic_slug: str) -> ResponseReturnValue:
    """Show one topic: why it matters, who wants it, and what happened to it."""
    topic = topic_queries.get_topic_by_slug(session(), topic_slug, viewer_id=_viewer_id())
    line, *similar = _lines([topic, *topic_queries.similar_topics(session(), topic.title, besides=topic.id)])
    target = topic_queries.target_of(session(), topic)
    return _page(
        "show_topic",
        topic=topic,
        line=line,
        target=None if target is topic else target,
        history=topic_queries.history_of(session(), topic),
        outcome=find_story_of_topic(session(), topic.id),
        wording=topic_queries.first_wording(session(), topic.id) if line.is_mine else None,
        similar=similar,
        is_patron=_is_patron(),
    )


@open_route(bp, "/topics/<slug:topic_slug>/support", methods=["POST"])
@member
def support_topic(topic_slug: str) -> ResponseReturnValue:
    """Mark a topic as one that this patron wants to read."""
    topic = topic_queries.get_topic_by_slug(session(), topic_slug)
    if not _is_patron():
        raise NotAllowed(_("Patrons can support a topic."))
    services.support_topic(session(), topic_id=topic.id, member_id=current_user.member.id)
    flash(_("You support it. Our editors see how many do, and not who."))
    return redirect(url_for(".show_topic", topic_slug=topic_slug), code=303)


@open_route(bp, "/topics/<slug:topic_slug>/support/removal", methods=["POST"])
@member
def unsupport_topic(topic_slug: str) -> ResponseReturnValue:
    """Take the mark back, patron or not."""
    topic = topic_queries.get_topic_by_slug(session(), topic_slug)
    services.unsupport_topic(session(), topic_id=topic.id, member_id=current_user.member.id)
    flash(_("You support it no more."))
    return redirect(url_for(".show_topic", topic_slug=topic_slug), code=303)


@open_route(bp, "/topics/<slug:topic_slug>/removal", methods=["POST"])
@member
def take_back_suggestion(topic_slug: str) -> ResponseReturnValue:
    """Delete one's own suggestion that nobody has answered."""
    topic = topic_queries.get_topic_by_slug(session(), topic_slug, viewer_id=current_user.member.id)
    services.take_back_suggestion(session(), topic_id=topic.id, member_id=current_user.member.id)
    flash(_("Your suggestion is deleted."))
    return redirect(url_for(".list_topics"), code=303)


@open_route(bp, "/topics/similar")
@member
def similar() -> ResponseReturnValue:
    """Show which topics are like a title that is being typed: a piece of a page for similar.js, else a small page of its own."""
    if not _is_patron():
        raise NotAllowed(_("Patrons suggest topics."))
    found = _similar(request.args.get("title", ""))
    if request.headers.get("X-Fragment") == "1":
        return render_template("voting/topics/_similar.html", similar=found)
    return _page("similar", similar=found)


@open_route(bp, "/topics/suggest", methods=["GET", "POST"])
@member
def suggest_topic() -> ResponseReturnValue:
    """Let a patron suggest a topic, perhaps as a follow-up to an article, once they have seen which ones are like it."""
    form, article = SuggestionForm(), _article()
    may_suggest = _is_patron()
    if not may_suggest or not form.validate_on_submit():
        status = 200 if not form.is_submitted() else 422 if may_suggest else 403
        return _suggest_page(form, article, may_suggest=may_suggest), status
    unseen = _similar(form.title.data)
    if not {line.topic.slug for line in unseen} <= form.seen_slugs:
        return _suggest_page(form, article, similar=unseen)
    try:
        slug = _suggest(form, article)
    except (Conflict, TooOften) as refused:
        form.title.errors = [refusal_text(refused)]
        twin = refused if isinstance(refused, TwinTopic) else None
        return _suggest_page(form, article, twin=twin), 429 if isinstance(refused, TooOften) else 409, retry_after(refused)
    kernel().queue.wake("mails")
    flash(_("Thank you. Your suggestion is being read, and you get an answer."))
    return redirect(url_for(".show_topic", topic_slug=slug), code=303)


def _suggest(form: SuggestionForm, article: Article | None) -> str:
    """Keep the suggestion; return the address at which its author finds it."""
    topic_id = services.suggest_topic(
        session(),
        title=form.title.data,
        why=form.why.data,
        language=form.language,
        sources=form.addresses,
        suggested_as=form.suggested_as.data,
        member_id=current_user.member.id,
        article_id=article.id if article else None,
        asked_by=asker(person=SUGGESTIONS_A_DAY, network=SUGGESTIONS_A_DAY),
        now=now(),
    )
    return queries.get_topic(session(), topic_id).slug


def _suggest_page(
    form: SuggestionForm,
    article: Article | None,
    *,
    may_suggest: bool = True,
    similar: Sequence[BoardLine] = (),
    twin: TwinTopic | None = None,
) -> str:
    if similar:
        form.seen.data = ",".join(line.topic.slug for line in similar)
    return _page("suggest_topic", form=form, article=article, may_suggest=may_suggest, similar=similar, twin=twin)


def _similar(title: str) -> list[BoardLine]:
    return _lines(topic_queries.similar_topics(session(), title))


def _lines(topics: Sequence[Topic]) -> list[BoardLine]:
    return lines_of(session(), topics, viewer_id=_viewer_id(), progress=progress_of_topics(session()))


def _article() -> Article | None:
    return find_published_article(session(), request.args.get("article"), at=now())


def _is_patron() -> bool:
    viewer_id = _viewer_id()
    return viewer_id is not None and standing_of(session(), viewer_id, at=now()).may_vote


def _viewer_id() -> int | None:
    return current_user.member.id if current_user.is_authenticated else None


def _page(name: str, **context: object) -> str:
    viewer = current_user if current_user.is_authenticated else None
    alternates = {code: path_in(code) for code in settings().languages}
    problem = bool(getattr(context.get("form"), "errors", None))
    return render_template(f"voting/topics/{name}.html", viewer=viewer, problem=problem, alternates=alternates, **context)
