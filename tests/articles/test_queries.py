"""Which articles a page shows."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from membership.articles import queries
from membership.errors import NotFound
from tests.conftest import NOW
from tests.factories.articles import make_article


def published(days_ago: float) -> Any:
    return NOW - timedelta(days=days_ago)


def related_to(session: Session, slug: str) -> list[str]:
    page = queries.find_article_page(session, slug, at=NOW)
    assert page
    return [article.slug for article in page.related]


def test_an_article_before_its_hour_is_nowhere(session: Session) -> None:
    make_article(session, "out")
    make_article(session, "later", published_at=NOW + timedelta(seconds=1))

    assert queries.find_article_page(session, "later", at=NOW) is None
    assert related_to(session, "out") == []
    assert [each.slug for each in queries.recent_articles(session, language="en", at=NOW, limit=9)] == ["out"]
    assert [each.slug for each in queries.published_addresses(session, at=NOW, limit=9)] == ["out"]


def test_an_unknown_article_is_not_found(session: Session) -> None:
    make_article(session, "out")

    assert queries.find_article_page(session, "none", at=NOW) is None
    assert queries.find_article_by_slug(session, "none") is None
    with pytest.raises(NotFound):
        queries.get_article(session, 0)


def test_related_stories_share_language_then_tags_then_are_new(session: Session) -> None:
    make_article(session, "this", tags=("water", "money"), published_at=published(1))
    make_article(session, "two-tags-old", tags=("money", "water", "law"), published_at=published(90))
    make_article(session, "one-tag", tags=("water",), published_at=published(50))
    make_article(session, "one-tag-newer", tags=("money",), published_at=published(40))
    make_article(session, "other-language", language="uk", tags=("water", "money"), published_at=published(2))
    make_article(session, "recent", published_at=published(3))
    make_article(session, "older", published_at=published(4))

    assert related_to(session, "this") == ["two-tags-old", "one-tag-newer", "one-tag", "recent"]


def test_an_article_page_costs_one_query_however_large_the_archive(session: Session, engine: Engine) -> None:
    for number in range(12):
        make_article(session, f"story-{number}", tags=("water",))
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            statements.append(statement)

    session.expunge_all()
    event.listen(engine, "before_cursor_execute", note)
    page = queries.find_article_page(session, "story-5", at=NOW)
    event.remove(engine, "before_cursor_execute", note)

    assert page
    assert (queries.tags_of(page.article), len(page.related), len(statements)) == ({"water"}, queries.RELATED, 1)


def test_recent_articles_come_newest_first_in_pages(session: Session) -> None:
    for number in range(5):
        make_article(session, f"story-{number}", published_at=published(number))

    first = queries.recent_articles(session, language="en", at=NOW, limit=2)
    second = queries.recent_articles(session, language="en", at=NOW, limit=2, offset=2)

    assert [each.slug for each in (*first, *second)] == ["story-0", "story-1", "story-2", "story-3"]
