"""What credits knows of one person, for that person."""

from sqlalchemy.orm import Session

from membership.credits.models import Award
from membership.personal_rows import PersonalData, rows_of, with_names
from membership.voting.queries import round_names


def personal_data(session: Session, member_id: int) -> PersonalData:
    """Return somebody's badges."""
    names = round_names(session)
    found = rows_of(session, Award, Award.member_id == member_id)
    return {"award": with_names(found["award"], "round_id", names, as_="vote")}
