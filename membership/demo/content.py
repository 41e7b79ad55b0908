"""The demo's texts, read from its content folder, and their dates moved to the day on which the newsroom is built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import yaml
from babel.dates import format_date

from membership.articles.imported_article import ImportedArticle
from membership.articles.readers import read_file

FOLDER = Path(__file__).with_name("content")
WRITTEN_ON = date(2026, 11, 22)  # the articles' own dates are right for a newsroom built on this day
UKRAINIAN_MONTHS = (
    "Січневе Лютневе Березневе Квітневе Травневе Червневе Липневе Серпневе Вересневе Жовтневе Листопадове Грудневе".split()
)


DemoTopic = Mapping[str, Any]


@dataclass(frozen=True)
class DemoVote:
    """One vote of the demo: its topics, and how many voters ticked what."""

    seats: int
    topics: Sequence[DemoTopic]
    ballots: Sequence[frozenset[str]]


class VoteNames(NamedTuple):
    """How a vote is called on its pages and in its address."""

    english: str
    ukrainian: str
    slug: str


def read_yaml(name: str) -> Any:
    """Return what a YAML file of the content folder holds."""
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def read_articles(zone: ZoneInfo, *, today: date) -> list[ImportedArticle]:
    """Return the demo's articles, as fresh on this day as they were on the day they were written."""
    later = timedelta(days=(today - WRITTEN_ON).days)
    articles = [article for path in sorted(FOLDER.glob("articles/*.md")) for article in read_file(path, zone=zone).articles]
    return [replace(article, published_at=article.published_at + later) for article in articles]


def read_votes() -> tuple[DemoVote, DemoVote]:
    """Return the past vote and the open one."""
    past, present = (
        DemoVote(
            seats=vote["seats"],
            topics=vote["topics"],
            ballots=[frozenset(row["ticks"]) for row in vote.get("ballots", ()) for _ in range(row["voters"])],
        )
        for vote in read_yaml("topics.yaml")["rounds"]
    )
    return past, present


def vote_names(opens_at: datetime) -> VoteNames:
    """Return how a vote is called that opens at this instant, local to the newsroom."""
    month = format_date(opens_at, "LLLL", locale="en")
    return VoteNames(
        english=f"The {month} vote",
        ukrainian=f"{UKRAINIAN_MONTHS[opens_at.month - 1]} голосування",
        slug=f"{month.lower()}-{opens_at.year}",
    )
