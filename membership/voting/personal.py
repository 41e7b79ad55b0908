"""What voting knows of one person, for that person: that they took part. What they ticked only the ballot's own page shows."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.personal_rows import PersonalData, rows_of, with_names
from membership.voting.models import Participation, RollEntry, Topic, TopicSupport
from membership.voting.queries import round_names


def personal_data(session: Session, member_id: int) -> PersonalData:
    """Return what somebody suggested and supports, in which votes they may vote, and in which they did."""
    names = round_names(session)
    supported = select(Topic.id, Topic.title).join(TopicSupport, TopicSupport.topic_id == Topic.id)
    titles = {row.id: row.title for row in session.execute(supported.where(TopicSupport.member_id == member_id))}
    found = {
        **rows_of(session, Topic, Topic.suggested_by_id == member_id),
        **rows_of(session, TopicSupport, TopicSupport.member_id == member_id),
        **rows_of(session, RollEntry, RollEntry.member_id == member_id),
        **rows_of(session, Participation, Participation.member_id == member_id),
    }
    found["topic_support"] = with_names(found["topic_support"], "topic_id", titles, as_="topic")
    by_vote = ("roll_entry", "participation")
    return {**found, **{table: with_names(found[table], "round_id", names, as_="vote") for table in by_vote}}
