"""What credits knows of one person, for that person."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.credits.models import Award
from membership.personal_rows import PersonalData, rows_of, with_names
from membership.voting.models import Round


def personal_data(session: Session, member_id: int) -> PersonalData:
    """Return somebody's badges."""
    names = {row.id: row.name for row in session.execute(select(Round.id, Round.name))}
    found = rows_of(session, Award, Award.member_id == member_id)
    return {"award": with_names(found["award"], "round_id", names, as_="vote")}
