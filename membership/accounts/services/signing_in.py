"""Signing in by the link or the code of one mail."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from membership import outbox
from membership.accounts import queries, sign_in_rules
from membership.accounts.addresses import normalise
from membership.accounts.models import SignInRequest
from membership.accounts.services.sessions import add_session, end_sessions
from membership.db import transaction
from membership.errors import Conflict


def ask_sign_in(session: Session, *, email: str, browser_hash: bytes, language: str, next_path: str = "", now: datetime) -> None:
    """Note that a browser asked for a sign-in mail, and let it be sent; past the hour's limit nothing is sent.

    Does the same for known and unknown addresses: who lives there is looked up when the mail is rendered. Raises ValueError for
    what is no address.
    """
    address = normalise(email)
    with transaction(session):
        queries.lock_address(session, address)
        if queries.count_requests_of_last_hour(session, address, now=now) >= sign_in_rules.MAILS_PER_HOUR:
            return
        session.execute(
            update(SignInRequest)
            .where(
                SignInRequest.email == address,
                SignInRequest.browser_hash == browser_hash,
                SignInRequest.used_at.is_(None),
                SignInRequest.replaced_at.is_(None),
            )
            .values(replaced_at=now),
        )
        request = SignInRequest(
            email=address,
            browser_hash=browser_hash,
            language=language,
            next_path=next_path,
            created_at=now,
            expires_at=now + sign_in_rules.PROOF_LIFETIME,
        )
        session.add(request)
        session.flush()
        outbox.enqueue(
            session, kind="sign_in", key=f"sign_in:{request.id}", payload={"request_id": request.id}, urgent=True, now=now
        )


class SignInFailed(Conflict):
    """The link or the code signs nobody in; state says why ("wrong": a mistyped code, with tries left)."""

    def __init__(self, state: str) -> None:
        super().__init__("Nobody was signed in.")
        self.state = state


@dataclass(frozen=True)
class SignedIn:
    """What a proof has opened: the new session's token, and where the reader was going."""

    token: str
    next_path: str


def finish_sign_in_with_code(session: Session, *, browser_hash: bytes, code: str, secret_key: str, now: datetime) -> SignedIn:
    """Sign in by the code of the mail that this browser asked for last; raises SignInFailed."""
    request = queries.find_request_of_browser(session, browser_hash)
    return _finish(session, request, code=code, secret_key=secret_key, now=now)


def finish_sign_in_with_link(
    session: Session,
    *,
    token: str,
    browser_hash: bytes | None,
    code: str,
    secret_key: str,
    now: datetime,
) -> SignedIn:
    """Sign in by a mailed link: alone in the browser that asked, together with the code in any other; raises SignInFailed."""
    request = queries.find_request_by_token(session, token)
    asked_here = request is not None and sign_in_rules.asked_in(request, browser_hash)
    return _finish(session, request, code=None if asked_here else code, secret_key=secret_key, now=now)


def _finish(session: Session, request: SignInRequest | None, *, code: str | None, secret_key: str, now: datetime) -> SignedIn:
    state = sign_in_rules.state_of(request, now)
    if request is None or state != "live":
        raise SignInFailed(state)
    with transaction(session):
        # Before the request's row: whoever asks for this address takes both in the same order.
        queries.lock_address(session, request.email)
        failure = _refuse_code(session, request, code, secret_key, now) if code is not None else None
        failure = failure or _use_up(session, request, now)
        token = None if failure else _prove(session, request.email, now)
    # Raised after the commit: a rollback would give a wrong try back.
    if token is None:
        raise SignInFailed(failure or "unknown")
    return SignedIn(token, request.next_path)


def _refuse_code(session: Session, request: SignInRequest, code: str, secret_key: str, now: datetime) -> str | None:
    """Return why this code does not do, None if it is right; the try counts before comparing, so that racers share the five."""
    counted = session.execute(
        update(SignInRequest)
        .where(*_is_open(request, now), SignInRequest.tries < sign_in_rules.MAX_TRIES)
        .values(tries=SignInRequest.tries + 1)
        .returning(SignInRequest.tries, SignInRequest.code_hash),
    ).first()
    if counted is None:
        session.refresh(request)
        return sign_in_rules.state_of(request, now)
    typed = sign_in_rules.code_hash(sign_in_rules.clean_code(code), request_id=request.id, secret_key=secret_key)
    if hmac.compare_digest(counted.code_hash or b"", typed):
        return None
    return "wrong" if counted.tries < sign_in_rules.MAX_TRIES else "tries"


def _use_up(session: Session, request: SignInRequest, now: datetime) -> str | None:
    """Mark the request used; return why not if somebody was faster."""
    used = session.execute(
        update(SignInRequest).where(*_is_open(request, now)).values(used_at=now).returning(SignInRequest.id),
    ).first()
    if used is not None:
        return None
    session.refresh(request)
    return sign_in_rules.state_of(request, now)


def _is_open(request: SignInRequest, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SignInRequest.id == request.id,
        SignInRequest.used_at.is_(None),
        SignInRequest.replaced_at.is_(None),
        SignInRequest.expires_at > now,
    )


def _prove(session: Session, address: str, now: datetime) -> str | None:
    """Sign in whoever this proved address belongs to; None for strangers and for staff, to whom a mailbox is no proof."""
    member = queries.find_member_who_may_prove(session, address)
    if member is None or member.is_staff:
        return None
    if member.email is None:
        # Until now anybody could have typed this address: whoever is signed in on the strength of that has to prove it too.
        # Others who typed the same keep it as typed only: at most one account can own an address, and the first one gets it.
        member.email, member.typed_email = address, None
        end_sessions(session, member.id, now)
    return add_session(session, member_id=member.id, method="mail", now=now)
