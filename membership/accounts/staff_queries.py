"""Reading what staff prove themselves by, who holds which role, and who is invited."""

from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from membership.accounts.models import Invitation, Member, Passkey, RecoveryCode, StaffRole
from membership.accounts.queries import token_hash
from membership.errors import NotFound


def passkeys_of(session: Session, member_id: int) -> list[Passkey]:
    """Return somebody's passkeys, oldest first."""
    return list(session.scalars(select(Passkey).where(Passkey.member_id == member_id).order_by(Passkey.id)))


def get_passkey(session: Session, member_id: int, passkey_id: int) -> Passkey:
    """Return one of somebody's passkeys; raises NotFound."""
    found = session.scalar(select(Passkey).where(Passkey.id == passkey_id, Passkey.member_id == member_id))
    if found is None:
        raise NotFound("You have no such passkey.")
    return found


def find_passkey(session: Session, credential_id: bytes) -> Passkey | None:
    """Return the passkey that its authenticator calls by this id."""
    return session.scalar(select(Passkey).where(Passkey.credential_id == credential_id).execution_options(populate_existing=True))


def count_recovery_codes(session: Session, member_id: int) -> int:
    """Return how many unused recovery codes somebody has."""
    unused = select(func.count()).where(RecoveryCode.member_id == member_id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def find_invitation(session: Session, token: str, *, now: datetime) -> Invitation | None:
    """Return the invitation behind a link that still works."""
    return session.scalar(
        select(Invitation).where(
            Invitation.token_hash == token_hash(token),
            Invitation.used_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > now,
        ),
    )


def get_open_invitation(session: Session, invitation_id: int) -> Invitation:
    """Return an invitation by mail that nobody has used or taken back, run out or not; raises NotFound."""
    found = session.scalar(
        select(Invitation)
        .where(Invitation.id == invitation_id, Invitation.used_at.is_(None), Invitation.revoked_at.is_(None))
        .execution_options(populate_existing=True),
    )
    if found is None or found.invited_by is None:
        raise NotFound("This invitation is no longer open.")
    return found


def open_invitations(session: Session) -> list[Invitation]:
    """Return the invitations by mail that nobody has used or taken back, oldest first."""
    is_open = (Invitation.used_at.is_(None), Invitation.revoked_at.is_(None), Invitation.invited_by.is_not(None))
    return list(session.scalars(select(Invitation).where(*is_open).order_by(Invitation.id)))


def is_invited(session: Session, address: str) -> bool:
    """Return whether an invitation to this (normalised) address is open."""
    is_open = (Invitation.used_at.is_(None), Invitation.revoked_at.is_(None), Invitation.invited_by.is_not(None))
    return bool(session.scalar(select(exists().where(Invitation.email == address, *is_open))))


def staff_members(session: Session) -> list[Member]:
    """Return everybody who holds a role, by name."""
    holds = exists().where(StaffRole.member_id == Member.id)
    return list(session.scalars(select(Member).where(holds).order_by(Member.display_name, Member.id)))


def get_staff_member(session: Session, member_id: int) -> Member:
    """Return somebody who holds a role; raises NotFound."""
    member = session.get(Member, member_id)
    if member is None or not member.is_staff:
        raise NotFound("Nobody of the staff is behind this address.")
    return member
