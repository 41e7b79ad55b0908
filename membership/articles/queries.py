"""Reading articles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Select, bindparam, func, or_, select
from sqlalchemy.orm import Session, aliased, defer, joinedload

from membership.articles.models import Article, ArticleTag
from membership.errors import NotFound

RELATED = 4
# Related stories are looked for among this many recent ones, so that the page costs the same however large the archive is.
RELATED_AMONG = 200


@dataclass(frozen=True)
class ArticlePage:
    """One article and what to read next."""

    article: Article
    related: Sequence[Article]


class Address(NamedTuple):
    """Where an article is, and when it was last changed."""

    slug: str
    updated_at: datetime


def find_article_by_slug(session: Session, slug: str) -> Article | None:
    """Return the article of this address, published or not."""
    return session.scalar(select(Article).where(Article.slug == slug))


def find_published_article(session: Session, slug: str | None, *, at: datetime) -> Article | None:
    """Return the article that a reader comes from, if the address names one; one that is not published is nobody's yet."""
    found = find_article_by_slug(session, slug) if slug else None
    return found if found and found.published_at <= at else None


def get_article(session: Session, article_id: int) -> Article:
    """Return the article; raises NotFound."""
    article = session.get(Article, article_id)
    if article is None:
        raise NotFound("There is no such story.")
    return article


def find_article_page(session: Session, slug: str, *, at: datetime) -> ArticlePage | None:
    """Return a published article with related stories, in one query: same language, most tags shared, then newest."""
    found = list(session.scalars(_article_page(), {"slug": slug, "at": at}).unique())
    article = next((each for each in found if each.slug == slug), None)
    if article is None:
        return None
    tags = tags_of(article)
    related = sorted(
        (each for each in found if each is not article),
        key=lambda each: (len(tags & tags_of(each)), each.published_at, each.id),
        reverse=True,
    )
    return ArticlePage(article, related)


def tags_of(article: Article) -> frozenset[str]:
    """Return the article's tags."""
    return frozenset(each.tag for each in article.tags)


def recent_articles(
    session: Session,
    *,
    language: str,
    at: datetime,
    limit: int,
    offset: int = 0,
    with_body: bool = False,
) -> list[Article]:
    """Return published articles in one language, newest first."""
    statement = (
        select(Article)
        .where(Article.language == language, Article.published_at <= at)
        .order_by(Article.published_at.desc(), Article.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return list(session.scalars(statement if with_body else statement.options(defer(Article.body_html))))


def published_addresses(session: Session, *, at: datetime, limit: int) -> list[Address]:
    """Return where the published articles are, newest first."""
    rows = session.execute(
        select(Article.slug, Article.updated_at)
        .where(Article.published_at <= at)
        .order_by(Article.published_at.desc(), Article.id.desc())
        .limit(limit),
    )
    return [Address(*row) for row in rows]


@cache
def _article_page() -> Select[Any]:
    """Select the article of :slug and the stories that go best with it; built once, for that takes longer than running it."""
    return (
        select(Article)
        .options(joinedload(Article.tags))
        .where(Article.published_at <= bindparam("at"), or_(Article.slug == bindparam("slug"), Article.id.in_(_related_ids())))
    )


def _related_ids() -> Select[Any]:
    slug: BindParameter[str] = bindparam("slug")
    this = aliased(Article)
    its_language = select(this.language).where(this.slug == slug).scalar_subquery()
    its_tags = select(ArticleTag.tag).join(this, this.id == ArticleTag.article_id).where(this.slug == slug)
    recent = (
        select(Article.id, Article.published_at)
        .where(Article.language == its_language, Article.published_at <= bindparam("at"), Article.slug != slug)
        .order_by(Article.published_at.desc())
        .limit(RELATED_AMONG)
        .subquery()
    )
    tag = aliased(ArticleTag)
    shared = select(func.count()).where(tag.article_id == recent.c.id, tag.tag.in_(its_tags)).scalar_subquery()
    return select(recent.c.id).order_by(shared.desc(), recent.c.published_at.desc(), recent.c.id.desc()).limit(RELATED)
