"""The rows that every use case about topics writes: the topic with what finds it, and the steps of its history."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from membership.db import insert_into, transaction
from membership.errors import NotAllowed
from membership.page_version import raise_page_version
from membership.voting.models import Topic, TopicEvent, TopicTrigram
from membership.voting.queries import get_topic
from membership.voting.slugs import slugify
from membership.voting.titles import faults_of, title_key
from membership.voting.trigrams import trigrams

INDEXED_AT_A_TIME = 200
TAKEN = frozenset({"similar", "suggest"})  # pages of their own beside the topics


def new_topic(session: Session, *, title: str, act: str, now: datetime, slug: str = "", **values: object) -> int:
    """Write a topic with what finds it and the first step of its history; return its id."""
    topic_id: int | None = None
    while topic_id is None:  # somebody else may take the free address in this moment; one that was asked for is taken or refused
        row = insert_into(session, Topic).values(slug=slug or _free_slug(session, title), title=title, created_at=now, **values)
        row = row if slug else row.on_conflict_do_nothing(index_elements=[Topic.slug])
        topic_id = session.scalar(row.returning(Topic.id))
    index_topic(session, get_topic(session, topic_id))
    note_step(session, topic_id, act, now=now)
    return topic_id


def index_topic(session: Session, topic: Topic) -> None:
    """Write what a topic is found by: its title's key and trigrams. Whoever writes a title calls this."""
    topic.title_key = title_key(topic.title)
    session.execute(delete(TopicTrigram).where(TopicTrigram.topic_id == topic.id))
    rows = [{"topic_id": topic.id, "trigram": trigram} for trigram in sorted(trigrams(topic.title))]
    if rows:
        session.execute(insert(TopicTrigram), rows)


def index_topics(session: Session) -> int:
    """Index the topics that were written before there was an index; safe to repeat. Returns how many."""
    with transaction(session):
        missing = select(Topic).where(Topic.title_key == "", Topic.title != "").order_by(Topic.id).limit(INDEXED_AT_A_TIME)
        topics = session.scalars(missing.with_for_update()).all()
        for topic in topics:
            index_topic(session, topic)
    return len(topics)


def note_step(session: Session, topic_id: int, act: str, *, reason: str = "", now: datetime) -> int:
    """Write a step of a topic's public history; return its id."""
    event = TopicEvent(topic_id=topic_id, at=now, act=act, reason=reason)
    session.add(event)
    session.flush()
    if act != "suggested":  # which nobody else can see; the feed tells the rest
        raise_page_version(session)
    return event.id


def check_words(title: str, why: str, sources: Sequence[str]) -> None:
    """Raise NotAllowed with the first thing that is wrong with what a topic would say."""
    for fault in faults_of(title, why, sources):
        raise NotAllowed(fault)


def _free_slug(session: Session, title: str) -> str:
    wanted = slugify(title) or "topic"
    taken = TAKEN.union(session.scalars(select(Topic.slug).where(Topic.slug.startswith(wanted, autoescape=True))))
    if wanted not in taken:
        return wanted
    return next(f"{wanted}-{number}" for number in count(2) if f"{wanted}-{number}" not in taken)
