"""Somebody who is given time and is known by an address alone. Runs inside the caller's transaction."""

from datetime import datetime

from sqlalchemy.orm import Session

from membership.accounts.addresses import normalise
from membership.accounts.models import Member
from membership.accounts.queries import find_member_who_may_prove, get_member, lock_address


def member_at(session: Session, *, address: str, language: str, now: datetime) -> int:
    """Return whom a mail to this (normalised) address lets in; a member with the address as typed is made if there is nobody."""
    lock_address(session, address)
    known = find_member_who_may_prove(session, address)
    if known is not None:
        return known.id
    member = Member(typed_email=address, language=language, created_at=now)
    session.add(member)
    session.flush()
    return member.id


def receiver(session: Session, *, member_id: int | None, email: str, language: str, now: datetime) -> int:
    """Return a member's number as it is, else whom a mail to this address lets in.

    Raises NotFound for a number that is nobody's, ValueError for what is no address.
    """
    if member_id is None:
        return member_at(session, address=normalise(email), language=language, now=now)
    return get_member(session, member_id).id
