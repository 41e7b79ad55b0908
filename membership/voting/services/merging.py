"""Two topics that ask for the same become one: who supported the one supports the other, and is told."""

from datetime import datetime

from sqlalchemy import delete, literal, select, update
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.db import insert_into, transaction
from membership.errors import Conflict, NotAllowed
from membership.voting.models import Topic, TopicEvent, TopicSupport
from membership.voting.services.moderating import check_stands_nowhere, lock_free_topics, record_answer
from membership.voting.services.topic_rows import note_step
from membership.voting.topic_queries import OPEN

LETTER = "topic_merged"
# What a topic is again when it is taken out of another one; what was declined, added or taken up before is taken up.
AGAIN = {"suggested": "suggested", "shortlisted": "shortlisted"}


def merge_topic(session: Session, *, topic_id: int, into_id: int, actor_id: int, now: datetime) -> int:
    """Put a topic into another one, with its supporters and all that was put into it; return how many supporters the other gained.

    Its author and its supporters are told by mail. Raises NotFound, NotAllowed, Conflict.
    """
    if topic_id == into_id:
        raise NotAllowed("A topic can’t be put together with itself.")
    with transaction(session):
        # Locked with them, since they move too: somebody may be about to put one of them elsewhere.
        inside = session.scalars(select(Topic.id).where(Topic.merged_into_id == topic_id)).all()
        both = lock_free_topics(session, *{topic_id, into_id, *inside})
        topic, into = both[topic_id], both[into_id]
        if topic.state == "merged":
            raise Conflict("This topic was put together with another one already.")
        if into.state not in OPEN:
            raise Conflict("Only a topic that was taken up or shortlisted can take another one in.")
        check_stands_nowhere(session, topic_id)
        session.execute(
            update(Topic)
            .where(Topic.merged_into_id == topic_id)
            .values(merged_into_id=into_id)
            .execution_options(synchronize_session=False)
        )
        topic.state, topic.merged_into_id, topic.declined_reason = "merged", into_id, ""
        step_id = note_step(session, topic_id, "merged", now=now)
        audit.record(session, act="topic.merged", subject=("topic", topic_id), actor_id=actor_id, now=now, into_id=into_id)
        _tell(session, step_id, topic, now)
        return _move(session, topic_id, into_id)


def unmerge_topic(session: Session, *, topic_id: int, actor_id: int, now: datetime) -> None:
    """Take a topic out of the one it was put into; raises NotFound, Conflict.

    Only its author comes with it: whose marks had moved can't be told apart any more, so they stay with the other one.
    """
    with transaction(session):
        topic = lock_free_topics(session, topic_id)[topic_id]
        if topic.state != "merged":
            raise Conflict("This topic was not put together with another one.")
        earlier = select(TopicEvent.act).where(
            TopicEvent.topic_id == topic_id, TopicEvent.act.not_in(("merged", "reworded", "reopened"))
        )
        last = session.scalars(earlier.order_by(TopicEvent.id.desc()).limit(1)).first()
        topic.state, topic.merged_into_id = AGAIN.get(last or "", "approved"), None
        record_answer(session, topic, "reopened", actor_id=actor_id, now=now)


def _tell(session: Session, step_id: int, topic: Topic, now: datetime) -> None:
    concerned = {*session.scalars(select(TopicSupport.member_id).where(TopicSupport.topic_id == topic.id)), topic.suggested_by_id}
    for member_id in sorted(concerned - {None}):
        # Under nobody's name: who looks after payments sees somebody's mails, and must not see what they support.
        payload = {"step_id": step_id, "member_id": member_id}
        outbox.enqueue(session, kind=LETTER, key=f"{LETTER}:{step_id}:{member_id}", payload=payload, now=now)


def _move(session: Session, topic_id: int, into_id: int) -> int:
    marks = (
        select(literal(into_id), TopicSupport.member_id).where(TopicSupport.topic_id == topic_id).order_by(TopicSupport.member_id)
    )
    copied = insert_into(session, TopicSupport).from_select(["topic_id", "member_id"], marks).on_conflict_do_nothing()
    moved = session.execute(copied.returning(TopicSupport.member_id)).all()
    session.execute(delete(TopicSupport).where(TopicSupport.topic_id == topic_id))
    return len(moved)
