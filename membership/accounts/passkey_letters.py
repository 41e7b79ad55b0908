"""The mails that staff get about their ways in."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from membership.accounts import queries, sign_in_rules
from membership.accounts.models import Invitation, Member
from membership.accounts.services.invitations import MAIL_LIFETIME
from membership.outbox import Letter, Prepare

# Told to whoever's account it is, in the same commit as the act itself.
NOTICES = ("passkey_added", "passkey_removed", "recovery_code_used", "enrolment_link_made")


def letters() -> Mapping[str, Prepare]:
    """Return how to prepare each of these mails."""
    return {kind: partial(_notice, kind) for kind in NOTICES} | {"invitation": prepare_invitation}


def prepare_invitation(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Make the invitation's link in the caller's transaction, killing the one of an earlier mail."""
    invitation = session.get(Invitation, payload["invitation_id"], populate_existing=True)
    if invitation is None or invitation.used_at or invitation.revoked_at:
        return None
    token = sign_in_rules.new_token()
    invitation.token_hash, invitation.expires_at = queries.token_hash(token), now + MAIL_LIFETIME
    context = {"token": token, "name": invitation.display_name, "ends_at": invitation.expires_at}
    return Letter(invitation.email, "invitation", invitation.language, context)


def _notice(kind: str, session: Session, payload: Mapping[str, Any], _now: datetime) -> Letter | None:
    member = session.get(Member, payload["member_id"])
    if member is None or member.address is None:
        return None
    return Letter(member.address, kind, member.language, {"at": datetime.fromisoformat(payload["at"])})
