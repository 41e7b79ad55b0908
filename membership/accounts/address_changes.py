"""Reading changes of addresses: what a mailed link names, what is under way, what is due."""

from datetime import datetime
from typing import Literal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from membership.accounts import address_rules
from membership.accounts.models import AddressChange, Member
from membership.accounts.queries import lock_member, token_hash
from membership.errors import NotFound

Mailbox = Literal["old", "new"]


def find_by_token(session: Session, token: str) -> AddressChange | None:
    """Return the change that a link asks about, by the old mailbox's link or the new one's."""
    named = token_hash(token)
    asked = or_(AddressChange.old_token_hash == named, AddressChange.new_token_hash == named)
    return session.scalar(select(AddressChange).where(asked).execution_options(populate_existing=True))


def find_by_undo_token(session: Session, token: str) -> AddressChange | None:
    """Return the change that a link takes back."""
    named = AddressChange.undo_token_hash == token_hash(token)
    return session.scalar(select(AddressChange).where(named).execution_options(populate_existing=True))


def mailbox_of(change: AddressChange, token: str) -> Mailbox:
    """Return which mailbox a link was sent to. Raises NotFound for a link that a newer mail has replaced: it is neither's."""
    named = token_hash(token)
    if named == change.old_token_hash:
        return "old"
    if named == change.new_token_hash:
        return "new"
    raise NotFound("We don’t know this link.")


def find_open(session: Session, member_id: int) -> AddressChange | None:
    """Return the change that waits for answers, if there is one; it may have run out meanwhile."""
    waiting = (AddressChange.done_at.is_(None), AddressChange.refused_at.is_(None))
    own = select(AddressChange).where(AddressChange.member_id == member_id, *waiting)
    return session.scalar(own.execution_options(populate_existing=True))


def changes_of(session: Session, member_id: int) -> list[AddressChange]:
    """Return a member's changes of address, newest first."""
    own = select(AddressChange).where(AddressChange.member_id == member_id).order_by(AddressChange.id.desc())
    return list(session.scalars(own.execution_options(populate_existing=True)))


def unfinished(session: Session, *, at: datetime) -> list[tuple[int, str]]:
    """Return what a job has to finish, done or given up: the change's number and its new address, oldest first."""
    waiting = (AddressChange.done_at.is_(None), AddressChange.refused_at.is_(None))
    rows = session.scalars(select(AddressChange).where(*waiting).order_by(AddressChange.id))
    ready = [row for row in rows if address_rules.is_due(row, at) or address_rules.state_of(row, at) == "expired"]
    return [(row.id, row.new_email) for row in ready]


def lock(session: Session, change_id: int) -> tuple[AddressChange, Member] | None:
    """Lock a change and whose it is, the member first: one change of their address at a time. None if it is gone."""
    member_id = session.scalar(select(AddressChange.member_id).where(AddressChange.id == change_id))
    if member_id is None:
        return None
    member = lock_member(session, member_id)
    change = session.get(AddressChange, change_id, with_for_update=True, populate_existing=True)
    return (change, member) if change is not None else None


def is_taken(session: Session, address: str, *, by_other_than: int) -> bool:
    """Return whether somebody else's mailbox has proved this (normalised) address."""
    other = select(Member.id).where(Member.email == address, Member.id != by_other_than)
    return session.scalar(other) is not None
