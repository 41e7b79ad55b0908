"""What voting knows of one person, for that person: that they took part. What they ticked only the ballot's own page shows."""

from sqlalchemy.orm import Session

from membership.personal_rows import PersonalData, rows_of, with_names
from membership.voting.models import Participation, RollEntry, Topic
from membership.voting.queries import round_names


def personal_data(session: Session, member_id: int) -> PersonalData:
    """Return what somebody suggested, in which votes they may vote, and in which they did."""
    names = round_names(session)
    found = {
        **rows_of(session, Topic, Topic.suggested_by_id == member_id),
        **rows_of(session, RollEntry, RollEntry.member_id == member_id),
        **rows_of(session, Participation, Participation.member_id == member_id),
    }
    by_vote = ("roll_entry", "participation")
    return {**found, **{table: with_names(found[table], "round_id", names, as_="vote") for table in by_vote}}
