"""Reading the promise ledger: what readers chose, vote by vote, and what became of it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, lazyload

from membership.articles.models import Article
from membership.credits.models import Commission
from membership.credits.promises import Promise, Record, record_of
from membership.voting.models import Publication, Round, Topic


@dataclass(frozen=True)
class LedgerLine:
    """One chosen topic and what became of it."""

    title: str
    promise: Promise
    days_late: int
    dropped_reason: str
    headline: str | None
    article_slug: str | None
    article_language: str | None


@dataclass(frozen=True)
class LedgerVote:
    """One published vote with its chosen topics, in the order in which they won."""

    name: str
    slug: str
    published_at: datetime
    lines: tuple[LedgerLine, ...]


@dataclass(frozen=True)
class Ledger:
    """All published votes, newest first, and how the newsroom kept its word."""

    votes: tuple[LedgerVote, ...]
    record: Record


def ledger(session: Session, *, at: datetime, zone: ZoneInfo, language: str = "en") -> Ledger:
    """Return what readers chose and what became of it, as it stands at this instant in the newsroom's time zone."""
    today = at.astimezone(zone).date()
    votes: dict[int, tuple[Round, datetime, list[LedgerLine]]] = {}
    for round_, published_at, commission, topic, article in session.execute(_rows()):
        _known, _at, lines = votes.setdefault(round_.id, (round_, published_at, []))
        if commission is not None:
            lines.append(_line(commission, topic, article, today=today, zone=zone))
    promises = (line.promise for _round, _at, lines in votes.values() for line in lines)
    return Ledger(
        votes=tuple(
            LedgerVote(round_.name_in(language), round_.slug, published_at, tuple(lines))
            for round_, published_at, lines in votes.values()
        ),
        record=record_of(promises, on=today),
    )


def promise_of(commission: Commission, *, zone: ZoneInfo) -> Promise:
    """Return what was promised with this commission, its instants turned into the newsroom's days."""
    out_on = commission.published_at.astimezone(zone).date() if commission.published_at else None
    return Promise(commission.state, commission.promised_on, commission.due_on, out_on)


def _rows() -> Select[*tuple[Any, ...]]:
    # Votes without a winner are shown too: nothing was promised there, and the page says so.
    return (
        select(Round, Publication.published_at, Commission, Topic, Article)
        .join(Publication, Publication.round_id == Round.id)
        .outerjoin(Commission, Commission.round_id == Round.id)
        .outerjoin(Topic, Topic.id == Commission.topic_id)
        .outerjoin(Article, Article.id == Commission.article_id)
        .order_by(Publication.published_at.desc(), Round.id.desc(), Commission.seat)
        .options(lazyload("*"))
    )


def _line(commission: Commission, topic: Topic, article: Article | None, *, today: date, zone: ZoneInfo) -> LedgerLine:
    promise = promise_of(commission, zone=zone)
    return LedgerLine(
        title=topic.title,
        promise=promise,
        days_late=promise.days_late(today),
        dropped_reason=commission.dropped_reason,
        headline=article.headline if article else None,
        article_slug=article.slug if article else None,
        article_language=article.language if article else None,
    )
