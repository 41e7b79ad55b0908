"""A patron suggests a topic, and takes it back while nobody has answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.errors import Conflict, NotAllowed, NotFound, TooOften
from membership.limits import count_act
from membership.voting import topic_queries
from membership.voting.models import Topic
from membership.voting.refusals import TwinTopic
from membership.voting.services.topic_rows import check_words, new_topic
from membership.voting.titles import clean_lines, clean_title, name_faults, title_key

MOST_WAITING = 5


def suggest_topic(
    session: Session,
    *,
    title: str,
    why: str,
    language: str,
    member_id: int,
    sources: Sequence[str] = (),
    suggested_as: str = "",
    article_id: int | None = None,
    asked_by: Mapping[bytes, int] | None = None,
    now: datetime,
) -> int:
    """Keep a patron's suggestion for the newsroom to read; suggested_as is the name that they want beside it, if any.

    asked_by maps whom suggestions are counted for to how many each has in a day, answered ones too. Raises NotAllowed with what is
    wrong, TwinTopic, Conflict when too many of theirs still wait, TooOften.
    """
    title, why, name = clean_title(title), clean_lines(why), clean_title(suggested_as)
    check_words(title, why, sources)
    for fault in name_faults(name):
        raise NotAllowed(fault)
    with transaction(session):
        _check_limit(session, asked_by or {}, now)  # first: a second click waits here for the first, and then finds its suggestion
        _check_twins(session, title, member_id)
        _check_waiting(session, member_id)
        return new_topic(
            session,
            title=title,
            why=why,
            sources=list(sources),
            language=language,
            state="suggested",
            suggested_by_id=member_id,
            suggested_as=name,
            article_id=article_id,
            act="suggested",
            now=now,
        )


def take_back_suggestion(session: Session, *, topic_id: int, member_id: int) -> None:
    """Delete a member's own suggestion that nobody has answered; raises NotFound, Conflict."""
    with transaction(session):
        topic = topic_queries.lock_topic(session, topic_id)
        if topic.suggested_by_id != member_id:
            raise NotFound("There is no such topic.")
        if topic.state != "suggested":
            raise Conflict("We have answered this suggestion already, so it stays.")
        session.execute(delete(Topic).where(Topic.id == topic_id))
        session.expunge(topic)


def _check_limit(session: Session, asked_by: Mapping[bytes, int], now: datetime) -> None:
    retry_at = count_act(session, act="suggestion", most=asked_by, within=timedelta(days=1), now=now)
    if retry_at:
        raise TooOften("You have suggested a lot today, and your words are kept here.", retry_at=retry_at)


def _check_waiting(session: Session, member_id: int) -> None:
    waiting = select(func.count()).select_from(Topic).where(Topic.suggested_by_id == member_id, Topic.state == "suggested")
    if (session.scalar(waiting) or 0) >= MOST_WAITING:
        raise Conflict("Five of your suggestions are still being read. Please wait for an answer before you send another.")


def _check_twins(session: Session, title: str, member_id: int) -> None:
    twin = topic_queries.find_twin(session, title)
    if twin:
        raise TwinTopic(slug=twin.slug, title=twin.title)
    own = select(Topic.id).where(Topic.suggested_by_id == member_id, Topic.state == "suggested")
    if session.scalar(own.where(Topic.title_key == title_key(title)).limit(1)):
        raise Conflict("You have suggested this already, and it is still being read.")
