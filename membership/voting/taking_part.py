"""Reading what kinds of patrons took part in a checked vote, as they were at its close. Sums only, never a person."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.articles.models import Article
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Subscription
from membership.voting import queries
from membership.voting.breakdowns import OTHERS, Breakdowns, Group, gathered, joined_while_open, shown
from membership.voting.models import Participation, RollEntry, Round

SOURCE, TENURE, STORY = "source", "tenure", "story"
MONTHLY, YEARLY, UNKNOWN, NO_STORY = "month", "year", "unknown", "none"
SOURCES = (MONTHLY, YEARLY, "once", "gift", "bank", "paypal", "cash", "patreon", "free_seat", "comp", UNKNOWN)
# How long somebody had been a patron, by the days since their first paid period began.
TENURES = (("months_3", timedelta(days=91)), ("year_1", timedelta(days=365)), ("years_3", timedelta(days=3 * 365)))
LONGER = "longer"
TENURE_KEYS = (*(key for key, _ in TENURES), LONGER, UNKNOWN)


def breakdowns_of(session: Session, round_: Round) -> Breakdowns:
    """Return who took part by what made them patrons, since when, and through which story; of a box that was checked."""
    assert round_.opening
    assert round_.closing
    at = round_.closing.closed_at
    roll = queries.roll_of(session, round_.id)
    voters = _counted_voters(session, round_.id)
    if not voters:  # none, or the vote's key was lost and nobody knows whose ballots they are
        return Breakdowns()
    sources, since, stories = _sources(session, round_.id, at), _patron_since(session, round_.id), _stories(session, round_.id, at)
    tables = {
        SOURCE: _groups(roll, voters, lambda one: sources.get(one, UNKNOWN), SOURCES),
        TENURE: _groups(roll, voters, lambda one: _tenure(since.get(one), at), TENURE_KEYS),
        STORY: gathered(_groups(roll, voters, lambda one: stories.get(one, NO_STORY), ()), kept={NO_STORY}),
    }
    opened_at = round_.opening.opened_at
    new = {one for one in roll if one not in since or since[one] >= opened_at}
    joined = joined_while_open(Group("new", len(new), len(new & voters)), could_vote=len(roll), counted=len(voters))
    return Breakdowns({name: shown(groups) for name, groups in tables.items()}, joined)


def headlines(session: Session, breakdowns: Breakdowns) -> dict[str, str]:
    """Return the headline of each story that a breakdown names."""
    slugs = {row.key for row in breakdowns.tables.get(STORY, ())} - {OTHERS, NO_STORY}
    if not slugs:
        return {}
    return {
        row.slug: row.headline for row in session.execute(select(Article.slug, Article.headline).where(Article.slug.in_(slugs)))
    }


def _counted_voters(session: Session, round_id: int) -> set[int]:
    counted = select(Participation.member_id).where(Participation.round_id == round_id, Participation.counted)
    return set(session.scalars(counted))


def _groups(roll: Iterable[int], voters: set[int], key_of: Callable[[int], str], order: tuple[str, ...]) -> tuple[Group, ...]:
    could_vote, voted = Counter[str](), Counter[str]()
    for member_id in roll:
        key = key_of(member_id)
        could_vote[key] += 1
        voted[key] += member_id in voters
    return tuple(Group(key, could_vote[key], voted[key]) for key in (order or sorted(could_vote)))


def _sources(session: Session, round_id: int, at: datetime) -> Mapping[int, str]:
    """Return what made each member a patron at this instant: the period that began last, a running one before one that is over."""
    periods = (
        select(PaidPeriod.member_id, PaidPeriod.source, Subscription.interval)
        .join(RollEntry, RollEntry.member_id == PaidPeriod.member_id)
        .outerjoin(Subscription, Subscription.stripe_id == PaidPeriod.subscription_id)
        .where(RollEntry.round_id == round_id, PaidPeriod.starts_at <= at)
        .order_by(PaidPeriod.ends_at > at, PaidPeriod.starts_at, PaidPeriod.id)
    )
    return {
        row.member_id: (row.interval or MONTHLY) if row.source == "subscription" else row.source for row in session.execute(periods)
    }


def _patron_since(session: Session, round_id: int) -> Mapping[int, datetime]:
    """Return when each member's first paid period began."""
    began = (
        select(PaidPeriod.member_id, PaidPeriod.starts_at)
        .join(RollEntry, RollEntry.member_id == PaidPeriod.member_id)
        .where(RollEntry.round_id == round_id)
        .order_by(PaidPeriod.starts_at.desc())
    )
    return {row.member_id: row.starts_at for row in session.execute(began)}


def _stories(session: Session, round_id: int, at: datetime) -> Mapping[int, str]:
    """Return through which story each member first paid, where that is still known."""
    paid = (
        select(CheckoutAttempt.member_id, Article.slug)
        .join(RollEntry, RollEntry.member_id == CheckoutAttempt.member_id)
        .join(Article, Article.id == CheckoutAttempt.article_id)
        .where(RollEntry.round_id == round_id, CheckoutAttempt.completed_at <= at, CheckoutAttempt.purpose == "membership")
        .order_by(CheckoutAttempt.completed_at.desc())
    )
    return {row.member_id: row.slug for row in session.execute(paid) if row.member_id is not None}


def _tenure(since: datetime | None, at: datetime) -> str:
    if since is None:
        return UNKNOWN
    return next((key for key, longest in TENURES if at - since < longest), LONGER)
