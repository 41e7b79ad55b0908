"""Reading what became of what readers chose."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, cast, func, null, or_, select, union_all
from sqlalchemy.orm import Session, lazyload

from membership.accounts.models import Member
from membership.articles.models import Article
from membership.credits.badges import BADGES, PATRON
from membership.credits.eligibility import patron_badge
from membership.credits.models import Award, Commission, SiteFigures
from membership.credits.promises import PUBLISHED
from membership.errors import NotFound
from membership.patronage.entitlement import Standing
from membership.voting import queries as voting
from membership.voting.explanation import shows_numbers
from membership.voting.models import BoxCheck, Count, Participation, Round, Topic
from membership.voting.tally import Result
from membership.voting.topic_queries import follow_ups_on_ballot


@dataclass(frozen=True)
class CreditLine:
    """What an article says about the vote that chose it."""

    round_name: str
    round_slug: str
    voted: int
    wanted: int | None  # who ticked it; None where so few voted that it would give ballots away
    names: tuple[str, ...]  # those who asked to be named


@dataclass(frozen=True)
class FollowUpLine:
    """A topic that came from an article, and the open vote in which it can be ticked."""

    title: str
    language: str
    round_name: str
    round_slug: str


@dataclass(frozen=True)
class StoryLink:
    """An article that came out of a vote."""

    headline: str
    slug: str


@dataclass(frozen=True)
class BadgeLine:
    """One badge as its holder sees it. The Patron badge belongs to no vote and follows "patron now"."""

    badge: str
    title: str
    criteria: str
    state: str  # held, paused
    round_name: str = ""
    round_slug: str = ""
    awarded_at: datetime | None = None
    stories: tuple[StoryLink, ...] = ()


@dataclass(frozen=True)
class StoryMail:
    """What a counted voter's "here is the story" needs; never a choice."""

    to: str
    language: str
    round_name: str
    headline: str
    article_slug: str
    voted: int
    next_opens_at: datetime | None


@dataclass(frozen=True)
class Story:
    """A chosen topic as the staff see it."""

    commission: Commission
    topic: Topic
    round: Round
    article: Article | None


def credit_for_article(session: Session, article_id: int) -> CreditLine | None:
    """Return the credit of an article in the article's language, in one statement; None if no vote chose it."""
    row = session.execute(_credits(article_id)).one_or_none()
    return _credit_of_row(row) if row else None


def votes_around(session: Session, article: Article, *, at: datetime) -> tuple[CreditLine | None, list[FollowUpLine]]:
    """Return the credit of an article and which of its follow-ups can be ticked now, in its language, in one statement."""
    nothing = cast(null(), Count.result.type)
    ticked_now = follow_ups_on_ballot(article.id, at=at).order_by(None)
    ticked_now = ticked_now.with_only_columns(Round.name, Round.name_uk, Round.slug, Topic.title, Topic.language, nothing)
    rows = session.execute(union_all(_credits(article.id), ticked_now)).all()
    lines = [_credit_of_row(row) for row in rows if row.result is not None]
    follow_ups = [
        FollowUpLine(title, language, _name_in(article.language, name, name_uk), slug)
        for name, name_uk, slug, title, language, result in rows
        if result is None
    ]
    return (lines[0] if lines else None), follow_ups


def credit_of(session: Session, story: Story, article: Article) -> CreditLine:
    """Return the credit that this article would carry if it were linked to this topic."""
    round_ = voting.get_round(session, story.round.id)
    return _credit_line(round_.name_in(article.language), round_.slug, voting.result_of(round_), story.topic.slug)


def figures(session: Session) -> SiteFigures | None:
    """Return the few numbers that open pages print; None before they were drawn for the first time."""
    return session.get(SiteFigures, 1)


def awards_of(session: Session, member_id: int, *, language: str = "en") -> list[BadgeLine]:
    """Return a member's awards, newest first, each with the stories that came out of its vote."""
    rows = session.execute(
        select(Award, Round)
        .join(Round, Round.id == Award.round_id)
        .where(Award.member_id == member_id)
        .order_by(Award.id.desc())
        .options(lazyload("*")),
    ).all()
    stories = _stories_by_round(session, [award.round_id for award, _round in rows])
    return [
        BadgeLine(
            badge=award.badge,
            title=BADGES[award.badge].name,
            criteria=BADGES[award.badge].criteria,
            state="held",
            round_name=round_.name_in(language),
            round_slug=round_.slug,
            awarded_at=award.awarded_at,
            stories=stories.get(award.round_id, ()),
        )
        for award, round_ in rows
    ]


def badges_of(session: Session, member_id: int, standing: Standing, *, language: str = "en") -> list[BadgeLine]:
    """Return all badges of a member: the Patron badge while it holds, then the awards."""
    state = patron_badge(standing)
    patron = BADGES[PATRON]
    now = [BadgeLine(patron.key, patron.name, patron.criteria, state)] if state else []
    return now + awards_of(session, member_id, language=language)


def get_story(session: Session, commission_id: int) -> Story:
    """Return one chosen topic with its vote and its article; raises NotFound."""
    row = session.execute(_stories().where(Commission.id == commission_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such story in progress.")
    return Story(*row)


def stories(session: Session, state: str | None = None) -> list[Story]:
    """Return the chosen topics, those of the newest vote first; only those in this state if one is given."""
    query = _stories().order_by(Commission.round_id.desc(), Commission.seat)
    return [Story(*row) for row in session.execute(query.where(Commission.state == state) if state else query)]


def progress_of_topics(session: Session) -> dict[int, str]:
    """Return what became of each chosen topic (in_progress, published, dropped) by its id."""
    rows = session.execute(select(Commission.topic_id, Commission.state).order_by(Commission.id))
    return {row.topic_id: row.state for row in rows}


def find_story_of_topic(session: Session, topic_id: int) -> Story | None:
    """Return what became of a topic that a published vote has chosen."""
    newest = _stories().where(Commission.topic_id == topic_id).order_by(Commission.id.desc()).limit(1)
    row = session.execute(newest).one_or_none()
    return Story(*row) if row else None


def linkable_articles(session: Session, *, text: str, now: datetime, limit: int = 20) -> list[Article]:
    """Return published articles that keep no promise yet, newest first; text is looked for in headline and slug."""
    query = (
        select(Article)
        .outerjoin(Commission, Commission.article_id == Article.id)
        .where(Article.published_at <= now, Commission.id.is_(None))
        .order_by(Article.published_at.desc(), Article.id.desc())
        .limit(limit)
    )
    if text:
        query = query.where(or_(Article.headline.icontains(text, autoescape=True), Article.slug.icontains(text, autoescape=True)))
    return list(session.scalars(query))


def count_letters(session: Session, story: Story) -> int:
    """Return how many people get a mail when this story is out: the vote's counted voters who have an address."""
    voters = (
        select(func.count())
        .select_from(Participation)
        .join(Member, Member.id == Participation.member_id)
        .where(
            Participation.round_id == story.round.id,
            Participation.counted,
            func.coalesce(Member.email, Member.typed_email).is_not(None),
        )
    )
    return session.scalar(voters) or 0


def find_story_mail(session: Session, *, commission_id: int, member_id: int, now: datetime) -> StoryMail | None:
    """Return the mail for one voter; None if the story is linked no more, or the voter has gone or has no address."""
    row = session.execute(_stories().where(Commission.id == commission_id, Commission.state == PUBLISHED)).one_or_none()
    member = session.get(Member, member_id)
    address = member.address if member else None
    if row is None or member is None or address is None:
        return None
    story = Story(*row)
    return StoryMail(
        to=address,
        language=member.language,
        round_name=story.round.name_in(member.language),
        headline=row.Article.headline,
        article_slug=row.Article.slug,
        voted=session.scalar(select(BoxCheck.counted).where(BoxCheck.round_id == story.round.id)) or 0,
        next_opens_at=session.scalar(select(func.min(Round.opens_at)).where(Round.opens_at > now)),
    )


def _credits(article_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(Round.name, Round.name_uk, Round.slug, Topic.slug.label("topic_slug"), Article.language, Count.result)
        .select_from(Commission)
        .join(Article, Article.id == Commission.article_id)
        .join(Round, Round.id == Commission.round_id)
        .join(Topic, Topic.id == Commission.topic_id)
        .join(Count, Count.round_id == Round.id)
        .where(Commission.article_id == article_id, Commission.state == PUBLISHED)
    )


def _credit_of_row(row: Row[*tuple[Any, ...]]) -> CreditLine:
    name, name_uk, round_slug, topic_slug, language, result = row
    return _credit_line(_name_in(language, name, name_uk), round_slug, Result.from_json(result), topic_slug)


def _name_in(language: str, name: str, name_uk: str) -> str:
    return name_uk if language == "uk" and name_uk else name


def _credit_line(round_name: str, round_slug: str, result: Result, topic_slug: str) -> CreditLine:
    wanted = result.totals[topic_slug] if shows_numbers(result) else None
    return CreditLine(round_name, round_slug, result.counted, wanted, names=())


def _stories() -> Select[*tuple[Any, ...]]:
    return (
        select(Commission, Topic, Round, Article)
        .join(Topic, Topic.id == Commission.topic_id)
        .join(Round, Round.id == Commission.round_id)
        .outerjoin(Article, Article.id == Commission.article_id)
        .options(lazyload("*"))
    )


def _stories_by_round(session: Session, round_ids: Sequence[int]) -> dict[int, tuple[StoryLink, ...]]:
    rows = session.execute(
        select(Commission.round_id, Article.headline, Article.slug)
        .join(Article, Article.id == Commission.article_id)
        .where(Commission.round_id.in_(round_ids), Commission.state == PUBLISHED)
        .order_by(Commission.round_id, Commission.seat),
    )
    found: dict[int, tuple[StoryLink, ...]] = {}
    for round_id, headline, slug in rows:
        found[round_id] = (*found.get(round_id, ()), StoryLink(headline, slug))
    return found
