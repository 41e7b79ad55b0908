"""Articles come in all or none, twice as safely as once; a correction reaches every open page."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.articles import services
from membership.articles.imported_article import ImportedArticle, ReadMore
from membership.articles.models import Article
from membership.articles.queries import find_article_by_slug, tags_of
from membership.articles.services import CREATED, SKIPPED, UNCHANGED, UPDATED, ImportSummary, correct_article
from membership.audit import AuditEntry
from membership.errors import Conflict, NotFound
from membership.page_version import page_version
from tests.conftest import NOW
from tests.factories.articles import a_story, make_article

LATER = NOW + timedelta(hours=1)


def take_in(session: Session, *articles: ImportedArticle, **options: Any) -> ImportSummary:
    return services.import_articles(session, articles=articles, now=options.pop("now", NOW), **options)


def became(summary: ImportSummary) -> list[tuple[str, str]]:
    return [(outcome.article.slug, outcome.became) for outcome in summary.outcomes]


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Article)) or 0


def test_a_row_that_the_database_refuses_takes_all_the_others_with_it(session: Session) -> None:
    with pytest.raises(Conflict):
        take_in(session, a_story("good"), a_story("bad", language="xx"))

    assert (count(session), page_version(session)) == (0, 0)


def test_a_dry_run_says_what_would_happen_and_writes_nothing(session: Session) -> None:
    make_article(session, "here")
    version = page_version(session)

    summary = take_in(session, a_story("here", headline="Changed"), a_story("new"), update=True, dry_run=True)

    assert became(summary) == [("here", UPDATED), ("new", CREATED)]
    here = find_article_by_slug(session, "here")
    assert here
    assert (here.headline, count(session), page_version(session)) == ("A story", 1, version)


def test_a_second_run_changes_nothing_and_tells_no_page(session: Session) -> None:
    stories = (a_story("one", tags=("b", "a")), a_story("two", read_more=(ReadMore("x"),)))
    take_in(session, *stories)
    version = page_version(session)

    summary = take_in(session, *stories, now=LATER)

    assert became(summary) == [("one", UNCHANGED), ("two", UNCHANGED)]
    assert (count(session), page_version(session)) == (2, version)


def test_a_second_source_of_a_slug_is_skipped_and_named(session: Session) -> None:
    take_in(session, a_story("one"))

    summary = take_in(session, replace(a_story("one"), source="wordpress:x", source_id="7", headline="Other"))

    (outcome,) = summary.outcomes
    assert (outcome.became, outcome.reason) == (SKIPPED, "its slug is here already, from markdown; --update overwrites it")
    assert (count(session), summary.count(SKIPPED)) == (1, 1)


def test_two_sources_of_a_slug_in_one_run_leave_the_first_however_often_it_runs(session: Session) -> None:
    first, second = a_story("one"), replace(a_story("one"), source="wordpress:x", source_id="7", headline="Other")

    for update in (False, True, True):
        summary = take_in(session, first, second, update=update)
        assert summary.outcomes[1].reason == "it came in this run already, from markdown"

    assert became(summary) == [("one", UNCHANGED), ("one", SKIPPED)]


def test_one_source_id_twice_in_one_run_leaves_the_first(session: Session) -> None:
    summary = take_in(session, a_story("one"), replace(a_story("two"), source_id="one"))

    assert became(summary) == [("one", CREATED), ("two", SKIPPED)]


def test_a_changed_article_is_overwritten_only_when_told_to(session: Session) -> None:
    take_in(session, a_story("one", tags=("old", "kept")))
    changed = a_story(
        "one", headline="Changed", calm=True, tags=("new", "kept"), read_more=(ReadMore("More", "https://a.example/"),)
    )

    assert became(take_in(session, changed)) == [("one", SKIPPED)]
    assert became(take_in(session, changed, update=True, now=LATER)) == [("one", UPDATED)]

    article = find_article_by_slug(session, "one")
    assert article
    assert (article.headline, article.calm, tags_of(article)) == ("Changed", True, {"new", "kept"})
    assert article.read_more == [{"label": "More", "url": "https://a.example/"}]
    assert (article.published_at, article.updated_at) == (changed.published_at, LATER)


def test_another_source_that_overwrites_is_the_articles_source_from_then_on(session: Session) -> None:
    take_in(session, a_story("one"))
    other = replace(a_story("one"), source="wordpress:x", source_id="7")

    assert became(take_in(session, other, update=True)) == [("one", UPDATED)]
    assert became(take_in(session, other)) == [("one", UNCHANGED)]


def test_an_address_once_given_out_stays(session: Session) -> None:
    take_in(session, a_story("one"))

    summary = take_in(session, replace(a_story("moved"), source_id="one", headline="Changed"), update=True)

    assert (summary.outcomes[0].became, summary.outcomes[0].reason) == (UPDATED, "its address stays /articles/one")
    assert find_article_by_slug(session, "moved") is None


def test_a_read_more_without_address_leads_to_our_own_story_of_that_headline(session: Session) -> None:
    make_article(session, "here", headline="Already here")
    take_in(
        session,
        a_story(
            "new",
            read_more=(
                ReadMore("Already here"),
                ReadMore("Comes along"),
                ReadMore("Not yet out"),
                ReadMore("Elsewhere", "https://a.example/"),
            ),
        ),
        a_story("along", headline="Comes along"),
        a_story("later", headline="Not yet out", published_at=LATER),
    )

    article = find_article_by_slug(session, "new")
    assert article
    assert [link["url"] for link in article.read_more] == ["/articles/here", "/articles/along", None, "https://a.example/"]


def test_an_import_is_audited_and_tells_the_pages(session: Session) -> None:
    take_in(session, a_story("one"))

    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.act, entry.details, page_version(session)) == ("articles.imported", {"counts": {"created": 1}}, 1)


def test_each_article_is_reported_as_it_is_taken_in(session: Session) -> None:
    seen: list[str] = []

    take_in(session, a_story("one"), a_story("two"), on_article=lambda outcome: seen.append(outcome.article.slug))

    assert seen == ["one", "two"]


def test_correcting_what_is_not_there_is_refused(session: Session) -> None:
    with pytest.raises(NotFound):
        correct_article(session, article_id=1, headline="x", now=NOW)


@pytest.mark.parametrize("change", [{"headline": "  "}, {"body_html": "<script>x</script>"}])
def test_a_correction_leaves_no_story_without_headline_or_text(session: Session, change: dict[str, str]) -> None:
    article = make_article(session)

    with pytest.raises(Conflict):
        correct_article(session, article_id=article.id, **change, now=LATER)  # type: ignore[arg-type]


def test_a_correction_changes_what_is_given_and_tells_the_pages(session: Session) -> None:
    article = make_article(session)

    correct_article(session, article_id=article.id, headline=" New\nwords ", body_html="<p onclick=x>New</p>", now=LATER)

    session.refresh(article)
    assert (article.headline, article.body_html, article.standfirst) == ("New words", "<p>New</p>", "What it is about.")
    assert (article.updated_at, page_version(session)) == (LATER, 2)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "article.corrected")).one()
    assert (entry.subject_id, entry.details) == (str(article.id), {"fields": ["body_html", "headline"]})
