"""What could be reported next: suggested by patrons, added by the newsroom, answered in public."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership import audit
from membership.db import transaction
from membership.errors import Conflict, NotAllowed, TooOften
from membership.limits import count_act
from membership.voting import queries
from membership.voting.models import Topic
from membership.voting.slugs import slugify

MOST_WAITING = 5
DECISIONS = ("approved", "shortlisted", "declined")


def suggest_topic(
    session: Session,
    *,
    title: str,
    why: str,
    language: str,
    member_id: int,
    article_id: int | None = None,
    asked_by: Mapping[bytes, int] | None = None,
    now: datetime,
) -> int:
    """Keep a patron's suggestion for the newsroom to read; raises Conflict when too many of theirs still wait.

    asked_by maps whom suggestions are counted for to how many each has in a day, answered ones too. Raises TooOften.
    """
    with transaction(session):
        retry_at = count_act(session, act="suggestion", most=asked_by or {}, within=timedelta(days=1), now=now)
        if retry_at:
            raise TooOften("You have suggested a lot today, and your words are kept here.", retry_at=retry_at)
        waiting = select(func.count()).select_from(Topic).where(Topic.suggested_by_id == member_id, Topic.state == "suggested")
        if (session.scalar(waiting) or 0) >= MOST_WAITING:
            raise Conflict("Five of your suggestions are still being read. Please wait for an answer before you send another.")
        return _add(
            session,
            title=title,
            why=why,
            language=language,
            state="suggested",
            suggested_by_id=member_id,
            article_id=article_id,
            created_at=now,
        )


def add_topic(
    session: Session,
    *,
    title: str,
    why: str,
    language: str,
    article_id: int | None = None,
    actor_id: int,
    now: datetime,
) -> int:
    """Add a topic of the newsroom's own; it can stand on a ballot at once."""
    with transaction(session):
        topic_id = _add(session, title=title, why=why, language=language, state="approved", article_id=article_id, created_at=now)
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
    article_id: int | None = None,
    now: datetime,
) -> int:
    """Return the topic with this slug, made if it is not there; safe to repeat."""
    with transaction(session):
        known = session.scalar(select(Topic.id).where(Topic.slug == slug))
        if known is not None:
            return known
        return _add(
            session,
            slug=slug,
            title=title,
            why=why,
            language=language,
            state=state,
            article_id=article_id,
            created_at=now,
        )


def decide_topic(session: Session, *, topic_id: int, state: str, reason: str = "", actor_id: int, now: datetime) -> None:
    """Approve, shortlist or decline a topic that is on no ballot; declining needs a public reason. Raises NotAllowed, Conflict."""
    if state not in DECISIONS:
        raise NotAllowed("A topic is taken up, shortlisted or declined.")
    if state == "declined" and not reason.strip():
        raise NotAllowed("Say why: everybody can read the reason.")
    with transaction(session):
        topic = queries.get_topic(session, topic_id)
        if topic.rounds:
            raise Conflict("This topic has stood on a ballot; its state follows from the vote.")
        topic.state, topic.declined_reason = state, reason.strip() if state == "declined" else ""
        audit.record(session, act=f"topic.{state}", subject=("topic", topic_id), actor_id=actor_id, now=now, reason=reason)


def _add(session: Session, *, title: str, slug: str = "", **values: object) -> int:
    topic = Topic(slug=slug or _free_slug(session, title), title=title.strip(), **values)
    session.add(topic)
    session.flush()
    return topic.id


def _free_slug(session: Session, title: str) -> str:
    wanted = slugify(title) or "topic"
    taken = set(session.scalars(select(Topic.slug).where(Topic.slug.startswith(wanted, autoescape=True))))
    if wanted not in taken:
        return wanted
    return next(f"{wanted}-{number}" for number in count(2) if f"{wanted}-{number}" not in taken)
