"""Who of the staff can check a ballot box: two people, or in a newsroom with one of them that one twice, a day apart."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import StaffRole
from membership.voting.models import Round

CHECKING_ROLES = ("counter", "admin")
BETWEEN_LOOKS = timedelta(hours=24)


def is_only_checker(session: Session, member_id: int) -> bool:
    """Return whether nobody else of the staff can check a box."""
    able = select(StaffRole.member_id).where(StaffRole.role.in_(CHECKING_ROLES)).distinct()
    return set(session.scalars(able)) == {member_id}


def second_look_from(session: Session, round_: Round, member_id: int) -> datetime | None:
    """Return from when this person may confirm their own first check; None if that takes somebody else."""
    check = round_.box_check
    if check is None or check.checked_by_id != member_id or not is_only_checker(session, member_id):
        return None
    return check.checked_at + BETWEEN_LOOKS
