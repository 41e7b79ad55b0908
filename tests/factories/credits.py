"""Published votes, articles and promises for tests; rows as the other features leave them, counted by the real tally."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.articles.models import Article
from membership.credits import drawing
from membership.credits.models import Commission
from membership.db import transaction
from membership.voting.models import BoxCheck, Closing, Count, Opening, Participation, Publication, Round, RoundTopic, Topic
from membership.voting.tally import group, tally
from tests.conftest import NOW

CLOSED = NOW - timedelta(days=2)
TOPICS = ("water", "schools", "buses")


@dataclass(frozen=True)
class PublishedVote:
    """A published vote and who took part in it."""

    round_id: int
    slug: str
    voters: list[int]  # counted, ascending


def make_article(session: Session, slug: str = "who-repairs-the-mains", **changes: Any) -> Article:
    """A published article."""
    values: dict[str, Any] = {
        "source": "test", "source_id": slug, "slug": slug, "headline": slug.replace("-", " ").capitalize(), "body_html": "<p>…</p>",
        "published_at": NOW - timedelta(hours=1), "updated_at": NOW - timedelta(hours=1),
    }  # fmt: skip
    with transaction(session):
        article = Article(**values | changes)
        session.add(article)
    return article


def make_voters(session: Session, many: int, prefix: str = "voter") -> list[int]:
    """So many members with proved addresses; their ids, ascending."""
    with transaction(session):
        members = [Member(email=f"{prefix}{number}@example.org", created_at=NOW) for number in range(many)]
        session.add_all(members)
    return sorted(member.id for member in members)


def make_round(
    session: Session,
    slug: str = "march-2026",
    *,
    name: str = "The March vote",
    name_uk: str = "",
    seats: int = 1,
    opens_at: datetime = CLOSED - timedelta(days=7),
) -> Round:
    """A vote with three topics that opened nine days ago (or opens then) and closed two days ago, without any box check yet."""
    with transaction(session):
        round_ = Round(
            slug=slug, name=name, name_uk=name_uk, seats=seats, rule="plain" if seats == 1 else "fair_share",
            opens_at=opens_at, closes_at=opens_at + timedelta(days=7), created_at=CLOSED - timedelta(days=8),
            scheduled_at=CLOSED - timedelta(days=8),
        )  # fmt: skip
        topics = [Topic(slug=f"{slug}-{topic}", title=topic.capitalize(), state="shortlisted", created_at=NOW) for topic in TOPICS]
        round_.topics = [RoundTopic(topic=topic, position=position) for position, topic in enumerate(topics, start=1)]
        session.add_all([round_, *topics])
        session.flush()
        session.add(Opening(round_id=round_.id, opened_at=round_.opens_at, seed=b"seed", seed_sha256="00"))
        session.add(Closing(round_id=round_.id, closed_at=CLOSED, roll_sha256="00"))
    session.refresh(round_)
    return round_


def make_count(session: Session, round_: Round, *, ballots: dict[str, int], now: datetime = NOW) -> None:
    """The box was checked and opened: so many ballots with one tick each on these topics of TOPICS."""
    slugs = [f"{round_.slug}-{topic}" for topic in TOPICS]
    box = group(frozenset([f"{round_.slug}-{topic}"]) for topic, many in ballots.items() for _ in range(many))
    result = tally(box, topics=slugs, seats=round_.seats, rule=round_.rule, lots=dict(zip(slugs, "abc", strict=True)))
    with transaction(session):
        session.add(
            BoxCheck(
                round_id=round_.id,
                checked_at=now,
                confirmed_at=now,
                counted=sum(ballots.values()),
                set_aside=1,
            ),
        )
        session.add(Count(round_id=round_.id, counted_at=now, publish_at=now, result=result.as_json()))
    session.expire_all()


def make_published_vote(
    session: Session,
    slug: str = "march-2026",
    *,
    name: str = "The March vote",
    name_uk: str = "",
    ballots: dict[str, int] | None = None,
    seats: int = 1,
    published_at: datetime = NOW,
) -> PublishedVote:
    """A published vote whose counted voters are members; one more took part and was not counted."""
    cast = {"water": 15, "schools": 8, "buses": 2} if ballots is None else ballots
    round_ = make_round(session, slug, name=name, name_uk=name_uk, seats=seats)
    make_count(session, round_, ballots=cast)
    *voters, set_aside = make_voters(session, sum(cast.values()) + 1, prefix=f"{slug}-")
    with transaction(session):
        session.add(Publication(round_id=round_.id, published_at=published_at))
        session.add_all(Participation(round_id=round_.id, member_id=voter, counted=True) for voter in voters)
        session.add(Participation(round_id=round_.id, member_id=set_aside, counted=False))
    return PublishedVote(round_.id, slug, voters)


def make_commission(session: Session, slug: str = "march-2026", **options: Any) -> Commission:
    """The promise of a published vote with one winner, drawn by its job."""
    vote = make_published_vote(session, slug, **options)
    drawing.draw_commissions(session, zone=ZoneInfo("Europe/Kyiv"), now=NOW)
    return session.scalars(select(Commission).where(Commission.round_id == vote.round_id)).one()
