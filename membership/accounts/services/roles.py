"""What staff may do."""

from datetime import datetime

from sqlalchemy.orm import Session

from membership import audit
from membership.accounts import sign_in_rules
from membership.accounts.models import ROLES, LoginSession, Member, StaffRole
from membership.accounts.services.sessions import end_sessions
from membership.db import transaction
from membership.errors import NotFound


def grant_role(session: Session, *, member_id: int, role: str, actor_id: int | None, now: datetime) -> None:
    """Give a member a role; safe to repeat. Their open sessions end: a mailbox opened them, and that is no proof for staff."""
    if role not in ROLES:
        raise NotFound("There is no such role.")
    with transaction(session):
        member = _fresh_member(session, member_id)
        if any(held.role == role for held in member.roles):
            return
        member.roles.append(StaffRole(role=role, granted_at=now))
        end_sessions(session, member_id, now, LoginSession.method.not_in(sign_in_rules.STAFF_METHODS))
        audit.record(session, act="role.granted", subject=("member", member_id), actor_id=actor_id, now=now, role=role)


def revoke_role(session: Session, *, member_id: int, role: str, actor_id: int | None, now: datetime) -> None:
    """Take a role from a member: its power is gone in their next request."""
    with transaction(session):
        member = _fresh_member(session, member_id)
        held = [each for each in member.roles if each.role == role]
        if not held:
            raise NotFound("This person does not hold that role.")
        member.roles.remove(held[0])
        audit.record(session, act="role.revoked", subject=("member", member_id), actor_id=actor_id, now=now, role=role)


def _fresh_member(session: Session, member_id: int) -> Member:
    member = session.get(Member, member_id, populate_existing=True)
    if member is None:
        raise NotFound("There is no such person.")
    return member
