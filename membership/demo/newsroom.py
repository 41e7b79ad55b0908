"""The demo newsroom, built through the services as if its last three months had happened: the clock moves, nothing is made up."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import ColumnElement, case, select
from sqlalchemy.orm import Session

from membership import audit
from membership.accounts import services as accounts
from membership.articles.models import Article
from membership.articles.services import import_articles
from membership.clock import FixedClock
from membership.config import Settings
from membership.credits import drawing
from membership.credits import services as stories
from membership.credits.models import Commission
from membership.db import transaction
from membership.demo import content
from membership.patronage.services import contributions, plans
from membership.voting import queries as votes
from membership.voting.keys import RoundKeys
from membership.voting.models import Topic
from membership.voting.receipts import voter_tag
from membership.voting.services import ballots, box, counting, rounds, topics

PATRON = "patron@readers.example"
BUILT = "demo.built"
YEARLY_MINOR = 36_00
FREE_SEATS = 12
EARLY_VOTERS = 41  # of the open vote
Report = Callable[[str], object]


@dataclass
class Newsroom:
    """What building needs: a session, the settings, the votes' keys, and a clock that is moved from step to step."""

    session: Session
    settings: Settings
    keys: RoundKeys
    clock: FixedClock
    run_job: Callable[[str], object]
    report: Report
    today: datetime = field(init=False)
    staff: dict[str, int] = field(default_factory=dict)  # address: member id
    patrons: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.today = self.clock.now()

    def go_to(self, days: float) -> datetime:
        """Move the clock to so many days from today, at 20:00 in the newsroom; return the instant."""
        local = (self.today + timedelta(days=days)).astimezone(self.settings.time_zone)
        self.clock.instant = local.replace(hour=20, minute=0, second=0, microsecond=0).astimezone(UTC)
        return self.clock.instant

    @property
    def editor(self) -> int:
        """The first of the two staff."""
        return next(iter(self.staff.values()))

    @property
    def counter(self) -> int:
        """The second of the two staff."""
        return list(self.staff.values())[1]


def build(newsroom: Newsroom) -> None:
    """Build it all: people and money, articles, a past vote whose stories are out, an open vote."""
    newsroom.report("people and what they pay")
    _hire(newsroom)
    _found(newsroom)
    _gather_patrons(newsroom)
    newsroom.report("stories")
    _print_articles(newsroom)
    newsroom.report("the last vote, its count and its stories")
    _hold_past_vote(newsroom)
    newsroom.report("the open vote")
    _open_present_vote(newsroom)
    newsroom.clock.instant = newsroom.today
    drawing.refresh_figures(newsroom.session, now=newsroom.today)
    with transaction(newsroom.session):
        audit.record(newsroom.session, act=BUILT, subject=("demo", 1), actor_id=None, now=newsroom.today)


def _hire(newsroom: Newsroom) -> None:
    now = newsroom.go_to(-95)
    for person in content.read_yaml("newsroom.yaml")["staff"]:
        member_id = accounts.create_member(
            newsroom.session, email=person["email"], display_name=person["display_name"], language=person["language"], now=now
        )
        newsroom.staff[person["email"]] = member_id
        for role in {*person["roles"], "counter"}:  # checking a box takes two people
            accounts.grant_role(newsroom.session, member_id=member_id, role=role, actor_id=None, now=now)


def _found(newsroom: Newsroom) -> None:
    amounts = content.read_yaml("newsroom.yaml")["support"]["amounts_minor"]
    plans.ensure_plan(
        newsroom.session,
        key="patron",
        name="Patron",
        currency=newsroom.settings.currency,
        minimums={every: presets[0] for every, presets in amounts.items()},
        presets=amounts,
        now=newsroom.go_to(-95),
    )


def _gather_patrons(newsroom: Newsroom) -> None:
    people = content.read_yaml("people.yaml")["patrons"]
    for number, person in enumerate(people, start=1):
        now = newsroom.go_to(-92 + number / len(people) * 10)
        address = PATRON if number == 1 else f"reader{number:03}@readers.example"
        member_id = accounts.create_member(
            newsroom.session, email=address, display_name=person["name"], language=person["language"], now=now
        )
        newsroom.patrons.append(member_id)
        _pay(newsroom, member_id, number=number, free=number > len(people) - FREE_SEATS, now=now)


def _pay(newsroom: Newsroom, member_id: int, *, number: int, free: bool, now: datetime) -> None:
    if free:
        contributions.grant_free_seat(
            newsroom.session,
            member_id=member_id,
            starts_at=now,
            ends_at=now + timedelta(days=365),
            reference=f"seat-{number}",
            actor_id=newsroom.editor,
            now=now,
        )
        return
    contributions.record_contribution(
        newsroom.session,
        member_id=member_id,
        amount_minor=YEARLY_MINOR,
        currency=newsroom.settings.currency,
        reference=f"transfer-{number:04}",
        received_at=now,
        actor_id=newsroom.counter,
        now=now,
    )


def _print_articles(newsroom: Newsroom) -> None:
    today = newsroom.today.astimezone(newsroom.settings.time_zone).date()
    articles = content.read_articles(newsroom.settings.time_zone, today=today)
    import_articles(newsroom.session, articles=articles, now=newsroom.go_to(-1))


def _hold_past_vote(newsroom: Newsroom) -> None:
    session, keys = newsroom.session, newsroom.keys
    vote, _ = content.read_votes()
    round_id = _open(newsroom, vote, opens=-75, days=7)
    _cast(newsroom, round_id, zip(newsroom.patrons, vote.ballots, strict=False))
    newsroom.go_to(-68)
    rounds.close_round(session, round_id=round_id, actor_id=None, clock=newsroom.clock)
    box.check_box(session, round_id=round_id, keys=keys, actor_id=newsroom.editor, now=newsroom.go_to(-67))
    box.confirm_check(session, round_id=round_id, keys=keys, actor_id=newsroom.counter, now=newsroom.clock.now())
    box.destroy_due_keys(session, keys=keys, clock=newsroom.clock)
    counting.open_box(session, round_id=round_id, actor_id=newsroom.counter, now=newsroom.clock.now())
    counting.publish(session, round_id=round_id, actor_id=newsroom.editor, now=newsroom.go_to(-66))
    drawing.draw_commissions(session, zone=newsroom.settings.time_zone, now=newsroom.clock.now())
    drawing.draw_awards(session, now=newsroom.clock.now())
    _keep_promises(newsroom, {topic["slug"]: topic["story"] for topic in vote.topics if "story" in topic})


def _keep_promises(newsroom: Newsroom, story_of: dict[str, str]) -> None:
    promised = (
        select(Commission.id, Article).join(Topic, Topic.id == Commission.topic_id).join(Article, Article.slug == _story(story_of))
    )
    for commission_id, article in newsroom.session.execute(promised.order_by(Article.published_at)).all():
        newsroom.clock.instant = max(article.published_at, newsroom.clock.instant)
        stories.publish_commission(
            newsroom.session,
            commission_id=commission_id,
            article_id=article.id,
            actor_id=newsroom.editor,
            now=newsroom.clock.now(),
        )
        for job in ("story_letters", "mails"):  # sent on the day, so that they don't bury the first visitor's own
            newsroom.run_job(job)


def _story(story_of: dict[str, str]) -> ColumnElement[str | None]:
    return case(story_of, value=Topic.slug)


def _open_present_vote(newsroom: Newsroom) -> None:
    _, vote = content.read_votes()
    round_id = _open(newsroom, vote, opens=-3, days=9)
    slugs = [topic["slug"] for topic in vote.topics]
    taste = random.Random(2026)  # noqa: S311 -- invented people's taste
    _cast(
        newsroom,
        round_id,
        (
            (member_id, frozenset(taste.sample(slugs, taste.randint(1, 3))))
            for member_id in islice(newsroom.patrons, 1, EARLY_VOTERS + 1)
        ),
    )


def _open(newsroom: Newsroom, vote: content.DemoVote, *, opens: int, days: int) -> int:
    session = newsroom.session
    opens_at = newsroom.go_to(opens)
    newsroom.clock.instant = opens_at - timedelta(days=1)
    topic_ids = [
        topics.ensure_topic(
            session,
            slug=topic["slug"],
            title=topic["title"],
            why=topic["why"],
            language=topic["language"],
            state="shortlisted",
            now=newsroom.clock.now(),
        )
        for topic in vote.topics
    ]
    names = content.vote_names(opens_at.astimezone(newsroom.settings.time_zone))
    round_id = rounds.create_round(
        session,
        topic_ids=topic_ids,
        seats=vote.seats,
        opens_at=opens_at,
        closes_at=newsroom.go_to(opens + days),
        settling_hours=0,
        actor_id=newsroom.editor,
        now=opens_at - timedelta(days=1),
        name=names.english,
        name_uk=names.ukrainian,
        slug=names.slug,
    )
    newsroom.clock.instant = opens_at
    rounds.open_round(session, round_id=round_id, keys=newsroom.keys, actor_id=newsroom.editor, clock=newsroom.clock)
    return round_id


def _cast(newsroom: Newsroom, round_id: int, choices: Iterator[tuple[int, frozenset[str]]]) -> None:
    round_ = votes.get_round(newsroom.session, round_id)
    id_of = {entry.topic.slug: entry.topic_id for entry in round_.topics}
    key = newsroom.keys.read(round_id)
    newsroom.clock.instant += timedelta(hours=1)
    for member_id, ticks in choices:
        ballots.cast_ballot(
            newsroom.session,
            round_id=round_id,
            tag=voter_tag(key, member_id),
            topics=frozenset(id_of[slug] for slug in ticks),
            clock=newsroom.clock,
        )
