"""What staff may do."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from membership import audit
from membership.accounts import closures, queries
from membership.accounts.models import ROLES, Invitation, Member, Passkey, RecoveryCode, StaffLink, StaffRole
from membership.accounts.services.sessions import end_sessions
from membership.db import transaction
from membership.errors import Conflict, NotAllowed, NotFound

ADMIN = "admin"
LAST_ADMIN = "Nobody else is an admin. Make somebody else one first: without an admin nobody could give or take roles."


def grant_role(session: Session, *, member_id: int, role: str, actor_id: int | None, now: datetime) -> None:
    """Give a member a role; safe to repeat. Their open sessions end, as with every change of roles."""
    if role not in ROLES:
        raise NotFound("There is no such role.")
    with transaction(session):
        give_roles(session, queries.lock_member(session, member_id), [role], actor_id=actor_id, now=now)


def change_roles(
    session: Session, *, member_id: int, roles: Iterable[str], reason: str, actor_id: int | None, now: datetime
) -> None:
    """Let somebody of the staff hold exactly these roles, at least one."""
    wanted = set(roles)
    if not wanted <= set(ROLES):
        raise NotFound("There is no such role.")
    if not wanted:
        raise NotAllowed("Leave at least one role, or say below that this person no longer works here.")
    with transaction(session):
        member = _lock_staff_member(session, member_id)
        held = {each.role for each in member.roles}
        give_roles(session, member, sorted(wanted - held), reason=reason, actor_id=actor_id, now=now)
        _take_roles(session, member, sorted(held - wanted), reason=reason, actor_id=actor_id, now=now)


def end_employment(session: Session, *, member_id: int, reason: str, actor_id: int | None, now: datetime) -> None:
    """Take everything from somebody who no longer works here: roles, sessions, passkeys, recovery codes, invitations they made."""
    with transaction(session):
        member = _lock_staff_member(session, member_id)
        roles = sorted(held.role for held in member.roles)
        _take_roles(session, member, roles, reason=reason, actor_id=actor_id, now=now)
        for model in (Passkey, RecoveryCode, StaffLink):
            session.execute(delete(model).where(model.member_id == member_id))
        audit.record(session, act="staff.left", subject=("member", member_id), actor_id=actor_id, reason=reason, now=now)


def give_roles(
    session: Session, member: Member, roles: Iterable[str], *, reason: str = "", actor_id: int | None, now: datetime
) -> None:
    """Give a locked member those of the roles that they lack, in the caller's transaction.

    Raises Conflict for an account that is being deleted.
    """
    if closures.is_closing(session, member.id):
        raise Conflict("This account is being deleted, so nobody can work here with it. Invite the person again afterwards.")
    held = {each.role for each in member.roles}
    missing = [role for role in roles if role not in held]
    if missing:
        end_sessions(session, member.id, now)
    for role in missing:
        member.roles.append(StaffRole(role=role, granted_at=now))
        subject = ("member", member.id)
        audit.record(session, act="role.granted", subject=subject, actor_id=actor_id, reason=reason, now=now, role=role)


def _take_roles(
    session: Session, member: Member, roles: Iterable[str], *, reason: str, actor_id: int | None, now: datetime
) -> None:
    for role in roles:
        if role == ADMIN:
            _refuse_to_lose_the_last_admin(session)
            session.execute(
                update(Invitation)
                .where(Invitation.invited_by == member.id, Invitation.used_at.is_(None), Invitation.revoked_at.is_(None))
                .values(revoked_at=now),
            )
        member.roles.remove(next(held for held in member.roles if held.role == role))
        end_sessions(session, member.id, now)
        subject = ("member", member.id)
        audit.record(session, act="role.revoked", subject=subject, actor_id=actor_id, reason=reason, now=now, role=role)


def _refuse_to_lose_the_last_admin(session: Session) -> None:
    # Locked: of two admins who take the role from each other, the second finds that it would be the last.
    admins = select(StaffRole.member_id).where(StaffRole.role == ADMIN).order_by(StaffRole.member_id).with_for_update()
    if len(session.scalars(admins).all()) == 1:
        raise Conflict(LAST_ADMIN)


def _lock_staff_member(session: Session, member_id: int) -> Member:
    member = queries.lock_member(session, member_id)
    if not member.is_staff:
        raise NotFound("Nobody of the staff is behind this address.")
    return member
