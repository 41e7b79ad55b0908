"""What a ballot's request asks first, in one short read: which vote, and may this member vote in it without any further question?

Almost every ballot comes from a patron on the roll whose paid time covers the moment. Everybody else is looked at by
membership.voting.voter, which also says why not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, select
from sqlalchemy.orm import Session

from membership.db import BigId, UtcDateTime
from membership.patronage.queries import is_covered
from membership.voting.keys import KeyLost, KeyUnreadable, RoundKeys
from membership.voting.models import RollEntry, Round, RoundTopic, Topic
from membership.voting.receipts import voter_tag

# Made once: to build it for each ballot took longer than to ask it.
_member_id, _at = bindparam("member_id", type_=BigId), bindparam("at", type_=UtcDateTime())
_round, _round_topic, _topic, _roll = (model.__table__.c for model in (Round, RoundTopic, Topic, RollEntry))
_is_on_roll = select(_roll.member_id).where(_roll.round_id == _round.id, _roll.member_id == _member_id).exists()
_PAPER = (
    select(_round.id, _topic.slug, _round_topic.topic_id, and_(_is_on_roll, is_covered(_member_id, _at)).label("may_vote"))
    .join_from(Round.__table__, RoundTopic.__table__)
    .join(Topic.__table__)
    .where(_round.slug == bindparam("slug"))
)


@dataclass(frozen=True)
class Polling:
    """A vote, what stands or stood on its ballot by slug, and the tag of a voter whose ballot it takes while it is open."""

    round_id: int
    topics: Mapping[str, int]
    tag: bytes


def find_polling(session: Session, slug: str, member_id: int | None, *, keys: RoundKeys, at: datetime) -> Polling | None:
    """Return where this member's ballot goes; None says no more than that there is more to ask."""
    if member_id is None:
        return None
    rows = session.execute(_PAPER, {"slug": slug, "member_id": member_id, "at": at}).all()
    if not rows or not rows[0].may_vote:
        return None
    try:
        key = keys.read(rows[0].id)
    except (KeyLost, KeyUnreadable):
        return None
    return Polling(rows[0].id, {row.slug: row.topic_id for row in rows}, voter_tag(key, member_id))


def polling_of(round_: Round, tag: bytes) -> Polling:
    """Return the same of a vote that was read whole."""
    return Polling(round_.id, topics_of(round_), tag)


def topics_of(round_: Round) -> dict[str, int]:
    """Return what stands or stood on the vote's ballot by slug."""
    return {entry.topic.slug: entry.topic_id for entry in round_.topics}
