"""What accounts draws from state, each minute or when woken, and the mails of this feature."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_
from sqlalchemy.orm import Session

from membership.accounts import address_letters, closing_letters, passkey_letters, queries, services, sign_in_rules
from membership.accounts.models import Invitation, LoginSession, PasskeyChallenge, SignInRequest, StaffLink
from membership.db import transaction
from membership.jobs import Job, JobContext
from membership.outbox import Letter, Prepare

KEEP_REQUESTS = timedelta(days=1)
KEEP_SESSIONS = timedelta(days=30)
KEEP_INVITATIONS = timedelta(days=30)
# Nobody waits longer than this for a sign-in mail that got stuck; it would only puzzle them.
SEND_WITHIN = timedelta(hours=1)


def jobs(context: JobContext) -> Sequence[Job]:
    """Return the repeatable jobs."""

    def forget() -> int:
        with context.sessions() as session:
            return forget_proofs(session, now=context.clock.now())

    def forget_old_sessions() -> int:
        with context.sessions() as session:
            return forget_sessions(session, now=context.clock.now())

    def address_changes() -> int:
        with context.sessions() as session:
            now = context.clock.now()
            return services.finish_address_changes(session, now=now) + services.forget_address_changes(session, now=now)

    def closures() -> int:
        with context.sessions() as session:
            now = context.clock.now()
            steps = (services.begin_due_closures, services.shut_accounts, services.finish_closures, services.forget_closures)
            return sum(step(session, now=now) for step in steps)

    return (
        Job("account_closures", closures),
        Job("forget_proofs", forget),
        Job("forget_sessions", forget_old_sessions),
        Job("address_changes", address_changes),
    )


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail of this feature."""

    def sign_in(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        return prepare_sign_in(session, payload["request_id"], secret_key=context.settings.secret_key, now=now)

    def new_sign_in(session: Session, payload: Mapping[str, Any], _now: datetime) -> Letter | None:
        return prepare_new_sign_in(session, payload["session_id"])

    return {
        **closing_letters.letters(),
        **address_letters.letters(),
        **passkey_letters.letters(),
        "new_sign_in": new_sign_in,
        "sign_in": sign_in,
    }


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


def prepare_new_sign_in(session: Session, session_id: int) -> Letter | None:
    """Tell the owner of an account that a browser new to it was signed in: when and how, and nothing of where."""
    login = session.get(LoginSession, session_id, populate_existing=True)
    if login is None or login.member.email is None:
        return None
    context = {"at": login.created_at, "method": login.method}
    return Letter(login.member.email, "new_sign_in", login.member.language, context)


def forget_proofs(session: Session, *, now: datetime) -> int:
    """Delete what was asked for a day ago or longer, addresses included; safe to repeat. Return how many were deleted."""
    with transaction(session):
        requests = session.execute(
            delete(SignInRequest).where(SignInRequest.created_at < now - KEEP_REQUESTS).returning(SignInRequest.id),
        ).all()
        links = session.execute(delete(StaffLink).where(StaffLink.expires_at < now).returning(StaffLink.token_hash)).all()
        challenges = session.execute(
            delete(PasskeyChallenge).where(PasskeyChallenge.expires_at < now).returning(PasskeyChallenge.id),
        ).all()
        invitations = session.execute(
            delete(Invitation).where(Invitation.expires_at < now - KEEP_INVITATIONS).returning(Invitation.id),
        ).all()
    return len(requests) + len(links) + len(challenges) + len(invitations)


def forget_sessions(session: Session, *, now: datetime) -> int:
    """Delete sessions that ended or ran out a month ago; safe to repeat. Return how many were deleted."""
    until = now - KEEP_SESSIONS
    with transaction(session):
        gone = delete(LoginSession).where(or_(LoginSession.ended_at < until, LoginSession.expires_at < until))
        return len(session.execute(gone.returning(LoginSession.id)).all())
