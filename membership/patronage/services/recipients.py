"""Somebody who is given time and is known by an address alone. Runs inside the caller's transaction."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from membership.accounts.addresses import normalise
from membership.accounts.models import Member
from membership.accounts.queries import find_member_who_may_prove, get_member, lock_address
from membership.patronage.services import ledger


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


def lock_people(session: Session, *, addresses: Iterable[str], member_ids: Iterable[int]) -> None:
    """Lock several people who are given time in one transaction: their (normalised) addresses, then they, each in one order.

    One after the other, as a list names them, somebody else who locks two of them would wait for us while we wait for them.
    """
    known = []
    for address in sorted(set(addresses)):
        lock_address(session, address)
        known.append(find_member_who_may_prove(session, address))
    ledger.lock_time_of(session, {*member_ids, *(member.id for member in known if member is not None)})
