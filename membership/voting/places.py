"""Where topics stand in votes: on a ballot that is prepared or taken, or chosen by a published one."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.voting.models import Count, Opening, Publication, RoundTopic, Topic, TopicWithdrawal, Voiding
from membership.voting.tally import Result

# Each outweighs those before it: what was chosen stays chosen, whatever it stands in by mistake.
PREPARED, WITHDRAWN, ON_BALLOT, CHOSEN = "prepared", "withdrawn", "on_ballot", "chosen"
WEIGHTS = {PREPARED: 0, WITHDRAWN: 1, ON_BALLOT: 2, CHOSEN: 3}
# The vote was opened and has not ended: its ballots, its count or its certificate name the topic.
UNDER_WAY = (WITHDRAWN, ON_BALLOT)


class Place(NamedTuple):
    """What a topic is in one vote."""

    state: str
    round_id: int


def places(session: Session, topic_ids: Collection[int] | None = None) -> dict[int, Place]:
    """Return the place of each of these topics (of all, unless given) that has one: lost and voided votes leave none."""
    stand = (
        select(
            RoundTopic.topic_id,
            RoundTopic.round_id,
            Topic.slug,
            Opening.opened_at,
            Publication.published_at,
            TopicWithdrawal.withdrawn_at,
        )
        .join(Topic, Topic.id == RoundTopic.topic_id)
        .outerjoin(Opening, Opening.round_id == RoundTopic.round_id)
        .outerjoin(Publication, Publication.round_id == RoundTopic.round_id)
        .outerjoin(Voiding, Voiding.round_id == RoundTopic.round_id)
        .outerjoin(
            TopicWithdrawal,
            (TopicWithdrawal.round_id == RoundTopic.round_id) & (TopicWithdrawal.topic_id == RoundTopic.topic_id),
        )
        .where(Voiding.voided_at.is_(None))
        .order_by(RoundTopic.round_id)
    )
    rows = session.execute(stand if topic_ids is None else stand.where(RoundTopic.topic_id.in_(topic_ids))).all()
    winners = _winners(session, {row.round_id for row in rows if row.published_at})
    found: dict[int, Place] = {}
    for row in rows:
        if row.published_at:
            state = CHOSEN if row.slug in winners[row.round_id] else ""
        elif row.opened_at:
            state = WITHDRAWN if row.withdrawn_at else ON_BALLOT
        else:
            state = PREPARED
        if state and (row.topic_id not in found or WEIGHTS[state] >= WEIGHTS[found[row.topic_id].state]):
            found[row.topic_id] = Place(state, row.round_id)
    return found


def _winners(session: Session, round_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    counted = select(Count.round_id, Count.result).where(Count.round_id.in_(round_ids))
    return {row.round_id: Result.from_json(row.result).winners for row in session.execute(counted)} if round_ids else {}
