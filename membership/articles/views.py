"""The pages of articles: open, and the same bytes for everybody; and the one small private piece at their foot."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, current_app, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from membership.articles import queries
from membership.articles.drafts import render
from membership.articles.foot import foot_for
from membership.articles.models import Article
from membership.articles.newsroom_texts import get_text
from membership.articles.structured_data import news_article
from membership.articles.text_forms import text_facts, text_title
from membership.credits.queries import CreditLine, credit_for_article, figures, votes_around
from membership.errors import NotFound
from membership.patronage.queries import ask_for, standing_of
from membership.voting.models import Round
from membership.voting.queries import find_open_round, find_round_by_slug, participations_of
from membership.voting.voter import find_whether_voted
from membership.web.audience import everyone
from membership.web.database import now, session, settings
from membership.web.languages import current_language, open_route, path_in, speak
from membership.web.open_pages import open_page

bp = Blueprint("articles", __name__)

PER_PAGE = 13  # a lead and twelve cards
FROM_ELSEWHERE = 3
IN_FEED = 20
IN_SITEMAP = 50_000  # the protocol's bound


@open_route(bp, "/")
@everyone
@open_page
def home() -> ResponseReturnValue:
    """Show the newest stories in the address's language, and that there are others in the other."""
    return _list_stories(1)


@open_route(bp, "/page/<int(min=2,max=9999):number>")
@everyone
@open_page
def older(number: int) -> ResponseReturnValue:
    """Show older stories."""
    return _list_stories(number)


@bp.get("/articles/<slug>")
@everyone
@open_page
def show_article(slug: str) -> ResponseReturnValue:
    """Show one story with what led to it and the ask at its foot; the page speaks the story's language."""
    page = queries.find_article_page(session(), slug, at=now())
    if page is None:
        raise NotFound("There is no story at this address.")
    article = page.article
    speak(article.language)
    credit, follow_ups = votes_around(session(), article, at=now())
    canonical = _absolute(url_for(".show_article", slug=article.slug))
    return render_template(
        "articles/show_article.html",
        article=article,
        related=_not_named_above(page),
        credit=credit,
        follow_ups=follow_ups,
        ask=ask_for(session(), article=article),
        canonical=canonical,
        described=_described(article, canonical, credit),
    )


@bp.get("/foot")
@everyone
def foot_fragment() -> ResponseReturnValue:
    """Show what belongs to this reader at a story's foot: a piece of a page for foot.js, else a small page of its own."""
    article = queries.find_published_article(session(), request.args.get("article"), at=now())
    if article is None:
        raise NotFound("There is no story at this address.")
    speak(article.language)
    is_fragment = request.headers.get("X-Fragment") == "1"
    template = "articles/_foot.html" if is_fragment else "articles/foot_fragment.html"
    return render_template(template, article=article, **_what_belongs_to_the_reader(article))


@open_route(bp, "/feed.xml")
@everyone
@open_page
def feed() -> ResponseReturnValue:
    """Send the newest stories whole, as an Atom feed in the address's language."""
    found = queries.recent_articles(session(), language=current_language(), at=now(), limit=IN_FEED, with_body=True)
    updated_at = max((article.updated_at for article in found), default=now())
    return _machine_readable("feed.xml", "application/atom+xml", articles=found, updated_at=updated_at)


@bp.get("/sitemap.xml")
@everyone
@open_page
def sitemap() -> ResponseReturnValue:
    """List the address of every story."""
    addresses = queries.published_addresses(session(), at=now(), limit=IN_SITEMAP)
    return _machine_readable("sitemap.xml", "application/xml", addresses=addresses)


@bp.get("/robots.txt")
@everyone
@open_page
def robots() -> ResponseReturnValue:
    """Tell robots that everything is open, and what is of no use to them."""
    return _machine_readable("robots.txt", "text/plain")


@open_route(bp, "/<any(terms, privacy, refunds, imprint):key>")
@everyone
@open_page
def show_text(key: str) -> ResponseReturnValue:
    """Show one of the newsroom's own texts in the address's language."""
    text = get_text(session(), key, current_language())
    return render_template(
        "articles/show_text.html",
        text=text,
        title=text_title(key),
        html=render(text.body, text_facts(settings())),
        canonical=_absolute(path_in(current_language())),
        alternates={other: _absolute(path_in(other)) for other in settings().languages},
    )


def _list_stories(number: int) -> str:
    language = current_language()
    offset = (number - 1) * PER_PAGE
    found = queries.recent_articles(session(), language=language, at=now(), limit=PER_PAGE + 1, offset=offset)
    if number > 1 and not found:
        raise NotFound("There are no older stories.")
    others = [other for other in settings().languages if other != language] if number == 1 else []
    elsewhere = {other: queries.recent_articles(session(), language=other, at=now(), limit=FROM_ELSEWHERE) for other in others}
    return render_template(
        "articles/home.html",
        number=number,
        articles=found[:PER_PAGE],
        has_older=len(found) > PER_PAGE,
        elsewhere={other: articles for other, articles in elsewhere.items() if articles},
        canonical=_absolute(path_in(language)),
        alternates={other: _absolute(path_in(other)) for other in settings().languages} if number == 1 else {},
    )


def _not_named_above(page: queries.ArticlePage) -> list[Article]:
    """Return the related stories without those that the newsroom itself has put under "Read more"."""
    named = {link["url"] for link in page.article.read_more}
    return [each for each in page.related if f"/articles/{each.slug}" not in named]


def _described(article: Article, url: str, credit: CreditLine | None) -> Mapping[str, Any]:
    names = credit.names if credit else ()
    site = settings()
    return news_article(article, url=url, site_name=site.site_name, site_url=site.site_url, contributors=names)


def _what_belongs_to_the_reader(article: Article) -> Mapping[str, Any]:
    """Return the foot's context; who is not signed in gets the plain ask."""
    viewer = current_user if current_user.is_authenticated else None
    ask = ask_for(session(), article=article)
    if viewer is None:
        return {"viewer": None, "ask": ask, "foot": foot_for(code=None)}
    member_id = viewer.member.id
    standing = standing_of(session(), member_id, at=now())
    open_round = find_open_round(session(), at=now())
    keys = current_app.extensions["round_keys"]
    voted = open_round is not None and bool(find_whether_voted(session(), open_round, member_id, keys=keys))
    foot = foot_for(
        code=standing.code,
        may_vote=standing.may_vote,
        a_vote_is_open=open_round is not None,
        has_voted=voted,
        took_part=_took_part(article, member_id),
    )
    drawn = figures(session())
    patrons = drawn.patrons if drawn else 0
    due_at = _result_due_at(open_round) if open_round else None
    return {
        "viewer": viewer,
        "ask": ask,
        "foot": foot,
        "until": standing.until,
        "vote": open_round,
        "due_at": due_at,
        "patrons": patrons,
    }


def _result_due_at(round_: Round) -> datetime:
    """Return by when a vote's result is promised: after payments were checked and staff have reviewed the count."""
    return round_.closes_at + timedelta(hours=round_.settling_hours + round_.embargo_hours)


def _took_part(article: Article, member_id: int) -> bool:
    credit = credit_for_article(session(), article.id)
    round_ = find_round_by_slug(session(), credit.round_slug) if credit else None
    if round_ is None:
        return False
    return any(each.round_id == round_.id and each.counted for each in participations_of(session(), member_id))


def _machine_readable(template: str, mimetype: str, **context: Any) -> ResponseReturnValue:
    response = make_response(render_template(f"articles/{template}", **context))
    response.content_type = f"{mimetype}; charset=utf-8"
    return response


def _absolute(path: str) -> str:
    return settings().site_url + path
