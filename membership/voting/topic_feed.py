"""What became of topics lately, as the feed tells it: only what anybody may see, by the votes' published results."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload

from membership.voting import queries
from membership.voting.models import Opening, Round, RoundTopic, Topic, TopicEvent

TOLD = ("added", "approved", "shortlisted", "declined", "merged")


@dataclass(frozen=True)
class FeedStep:
    """One thing that happened to one topic; key tells it apart from its other steps for ever."""

    topic: Topic
    key: str
    what: str  # one of TOLD, on_ballot, chosen
    at: datetime
    reason: str = ""
    round: Round | None = None


def recent_steps(session: Session, *, limit: int) -> list[FeedStep]:
    """Return the latest public steps of all topics, newest first."""
    steps = [*_answers(session, limit), *_ballots(session, limit), *_winners(session, limit)]
    return sorted(steps, key=lambda step: (step.at, step.topic.id), reverse=True)[:limit]


def _answers(session: Session, limit: int) -> list[FeedStep]:
    told = select(TopicEvent, Topic).join(Topic, Topic.id == TopicEvent.topic_id)
    told = told.where(TopicEvent.act.in_(TOLD), Topic.state != "suggested")  # reopened: it is being read again, out of sight
    rows = session.execute(told.order_by(TopicEvent.at.desc(), TopicEvent.id.desc()).limit(limit))
    return [FeedStep(topic, f"step-{event.id}", event.act, event.at, event.reason) for event, topic in rows]


def _ballots(session: Session, limit: int) -> list[FeedStep]:
    opened = (
        select(Topic, Round, Opening.opened_at)
        .join(RoundTopic, RoundTopic.topic_id == Topic.id)
        .join(Round, Round.id == RoundTopic.round_id)
        .join(Opening, Opening.round_id == Round.id)
        .order_by(Opening.opened_at.desc(), RoundTopic.position)
        .limit(limit)
        .options(lazyload("*"))
    )
    rows = session.execute(opened)
    return [FeedStep(topic, f"vote-{round_.slug}", "on_ballot", at, round=round_) for topic, round_, at in rows]


def _winners(session: Session, limit: int) -> list[FeedStep]:
    steps = []
    for round_ in queries.published_rounds(session, limit=limit):
        assert round_.publication
        topics, at = {entry.topic.slug: entry.topic for entry in round_.topics}, round_.publication.published_at
        winners = queries.result_of(round_).winners
        steps += [FeedStep(topics[slug], f"chosen-{round_.slug}", "chosen", at, round=round_) for slug in winners]
    return steps
