"""Taking articles in and correcting them; writing the newsroom's own texts."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from membership import audit
from membership.articles.body import make_body
from membership.articles.imported_article import ImportedArticle, ReadMore, one_line
from membership.articles.models import Article, ArticleTag, NewsroomText
from membership.articles.newsroom_texts import get_text
from membership.articles.queries import get_article, tags_of
from membership.db import transaction
from membership.errors import Conflict
from membership.page_version import raise_page_version

CREATED, UPDATED, UNCHANGED, SKIPPED = "created", "updated", "unchanged", "skipped"


@dataclass(frozen=True)
class Outcome:
    """What became of one article, and why where that isn't plain."""

    article: ImportedArticle
    became: str
    reason: str = ""


@dataclass(frozen=True)
class ImportSummary:
    """What an import did, or would have done."""

    outcomes: tuple[Outcome, ...]

    def count(self, became: str) -> int:
        """Return how many articles became this."""
        return sum(outcome.became == became for outcome in self.outcomes)


def import_articles(
    session: Session,
    *,
    articles: Sequence[ImportedArticle],
    update: bool = False,
    dry_run: bool = False,
    now: datetime,
    on_article: Callable[[Outcome], object] = lambda _outcome: None,
) -> ImportSummary:
    """Take articles in, all or none; safe to repeat.

    An article is known by (source, source id), then by its slug. A known one is overwritten only with update; its address stays as
    it was first given out. Within one run the first source of a slug wins. Raises Conflict.
    """
    try:
        with transaction(session):
            known = _Known(session, now=now, coming=articles)
            outcomes = []
            for article in articles:
                outcome = _take_in(session, known, article, update=update, dry_run=dry_run, now=now)
                outcomes.append(outcome)
                on_article(outcome)
            if not dry_run:
                _tell_the_pages(session, outcomes, now=now)
    except IntegrityError as error:
        raise Conflict("Another import was running at the same time. Nothing was written; start it again.") from error
    return ImportSummary(tuple(outcomes))


def correct_article(
    session: Session,
    *,
    article_id: int,
    headline: str | None = None,
    standfirst: str | None = None,
    byline: str | None = None,
    body_html: str | None = None,
    calm: bool | None = None,
    actor_id: int | None = None,
    now: datetime,
) -> None:
    """Change what is given of an article; every open page shows it within a second. Raises NotFound, Conflict."""
    texts = {"headline": headline, "standfirst": standfirst, "byline": byline}
    changes: dict[str, object] = {name: one_line(text) for name, text in texts.items() if text is not None}
    if body_html is not None:
        changes["body_html"] = make_body(body_html).html
    if calm is not None:
        changes["calm"] = calm
    if changes.get("headline") == "" or changes.get("body_html") == "":
        raise Conflict("A story needs a headline and a text.")
    with transaction(session):
        article = get_article(session, article_id)
        for name, value in changes.items():
            setattr(article, name, value)
        article.updated_at = now
        raise_page_version(session)
        fields = sorted(changes)
        audit.record(session, act="article.corrected", subject=("article", article.id), actor_id=actor_id, now=now, fields=fields)


class _Known:
    """What is here already, read once: a run of thousands asks the database a few times, not thousands."""

    def __init__(self, session: Session, *, now: datetime, coming: Sequence[ImportedArticle]) -> None:
        rows = session.execute(
            select(Article.id, Article.source, Article.source_id, Article.slug, Article.headline, Article.published_at),
        ).all()
        self.by_source = {(row.source, row.source_id): row.id for row in rows}
        self.by_slug = {row.slug: row.id for row in rows}
        self.slugs_by_headline = {row.headline: row.slug for row in rows if row.published_at <= now}
        self.slugs_by_headline |= {each.headline: each.slug for each in coming if each.published_at <= now}
        self._taken: dict[object, str] = {}  # in this run: slug, (source, source id) and row, each with the source it came from

    def find(self, article: ImportedArticle) -> int | None:
        return self.by_source.get((article.source, article.source_id)) or self.by_slug.get(article.slug)

    def taken_from(self, article: ImportedArticle) -> str | None:
        """Return the source that brought this article earlier in this run; else note that this one did."""
        keys = (article.slug, (article.source, article.source_id), self.find(article))
        earlier = next((self._taken[key] for key in keys if key in self._taken), None)
        if earlier is None:
            self._taken |= {key: article.source for key in keys if key is not None}
        return earlier

    def link(self, more: ReadMore) -> ReadMore:
        """Return the "read more" with the address of our own story of that headline, if it came without one."""
        slug = self.slugs_by_headline.get(more.label)
        return replace(more, url=f"/articles/{slug}") if slug and more.url is None else more


def save_text(session: Session, *, key: str, language: str, body: str, based_on: int, actor_id: int, now: datetime) -> None:
    """Put a new version of one of the newsroom's texts on the site; based_on is the version that its writer has read.

    Raises NotFound, and Conflict if somebody else wrote meanwhile.
    """
    body = "\n".join(body.splitlines()).strip()
    with transaction(session):
        present = get_text(session, key, language)
        if present.version != based_on:
            raise Conflict("Somebody else has changed this text meanwhile. Look at what they wrote before you save yours.")
        if body != present.body or present.is_draft:
            _add_version(session, key, language, body, present.version + 1, actor_id, now)
            audit.record(
                session,
                act="text.saved",
                subject=("newsroom_text", f"{key}:{language}"),
                actor_id=actor_id,
                now=now,
                version=based_on + 1,
            )


def take_back_text(session: Session, *, key: str, language: str, actor_id: int, now: datetime) -> None:
    """Put the draft on the site again; what was written stays among the versions. Raises NotFound, Conflict."""
    with transaction(session):
        present = get_text(session, key, language)
        if present.is_draft:
            raise Conflict("This text is the draft already.")
        _add_version(session, key, language, None, present.version + 1, actor_id, now)
        audit.record(session, act="text.reset", subject=("newsroom_text", f"{key}:{language}"), actor_id=actor_id, now=now)


def _add_version(session: Session, key: str, language: str, body: str | None, version: int, actor_id: int, now: datetime) -> None:
    session.add(
        NewsroomText(key=key, language=language, version=version, body=body, written_at=now, written_by=actor_id),
    )
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict("Somebody else has changed this text meanwhile. Look at what they wrote before you save yours.") from error
    raise_page_version(session)


def _take_in(
    session: Session,
    known: _Known,
    article: ImportedArticle,
    *,
    update: bool,
    dry_run: bool,
    now: datetime,
) -> Outcome:
    earlier = known.taken_from(article)
    if earlier is not None:
        return Outcome(article, SKIPPED, f"it came in this run already, from {earlier}")
    article_id = known.find(article)
    fields = _fields(article, known)
    if article_id is None:
        if not dry_run:
            _create(session, article, fields)
        return Outcome(article, CREATED)
    present = session.get_one(Article, article_id)
    same_source = (present.source, present.source_id) == (article.source, article.source_id)
    if not same_source and not update:
        return Outcome(article, SKIPPED, f"its slug is here already, from {present.source}; --update overwrites it")
    if same_source and _is_as(present, article, fields):
        return Outcome(article, UNCHANGED)
    if not update:
        return Outcome(article, SKIPPED, "it is here already and differs; --update overwrites it")
    if not dry_run:
        _overwrite(present, article, fields, now=now)
    moved = present.slug != article.slug
    return Outcome(article, UPDATED, f"its address stays /articles/{present.slug}" if moved else "")


def _fields(article: ImportedArticle, known: _Known) -> Mapping[str, object]:
    links = [known.link(more) for more in article.read_more]
    return {
        "language": article.language,
        "headline": article.headline,
        "standfirst": article.standfirst,
        "byline": article.byline,
        "body_html": article.body_html,
        "calm": article.calm,
        "published_at": article.published_at,
        "read_more": [{"label": link.label, "url": link.url} for link in links],
    }


def _is_as(present: Article, article: ImportedArticle, fields: Mapping[str, object]) -> bool:
    return tags_of(present) == set(article.tags) and all(getattr(present, name) == value for name, value in fields.items())


def _create(session: Session, article: ImportedArticle, fields: Mapping[str, object]) -> None:
    tags = [ArticleTag(tag=tag) for tag in article.tags]
    identity = {"source": article.source, "source_id": article.source_id, "slug": article.slug}
    session.add(Article(**identity, **fields, updated_at=article.published_at, tags=tags))


def _overwrite(present: Article, article: ImportedArticle, fields: Mapping[str, object], *, now: datetime) -> None:
    present.source, present.source_id = article.source, article.source_id
    for name, value in fields.items():
        setattr(present, name, value)
    kept = {each.tag: each for each in present.tags}
    present.tags = [kept.get(tag) or ArticleTag(tag=tag) for tag in article.tags]
    present.updated_at = now


def _tell_the_pages(session: Session, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    counts = Counter(outcome.became for outcome in outcomes)
    if counts[CREATED] + counts[UPDATED]:
        session.flush()
        raise_page_version(session)
        audit.record(session, act="articles.imported", subject=("article", "import"), actor_id=None, now=now, counts=dict(counts))
