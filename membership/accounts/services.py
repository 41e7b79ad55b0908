"""Members, what staff may do, and the sessions of signed-in browsers."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.accounts import queries, sign_in_rules
from membership.accounts.addresses import normalise
from membership.accounts.models import ROLES, LoginSession, Member, SignInRequest, StaffLink, StaffRole
from membership.db import transaction
from membership.errors import Conflict, NotFound


def create_member(session: Session, *, email: str, display_name: str = "", language: str = "en", now: datetime) -> int:
    """Add somebody whose address is known to be theirs and return their id; raises Conflict, ValueError for what is no address."""
    address = normalise(email)
    with transaction(session):
        if session.scalar(select(Member.id).where(Member.email == address)) is not None:
            raise Conflict("This address already has an account.")
        member = Member(email=address, display_name=display_name, language=language, created_at=now)
        session.add(member)
        session.flush()
        return member.id


def change_settings(session: Session, *, member_id: int, display_name: str, language: str) -> None:
    """Set how a member is called and in which language we write to them."""
    with transaction(session):
        member = queries.get_member(session, member_id)
        member.display_name = display_name
        member.language = language


def grant_role(session: Session, *, member_id: int, role: str, actor_id: int | None, now: datetime) -> None:
    """Give a member a role; safe to repeat. Their open sessions end: a mailbox opened them, and that is no proof for staff."""
    if role not in ROLES:
        raise NotFound("There is no such role.")
    with transaction(session):
        member = _fresh_member(session, member_id)
        if any(held.role == role for held in member.roles):
            return
        member.roles.append(StaffRole(role=role, granted_at=now))
        _end(session, member_id, now, LoginSession.method.not_in(sign_in_rules.STAFF_METHODS))
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


def start_session(session: Session, *, member_id: int, method: str, now: datetime) -> str:
    """Sign a browser in and return its token, of which only the hash is stored."""
    with transaction(session):
        queries.get_member(session, member_id)
        return add_session(session, member_id=member_id, method=method, now=now)


def add_session(session: Session, *, member_id: int, method: str, now: datetime) -> str:
    """Add a session in the caller's transaction and return its token."""
    token = sign_in_rules.new_token()
    session.add(
        LoginSession(
            token_hash=queries.token_hash(token),
            member_id=member_id,
            created_at=now,
            expires_at=now + sign_in_rules.session_lifetime(method),
            method=method,
        ),
    )
    return token


def end_session(session: Session, *, session_id: int, member_id: int, now: datetime) -> None:
    """Sign one of the member's browsers out: dead in its next request, also for a copy of its cookie. Safe to repeat."""
    with transaction(session):
        _end(session, member_id, now, LoginSession.id == session_id)


def end_other_sessions(session: Session, *, member_id: int, keep_id: int, now: datetime) -> None:
    """Sign the member out everywhere but in one browser."""
    with transaction(session):
        _end(session, member_id, now, LoginSession.id != keep_id)


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


def use_staff_link(session: Session, *, token: str, now: datetime) -> str:
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
        return add_session(session, member_id=member_id, method="staff_link", now=now)


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
        _end(session, member.id, now)
    return add_session(session, member_id=member.id, method="mail", now=now)


def _fresh_member(session: Session, member_id: int) -> Member:
    member = session.get(Member, member_id, populate_existing=True)
    if member is None:
        raise NotFound("There is no such person.")
    return member


def _end(session: Session, member_id: int, now: datetime, *which: ColumnElement[bool]) -> None:
    session.execute(
        update(LoginSession)
        .where(LoginSession.member_id == member_id, LoginSession.ended_at.is_(None), *which)
        .values(ended_at=now),
    )
