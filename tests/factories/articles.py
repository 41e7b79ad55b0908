"""Articles for tests, taken in as a newsroom's files would be."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from membership.articles.imported_article import ImportedArticle
from membership.articles.models import Article
from membership.articles.queries import find_article_by_slug
from membership.articles.services import import_articles
from tests.conftest import NOW

A_STORY = ImportedArticle(
    source="markdown",
    source_id="a-story",
    slug="a-story",
    language="en",
    headline="A story",
    standfirst="What it is about.",
    byline="Ada Reporter",
    body_html="<p>First paragraph.</p>\n<p>Second paragraph.</p>",
    published_at=NOW - timedelta(days=1),
)


def a_story(slug: str = "a-story", **changes: Any) -> ImportedArticle:
    """An article as a reader of files would give it."""
    return replace(A_STORY, slug=slug, source_id=slug, **changes)


def make_article(session: Session, slug: str = "a-story", **changes: Any) -> Article:
    """An article that is out since yesterday, unless the changes say otherwise."""
    import_articles(session, articles=[a_story(slug, **changes)], now=NOW)
    article = find_article_by_slug(session, slug)
    assert article
    return article
