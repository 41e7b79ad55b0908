"""The mails about topics, made when they are sent: our answer to a suggestion, and that two topics became one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.mail_links import with_way_out
from membership.accounts.models import Member
from membership.accounts.queries import wants
from membership.config import Settings
from membership.jobs import JobContext
from membership.outbox import Letter, Prepare
from membership.voting import queries, topic_queries
from membership.voting.models import Topic, TopicEvent
from membership.voting.services import merging, moderating

GROUP = "votes"
# Of these the last one is our answer: who has decided twice before the mail went writes once.
ANSWERS = ("approved", "shortlisted", "declined", "reopened", "merged")


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each of them."""
    settings = context.settings

    def answered(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        return _answered(session, payload["step_id"], settings=settings, now=now)

    def merged(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        return _merged(session, payload["step_id"], payload["member_id"], settings=settings, now=now)

    return {moderating.LETTER: answered, merging.LETTER: merged}


def _answered(session: Session, step_id: int, *, settings: Settings, now: datetime) -> Letter | None:
    step = session.get(TopicEvent, step_id, populate_existing=True)
    topic = queries.get_topic(session, step.topic_id) if step else None
    if step is None or topic is None or topic.suggested_by_id is None or _is_outdated(session, step):
        return None
    first = topic_queries.first_wording(session, topic.id)
    original = first.title if first and first.title != topic.title else ""
    said = {"act": step.act, "reason": step.reason, "original": original, "is_taken_out": _is_taken_out(session, step)}
    return _letter(session, moderating.LETTER, topic, topic.suggested_by_id, said, settings=settings, now=now)


def _merged(session: Session, step_id: int, member_id: int, *, settings: Settings, now: datetime) -> Letter | None:
    step = session.get(TopicEvent, step_id, populate_existing=True)
    topic = queries.get_topic(session, step.topic_id) if step else None
    if step is None or topic is None or topic.state != "merged" or _is_outdated(session, step):
        return None
    into = topic_queries.target_of(session, topic)
    said = {"into": into.title, "into_slug": into.slug, "is_author": topic.suggested_by_id == member_id}
    return _letter(session, merging.LETTER, topic, member_id, said, settings=settings, now=now)


def _is_outdated(session: Session, step: TopicEvent) -> bool:
    acts = (*ANSWERS, "reworded") if step.act == "reworded" else ANSWERS
    later = select(TopicEvent.id).where(TopicEvent.topic_id == step.topic_id, TopicEvent.id > step.id, TopicEvent.act.in_(acts))
    return session.scalar(later.limit(1)) is not None


def _is_taken_out(session: Session, step: TopicEvent) -> bool:
    """Whether this step undid a merge: a declined topic is reopened too."""
    earlier = select(TopicEvent.act).where(
        TopicEvent.topic_id == step.topic_id, TopicEvent.id < step.id, TopicEvent.act.in_(ANSWERS)
    )
    return step.act == "reopened" and session.scalar(earlier.order_by(TopicEvent.id.desc()).limit(1)) == "merged"


def _letter(
    session: Session, kind: str, topic: Topic, member_id: int, said: Mapping[str, Any], *, settings: Settings, now: datetime
) -> Letter | None:
    member = session.get(Member, member_id, populate_existing=True)
    if member is None or member.address is None or not wants(session, member_id, GROUP):
        return None
    context = {"title": topic.title, "slug": topic.slug, "state": topic.state, **said}
    letter = Letter(member.address, kind, member.language, context)
    return with_way_out(letter, settings, member_id=member_id, group=GROUP, now=now)
