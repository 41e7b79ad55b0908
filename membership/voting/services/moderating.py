"""The newsroom answers suggestions, adds topics of its own and words them well; each step is public, and its author is told."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.db import transaction
from membership.errors import Conflict, NotAllowed
from membership.voting import topic_queries
from membership.voting.models import Opening, Round, RoundTopic, Topic, TopicWording
from membership.voting.places import CHOSEN, PREPARED, UNDER_WAY, places
from membership.voting.services.topic_rows import check_words, index_topic, new_topic, note_step
from membership.voting.titles import MAX_WHY, WHY_TOO_LONG, clean_lines, clean_title

DECISIONS = ("approved", "shortlisted", "declined")
LETTER = "topic_answered"


def add_topic(
    session: Session,
    *,
    title: str,
    why: str,
    language: str,
    sources: Sequence[str] = (),
    actor_id: int,
    now: datetime,
) -> int:
    """Add a topic of the newsroom's own; it can stand on a ballot at once. Raises NotAllowed with what is wrong."""
    title, why = clean_title(title), clean_lines(why)
    check_words(title, why, sources)
    with transaction(session):
        topic_id = new_topic(
            session,
            title=title,
            why=why,
            sources=list(sources),
            language=language,
            state="approved",
            act="added",
            now=now,
        )
        audit.record(session, act="topic.added", subject=("topic", topic_id), actor_id=actor_id, now=now)
        return topic_id


def ensure_topic(
    session: Session,
    *,
    slug: str,
    title: str,
    why: str,
    language: str = "en",
    state: str = "approved",
    sources: Sequence[str] = (),
    article_id: int | None = None,
    now: datetime,
) -> int:
    """Return the topic with this slug, made if it is not there; safe to repeat."""
    with transaction(session):
        known = session.scalar(select(Topic.id).where(Topic.slug == slug))
        if known is not None:
            return known
        topic_id = new_topic(
            session,
            slug=slug,
            title=clean_title(title),
            why=why,
            sources=list(sources),
            language=language,
            state=state,
            article_id=article_id,
            act="added",
            now=now,
        )
        if state == "shortlisted":
            note_step(session, topic_id, state, now=now)
        return topic_id


def decide_topic(session: Session, *, topic_id: int, state: str, reason: str = "", actor_id: int, now: datetime) -> None:
    """Approve, shortlist or decline a topic; declining needs a public reason. Raises NotFound, NotAllowed, Conflict.

    Asked for what is so already it changes nothing.
    """
    reason = clean_lines(reason) if state == "declined" else ""
    if state not in DECISIONS:
        raise NotAllowed("A topic is taken up, shortlisted or declined.")
    if state == "declined" and not reason:
        raise NotAllowed("Say why: everybody can read the reason.")
    if len(reason) > MAX_WHY:
        raise NotAllowed(WHY_TOO_LONG)
    with transaction(session):
        topic = lock_free_topics(session, topic_id)[topic_id]
        if topic.state == "merged":
            raise Conflict("This topic was put together with another one. Take them apart first.")
        check_stands_nowhere(session, topic_id)
        if (topic.state, topic.declined_reason) == (state, reason):
            return
        topic.state, topic.declined_reason = state, reason
        record_answer(session, topic, state, reason=reason, actor_id=actor_id, now=now)


def reopen_topic(session: Session, *, topic_id: int, actor_id: int, now: datetime) -> None:
    """Take up a topic that was declined after all; raises NotFound, Conflict."""
    with transaction(session):
        topic = lock_free_topics(session, topic_id)[topic_id]
        if topic.state != "declined":
            raise Conflict("Only a declined topic can be taken up again.")
        topic.state, topic.declined_reason = "approved", ""
        record_answer(session, topic, "reopened", actor_id=actor_id, now=now)


def reword_topic(
    session: Session, *, topic_id: int, title: str, why: str, sources: Sequence[str], actor_id: int, now: datetime
) -> None:
    """Change what a topic says, keeping what it said before; raises NotFound, NotAllowed with what is wrong, Conflict.

    The author of what is still being read hears of it with the answer.
    """
    title, why, wanted = clean_title(title), clean_lines(why), list(sources)
    check_words(title, why, wanted)
    with transaction(session):
        topic = lock_free_topics(session, topic_id)[topic_id]
        before = TopicWording(
            topic_id=topic_id, title=topic.title, why=topic.why, sources=topic.sources, replaced_at=now, replaced_by_id=actor_id
        )
        if (before.title, before.why, before.sources) == (title, why, wanted):
            return
        if before.title != title and _was_voted_on(session, topic_id):
            raise Conflict("This topic stood in a vote, and the result names its title. Only the rest can be changed.")
        session.add(before)
        topic.title, topic.why, topic.sources = title, why, wanted
        index_topic(session, topic)
        if topic.state == "suggested":
            audit.record(session, act="topic.reworded", subject=("topic", topic_id), actor_id=actor_id, now=now)
        else:
            record_answer(session, topic, "reworded", actor_id=actor_id, now=now)


def lock_free_topics(session: Session, *topic_ids: int) -> dict[int, Topic]:
    """Return these topics, locked, if no vote is under way that names one of them; raises NotFound, Conflict."""
    # The votes first, as everybody locks them, and shared: an opening waits until this is done, a ballot doesn't.
    stand_in = select(RoundTopic.round_id).where(RoundTopic.topic_id.in_(topic_ids))
    session.execute(select(Round.id).where(Round.id.in_(stand_in)).order_by(Round.id).with_for_update(read=True)).all()
    topics = {topic_id: topic_queries.lock_topic(session, topic_id) for topic_id in sorted(topic_ids)}
    if any(place.state in UNDER_WAY for place in places(session, topic_ids).values()):
        raise Conflict("This topic stands in a vote that is under way. Wait for its result.")
    return topics


def check_stands_nowhere(session: Session, topic_id: int) -> None:
    """Raise Conflict if the topic stands on a ballot that is being prepared, or was chosen."""
    place = places(session, [topic_id]).get(topic_id)
    if place and place.state == PREPARED:
        raise Conflict("This topic stands on a ballot that is being prepared. Take it off there first.")
    if place and place.state == CHOSEN:
        raise Conflict("Readers have chosen this topic: what becomes of it follows from the story.")


def record_answer(session: Session, topic: Topic, act: str, *, reason: str = "", actor_id: int, now: datetime) -> int:
    """Write an answer's public step and its audit entry, and a mail to the author; return the step's id."""
    step_id = note_step(session, topic.id, act, reason=reason, now=now)
    audit.record(session, act=f"topic.{act}", subject=("topic", topic.id), actor_id=actor_id, now=now, reason=reason)
    if topic.suggested_by_id:
        # Whose it is the step tells when the mail is written: nobody who sees the mails sees who suggested what.
        outbox.enqueue(session, kind=LETTER, key=f"{LETTER}:{step_id}", payload={"step_id": step_id}, now=now)
    return step_id


def _was_voted_on(session: Session, topic_id: int) -> bool:
    stood = select(Opening.round_id).join(RoundTopic, RoundTopic.round_id == Opening.round_id)
    return session.scalar(stood.where(RoundTopic.topic_id == topic_id).limit(1)) is not None
