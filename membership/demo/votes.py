"""The demo's votes: one whose stories are out, one that is open, one that is being prepared."""

import random
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice

from sqlalchemy import ColumnElement, case, select

from membership.articles.models import Article
from membership.credits import drawing
from membership.credits import services as stories
from membership.credits.models import Commission
from membership.demo import content
from membership.demo.board import article_id_of, support
from membership.demo.newsroom import Newsroom
from membership.voting import queries as votes
from membership.voting.models import Topic
from membership.voting.receipts import voter_tag
from membership.voting.services import ballots, box, closing, counting, moderating, opening, setting_up

EARLY_VOTERS = 41  # of the open vote


def hold_past_vote(newsroom: Newsroom) -> None:
    """Hold the last vote from its opening to its certificate, and publish the stories that it chose."""
    session, keys = newsroom.session, newsroom.keys
    vote, _ = content.read_votes()
    round_id = _open(newsroom, vote, opens=-75, days=7)
    _cast(newsroom, round_id, zip(newsroom.patrons, vote.ballots, strict=False))
    newsroom.go_to(-68)
    closing.close_round(session, round_id=round_id, actor_id=None, clock=newsroom.clock)
    box.check_box(session, round_id=round_id, keys=keys, actor_id=newsroom.editor, now=newsroom.go_to(-67))
    box.confirm_check(session, round_id=round_id, keys=keys, actor_id=newsroom.counter, now=newsroom.clock.now())
    box.destroy_due_keys(session, keys=keys, clock=newsroom.clock)
    counting.open_box(session, round_id=round_id, actor_id=newsroom.counter, now=newsroom.clock.now())
    counting.publish(session, round_id=round_id, actor_id=newsroom.editor, now=newsroom.go_to(-66))
    newsroom.deliver("certificates", "vote_notices")
    drawing.draw_commissions(session, zone=newsroom.settings.time_zone, now=newsroom.clock.now())
    drawing.draw_awards(session, now=newsroom.clock.now())
    _keep_promises(newsroom, {topic["slug"]: topic["story"] for topic in vote.topics if "story" in topic})


def open_present_vote(newsroom: Newsroom) -> None:
    """Open the vote in which a visitor can vote, with the first ballots in its box."""
    _, vote = content.read_votes()
    round_id = _open(newsroom, vote, opens=-3, days=9)
    newsroom.deliver("vote_notices")
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


def draft_next_vote(newsroom: Newsroom, topics: Mapping[str, int]) -> None:
    """Leave a vote of these topics half prepared, for an editor to go on with."""
    now = newsroom.go_to(-1)
    opens_at = newsroom.go_to(30)
    names = content.vote_names(opens_at.astimezone(newsroom.settings.time_zone))
    setting_up.create_round(
        newsroom.session,
        preset="monthly",
        topic_ids=[topics[key] for key in content.read_yaml("board.yaml")["next_vote"]],
        seats=2,
        opens_at=opens_at,
        closes_at=newsroom.go_to(37),
        actor_id=newsroom.editor,
        now=now,
        draft=True,
        name=names.english,
        name_uk=names.ukrainian,
        slug=names.slug,
    )


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
        newsroom.deliver("story_letters")


def _story(story_of: dict[str, str]) -> ColumnElement[str | None]:
    return case(story_of, value=Topic.slug)


def _open(newsroom: Newsroom, vote: content.DemoVote, *, opens: int, days: int) -> int:
    session = newsroom.session
    opens_at = newsroom.go_to(opens)
    newsroom.clock.instant = opens_at - timedelta(days=1)
    topic_ids = [_shortlist(newsroom, topic) for topic in vote.topics]
    names = content.vote_names(opens_at.astimezone(newsroom.settings.time_zone))
    round_id = setting_up.create_round(
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
    opening.open_round(session, round_id=round_id, keys=newsroom.keys, actor_id=newsroom.editor, clock=newsroom.clock)
    return round_id


def _shortlist(newsroom: Newsroom, topic: content.DemoTopic) -> int:
    topic_id = moderating.ensure_topic(
        newsroom.session,
        slug=topic["slug"],
        title=topic["title"],
        why=topic["why"],
        sources=topic.get("sources", ()),
        language=topic["language"],
        article_id=article_id_of(newsroom, topic.get("from")),
        state="shortlisted",
        now=newsroom.clock.now(),
    )
    support(newsroom, topic_id, topic.get("supporters", 0))
    return topic_id


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
