"""What accounts draws from state, each minute or when woken, and the mails of this feature."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from membership.accounts import queries, sign_in_rules
from membership.accounts.models import SignInRequest, StaffLink
from membership.db import transaction
from membership.jobs import Job, JobContext
from membership.outbox import Letter, Prepare

KEEP_REQUESTS = timedelta(days=1)
# Nobody waits longer than this for a sign-in mail that got stuck; it would only puzzle them.
SEND_WITHIN = timedelta(hours=1)


def jobs(context: JobContext) -> Sequence[Job]:
    """Return the repeatable jobs."""

    def forget() -> int:
        with context.sessions() as session:
            return forget_proofs(session, now=context.clock.now())

    return (Job("forget_proofs", forget),)


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail of this feature."""

    def sign_in(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        return prepare_sign_in(session, payload["request_id"], secret_key=context.settings.secret_key, now=now)

    return {"sign_in": sign_in}


def prepare_sign_in(session: Session, request_id: int, *, secret_key: str, now: datetime) -> Letter | None:
    """Make link and code in the caller's transaction, killing those of an earlier rendering; strangers and staff get words only."""
    request = session.get(SignInRequest, request_id, populate_existing=True)
    if request is None or request.used_at or request.replaced_at or request.created_at < now - SEND_WITHIN:
        return None
    member = queries.find_member_who_may_prove(session, request.email)
    if member is None:
        return Letter(request.email, "sign_in_unknown", request.language, {})
    if member.is_staff:
        return Letter(request.email, "sign_in_staff", member.language, {"address": request.email})
    token, code = sign_in_rules.new_token(), sign_in_rules.new_code()
    request.token_hash = queries.token_hash(token)
    request.code_hash = sign_in_rules.code_hash(code, request_id=request.id, secret_key=secret_key)
    request.expires_at = now + sign_in_rules.PROOF_LIFETIME
    minutes = sign_in_rules.PROOF_LIFETIME // timedelta(minutes=1)
    return Letter(request.email, "sign_in", member.language, {"token": token, "code": code, "minutes": minutes})


def forget_proofs(session: Session, *, now: datetime) -> int:
    """Delete what was asked for a day ago or longer, addresses included; safe to repeat. Return how many were deleted."""
    with transaction(session):
        requests = session.execute(
            delete(SignInRequest).where(SignInRequest.created_at < now - KEEP_REQUESTS).returning(SignInRequest.id),
        ).all()
        links = session.execute(delete(StaffLink).where(StaffLink.expires_at < now).returning(StaffLink.token_hash)).all()
    return len(requests) + len(links)
