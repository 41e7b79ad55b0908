"""A patron marks a topic as "I'd read this". No vote; whoever calls this has checked that they are a patron."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from membership.db import insert_into, transaction
from membership.errors import Conflict, NotFound
from membership.voting import topic_queries
from membership.voting.models import Topic, TopicSupport
from membership.voting.places import CHOSEN, ON_BALLOT, places


def support_topic(session: Session, *, topic_id: int, member_id: int) -> None:
    """Mark a topic that could stand on a ballot; safe to repeat. Raises NotFound, Conflict."""
    with transaction(session):
        # Shared: a merge that moves the marks comes before this one or after it.
        _check(session, topic_queries.lock_topic(session, topic_id, shared=True))
        mark = insert_into(session, TopicSupport).values(topic_id=topic_id, member_id=member_id)
        session.execute(mark.on_conflict_do_nothing())


def unsupport_topic(session: Session, *, topic_id: int, member_id: int) -> None:
    """Take one's own mark back, also from what can't be supported any more; safe to repeat.

    Raises NotFound, and Conflict where the mark has gone to another topic.
    """
    with transaction(session):
        # Shared: nobody is told that their mark is gone while a merge carries it away.
        if topic_queries.lock_topic(session, topic_id, shared=True).state == "merged":
            raise Conflict("This topic was put together with another one, and its support went there. Take yours back there.")
        own = (TopicSupport.topic_id == topic_id, TopicSupport.member_id == member_id)
        session.execute(delete(TopicSupport).where(*own))


def _check(session: Session, topic: Topic) -> None:
    if topic.state == "suggested":
        raise NotFound("There is no such topic.")
    if topic.state == "declined":
        raise Conflict("We have declined this topic, so it can’t be supported any more.")
    if topic.state == "merged":
        raise Conflict("This topic was put together with another one. Support that one.")
    place = places(session, [topic.id]).get(topic.id)
    if place and place.state == ON_BALLOT:
        # Marks are public: made while the vote is open they would tell who is ahead.
        raise Conflict("This topic stands on the ballot. Now your vote decides.")
    if place and place.state == CHOSEN:
        raise Conflict("Readers have chosen this topic already.")
