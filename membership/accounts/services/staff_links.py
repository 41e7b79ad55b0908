"""One-use links that sign staff in: in the demo only."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from membership import audit
from membership.accounts import queries, sign_in_rules
from membership.accounts.models import StaffLink
from membership.accounts.services.sessions import add_session
from membership.db import transaction
from membership.errors import NotFound


def make_staff_link(session: Session, *, member_id: int, now: datetime) -> str:
    """Make the token of a one-use sign-in link for staff; the caller has made sure that this is the demo."""
    token = sign_in_rules.new_token()
    with transaction(session):
        if not queries.get_member(session, member_id).is_staff:
            raise NotFound("This person has no staff role.")
        session.add(
            StaffLink(
                token_hash=queries.token_hash(token),
                member_id=member_id,
                created_at=now,
                expires_at=now + sign_in_rules.LINK_LIFETIME,
            ),
        )
    return token


def use_staff_link(session: Session, *, token: str, browser_hash: bytes | None = None, now: datetime) -> str:
    """Use up a staff link and return the token of the session that it opens; raises NotFound for a used, expired or unknown one."""
    with transaction(session):
        member_id = session.scalar(
            update(StaffLink)
            .where(StaffLink.token_hash == queries.token_hash(token), StaffLink.used_at.is_(None), StaffLink.expires_at > now)
            .values(used_at=now)
            .returning(StaffLink.member_id),
        )
        if member_id is None:
            raise NotFound("This link has been used or has run out.")
        audit.record(
            session, act="staff.signed_in", subject=("member", member_id), actor_id=member_id, now=now, method="staff_link"
        )
        return add_session(session, member_id=member_id, method="staff_link", browser_hash=browser_hash, now=now)
