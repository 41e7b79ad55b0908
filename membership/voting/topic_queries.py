"""Reading topics: by address, similar ones, what happened to each, who supports them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from membership.errors import NotFound
from membership.voting import queries
from membership.voting.models import (
    Closing,
    Opening,
    Round,
    RoundTopic,
    Topic,
    TopicEvent,
    TopicSupport,
    TopicTrigram,
    TopicWording,
)
from membership.voting.titles import MAX_TITLE, search_words, title_key
from membership.voting.trigrams import likeness, trigrams, trigrams_of_key

PUBLIC = ("approved", "shortlisted", "declined", "merged")
OPEN = ("approved", "shortlisted")  # can stand on a ballot, and take another topic in
LIKE_ENOUGH = 0.35
# So many with the most trigrams in common are compared; the others share less.
COMPARED = 40


@dataclass(frozen=True)
class HistoryStep:
    """One public step; other is the topic that it was merged into, or that it took in."""

    at: datetime
    what: str  # TopicEvent's acts; took_in, on_ballot, withdrawn, chosen, not_chosen, voided
    reason: str = ""
    round: Round | None = None
    other: Topic | None = None


def find_topic_by_slug(session: Session, slug: str) -> Topic | None:
    """Return the topic at this address, whoever may see it."""
    return session.scalar(select(Topic).where(Topic.slug == slug).execution_options(populate_existing=True))


def get_topic_by_slug(session: Session, slug: str, *, viewer_id: int | None = None) -> Topic:
    """Return a public topic, or the viewer's own that is still being read; raises NotFound for every other."""
    found = find_topic_by_slug(session, slug)
    if found is None or not (found.state in PUBLIC or (viewer_id is not None and found.suggested_by_id == viewer_id)):
        raise NotFound("There is no topic at this address.")
    return found


def lock_topic(session: Session, topic_id: int, *, shared: bool = False) -> Topic:
    """Return the topic as the database has it now, locked until the transaction's end; raises NotFound."""
    session.execute(select(Topic.id).where(Topic.id == topic_id).with_for_update(read=shared)).all()
    return queries.get_topic(session, topic_id)


def target_of(session: Session, topic: Topic) -> Topic:
    """Return the topic that this one was merged into, or itself."""
    return queries.get_topic(session, topic.merged_into_id) if topic.merged_into_id else topic


def find_twin(session: Session, title: str) -> Topic | None:
    """Return the public topic whose title nobody can tell from this one; of a merged one the topic that it was merged into."""
    same = select(Topic).where(Topic.title_key == title_key(title), Topic.state.in_(PUBLIC))
    found = session.scalars(same.order_by(Topic.merged_into_id.is_not(None), Topic.id).limit(1)).first()
    return target_of(session, found) if found else None


def similar_topics(session: Session, title: str, *, limit: int = 5, besides: int | None = None) -> list[Topic]:
    """Return the public topics with the titles most like this one, the likest first; in place of a merged one its target."""
    wanted = trigrams(title[:MAX_TITLE])
    if not wanted:
        return []
    shared = func.count()
    near = (
        select(Topic.id, Topic.title_key, Topic.merged_into_id)
        .join(TopicTrigram, TopicTrigram.topic_id == Topic.id)
        .where(TopicTrigram.trigram.in_(wanted), Topic.state.in_(PUBLIC))
        .group_by(Topic.id, Topic.title_key, Topic.merged_into_id)
        .order_by(shared.desc(), Topic.id)
        .limit(COMPARED)
    )
    best: dict[int, float] = {}
    for row in session.execute(near):
        found_id = row.merged_into_id or row.id
        best[found_id] = max(best.get(found_id, 0.0), likeness(wanted, trigrams_of_key(row.title_key)))
    best.pop(besides or 0, None)
    likest = sorted((each for each in best if best[each] >= LIKE_ENOUGH), key=lambda each: (-best[each], each))[:limit]
    topics = {topic.id: topic for topic in session.scalars(select(Topic).where(Topic.id.in_(likest)))}
    return [topics[each] for each in likest]


def support_of(session: Session, topic_ids: Collection[int] | None = None) -> dict[int, int]:
    """Return how many patrons support each of these topics, or each that anybody supports."""
    counted = select(TopicSupport.topic_id, func.count()).group_by(TopicSupport.topic_id)
    if topic_ids is not None:
        counted = counted.where(TopicSupport.topic_id.in_(topic_ids))
    return {**dict.fromkeys(topic_ids or (), 0), **{row[0]: row[1] for row in session.execute(counted)}}


def supported_by(session: Session, member_id: int) -> set[int]:
    """Return the topics that this member supports."""
    return set(session.scalars(select(TopicSupport.topic_id).where(TopicSupport.member_id == member_id)))


def moving_support(session: Session, topic_id: int, into_id: int) -> int:
    """Return how many supporters a topic would gain from another merged into it: who supports both counts once."""
    known = select(TopicSupport.member_id).where(TopicSupport.topic_id == into_id)
    moving = select(func.count()).select_from(TopicSupport)
    return session.scalar(moving.where(TopicSupport.topic_id == topic_id, TopicSupport.member_id.not_in(known))) or 0


def merge_targets(session: Session, topic: Topic, *, text: str = "", limit: int = 20) -> list[Topic]:
    """Return what this topic could be put together with: what holds the words looked for, else what is most like it."""
    if not text:
        return [each for each in similar_topics(session, topic.title, limit=limit, besides=topic.id) if each.state in OPEN]
    words = search_words(text)
    open_ = select(Topic).where(Topic.state.in_(OPEN), Topic.id != topic.id).order_by(Topic.title, Topic.id)
    # In Python: SQLite knows no capitals beyond ASCII.
    found = (each for each in session.scalars(open_) if all(word in each.title.casefold() for word in words))
    return list(islice(found, limit))


def shortlistable_topics(session: Session, topic_ids: Collection[int]) -> list[Topic]:
    """Return those of these topics that can go on the shortlist, oldest first."""
    found = select(Topic).where(Topic.id.in_(topic_ids), Topic.state.in_(("suggested", "approved")))
    return list(session.scalars(found.order_by(Topic.id)))


def first_wording(session: Session, topic_id: int) -> TopicWording | None:
    """Return what a topic said at first, if its wording was changed since."""
    return session.scalars(select(TopicWording).where(TopicWording.topic_id == topic_id).order_by(TopicWording.id).limit(1)).first()


def follow_ups_on_ballot(article_id: int, *, at: datetime) -> Select[Topic, Round]:
    """Select what came from this article and can be ticked in a vote that is open at this instant, in the order of their ends.

    A statement and not its rows: an article's page asks for them together with its credit.
    """
    return (
        select(Topic, Round)
        .select_from(Topic)
        .join(RoundTopic, RoundTopic.topic_id == Topic.id)
        .join(Round, Round.id == RoundTopic.round_id)
        .join(Opening, Opening.round_id == Round.id)
        .outerjoin(Closing, Closing.round_id == Round.id)
        .where(Topic.article_id == article_id, Closing.round_id.is_(None), Round.closes_at > at, ~RoundTopic.withdrawal.has())
        .order_by(Round.closes_at, Round.id, RoundTopic.position)
    )


def history_of(session: Session, topic: Topic) -> list[HistoryStep]:
    """Return what happened to a topic in public, oldest first: what the newsroom did, and what follows from the votes."""
    steps = [*_answers(session, topic), *_taken_in(session, topic)]
    stood = select(Round).join(RoundTopic, RoundTopic.round_id == Round.id).where(RoundTopic.topic_id == topic.id)
    for round_ in session.scalars(stood.order_by(Round.id).execution_options(populate_existing=True)):
        steps += _in_vote(round_, topic)
    return sorted(steps, key=lambda step: step.at)


def _answers(session: Session, topic: Topic) -> list[HistoryStep]:
    events = session.scalars(select(TopicEvent).where(TopicEvent.topic_id == topic.id).order_by(TopicEvent.id)).all()
    # Of a merge that was undone nobody wrote down into what.
    standing = max((event.id for event in events if event.act == "merged"), default=None) if topic.merged_into_id else None
    target = target_of(session, topic)
    steps = [HistoryStep(event.at, event.act, event.reason, other=target if event.id == standing else None) for event in events]
    if any(step.what in ("suggested", "added") for step in steps):
        return steps
    # From before events were written.
    return [HistoryStep(topic.created_at, "suggested" if topic.suggested_by_id else "added"), *steps]


def _taken_in(session: Session, topic: Topic) -> list[HistoryStep]:
    merged = (
        select(Topic, func.max(TopicEvent.at))
        .join(TopicEvent, TopicEvent.topic_id == Topic.id)
        .where(Topic.merged_into_id == topic.id, TopicEvent.act == "merged")
        .group_by(Topic.id)
    )
    return [HistoryStep(at, "took_in", other=other) for other, at in session.execute(merged)]


def _in_vote(round_: Round, topic: Topic) -> list[HistoryStep]:
    if round_.opening is None:
        return []
    steps = [HistoryStep(round_.opening.opened_at, "on_ballot", round=round_)]
    withdrawal = next(entry.withdrawal for entry in round_.topics if entry.topic_id == topic.id)
    if withdrawal:
        steps.append(HistoryStep(withdrawal.withdrawn_at, "withdrawn", withdrawal.reason, round_))
    if round_.voiding and round_.voiding.voided_at:
        steps.append(HistoryStep(round_.voiding.voided_at, "voided", round_.voiding.reason, round_))
    elif round_.publication and not withdrawal:
        what = "chosen" if topic.slug in queries.result_of(round_).winners else "not_chosen"
        steps.append(HistoryStep(round_.publication.published_at, what, round=round_))
    return steps
