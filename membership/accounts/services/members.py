"""People and how we call them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts import queries
from membership.accounts.addresses import normalise
from membership.accounts.models import Member
from membership.db import transaction
from membership.errors import Conflict


def create_member(session: Session, *, email: str, display_name: str = "", language: str = "en", now: datetime) -> int:
    """Add somebody whose address is known to be theirs and return their id; raises Conflict, ValueError for what is no address."""
    address = normalise(email)
    with transaction(session):
        if session.scalar(select(Member.id).where(Member.email == address)) is not None:
            raise Conflict("This address already has an account.")
        member = Member(email=address, display_name=display_name, language=language, created_at=now)
        session.add(member)
        session.flush()
        return member.id


def change_settings(session: Session, *, member_id: int, display_name: str, language: str) -> None:
    """Set how a member is called and in which language we write to them."""
    with transaction(session):
        member = queries.get_member(session, member_id)
        member.display_name = display_name
        member.language = language
