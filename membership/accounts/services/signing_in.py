"""Signing in by the link or the code of one mail."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from membership import outbox
from membership.accounts import queries, sign_in_rules
from membership.accounts.addresses import normalise
from membership.accounts.models import Member, SignInRequest
from membership.accounts.services.sessions import add_session, end_sessions
from membership.db import transaction
from membership.errors import Conflict, TooOften
from membership.limits import count_act


def ask_sign_in(
    session: Session,
    *,
    email: str,
    browser_hash: bytes,
    language: str,
    next_path: str = "",
    network: bytes | None = None,
    now: datetime,
) -> datetime | None:
    """Note that a browser asked for a sign-in mail, and let it be sent; return None, or from when on another mail may be sent.

    In the latter case nothing is sent, but the newest mail to this address that was not used works for another ten minutes: no
    stranger who uses up the hour's mails locks its owner out. Does the same for known and unknown addresses: who lives there is
    looked up when the mail is rendered. Raises TooOften for the network, ValueError for what is no address.
    """
    address = normalise(email)
    with transaction(session):
        queries.lock_address(session, address)
        again_at = queries.may_mail_again_at(session, address, now=now)
        if again_at is not None:
            _work_again(session, address, now)
            return again_at
        _count_mail(session, browser_hash, network, now)
        _replace_earlier(session, address, browser_hash, now)
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
    return None


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


@dataclass(frozen=True)
class Typist:
    """Who types codes, for the limits: a browser (None: one that keeps no cookie) and its network."""

    browser_hash: bytes | None
    network: bytes | None = None


def finish_sign_in_with_code(session: Session, *, typist: Typist, code: str, secret_key: str, now: datetime) -> SignedIn:
    """Sign in by the code of the mail that this browser asked for last; raises SignInFailed, TooOften."""
    request = queries.find_request_of_browser(session, typist.browser_hash or b"")
    return _finish(session, request, way="code", typist=typist, code=code, secret_key=secret_key, now=now)


def finish_sign_in_with_link(
    session: Session, *, token: str, typist: Typist, code: str, secret_key: str, now: datetime
) -> SignedIn:
    """Sign in by a mailed link: alone in the browser that asked, with the code in any other; raises SignInFailed, TooOften."""
    request = queries.find_request_by_token(session, token)
    asked_here = request is not None and sign_in_rules.asked_in(request, typist.browser_hash)
    typed = None if asked_here else code
    return _finish(session, request, way="link", typist=typist, code=typed, secret_key=secret_key, now=now)


def _finish(
    session: Session,
    request: SignInRequest | None,
    *,
    way: sign_in_rules.Way,
    typist: Typist,
    code: str | None,
    secret_key: str,
    now: datetime,
) -> SignedIn:
    state = sign_in_rules.state_of(request, now, way)
    if request is None or state != "live":
        raise SignInFailed(state)
    with transaction(session):
        # Before the request's row: whoever asks for this address takes both in the same order.
        queries.lock_address(session, request.email)
        failure = None
        if code is not None:
            _count_code(session, typist, now)
            typed = sign_in_rules.code_hash(sign_in_rules.clean_code(code), request_id=request.id, secret_key=secret_key)
            failure = _refuse_code(session, request, way, typed, now)
        failure = failure or _use_up(session, request, way, now)
        token = None if failure else _prove(session, request.email, typist.browser_hash, now)
    # Raised after the commit: a rollback would give a wrong try back.
    if token is None:
        raise SignInFailed(failure or "unknown")
    return SignedIn(token, request.next_path)


def _refuse_code(session: Session, request: SignInRequest, way: sign_in_rules.Way, typed: bytes, now: datetime) -> str | None:
    """Return why this code does not do, None if it is right; the try counts before comparing, so that racers share the five."""
    if way == "code" and queries.count_codes_of_day(session, request.email, now=now) >= sign_in_rules.CODES_A_DAY:
        return "tries"
    tries = SignInRequest.tries if way == "code" else SignInRequest.link_tries
    counted = session.execute(
        update(SignInRequest)
        .where(*_is_open(request, now), tries < sign_in_rules.MAX_TRIES)
        .values({tries: tries + 1})
        .returning(tries.label("tries"), SignInRequest.code_hash),
    ).first()
    if counted is None:
        session.refresh(request)
        return sign_in_rules.state_of(request, now, way)
    if hmac.compare_digest(counted.code_hash or b"", typed):
        return None
    return "wrong" if counted.tries < sign_in_rules.MAX_TRIES else "tries"


def _use_up(session: Session, request: SignInRequest, way: sign_in_rules.Way, now: datetime) -> str | None:
    """Mark the request used; return why not if somebody was faster."""
    used = session.execute(
        update(SignInRequest).where(*_is_open(request, now)).values(used_at=now).returning(SignInRequest.id),
    ).first()
    if used is not None:
        return None
    session.refresh(request)
    return sign_in_rules.state_of(request, now, way)


def _is_open(request: SignInRequest, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SignInRequest.id == request.id,
        SignInRequest.used_at.is_(None),
        SignInRequest.replaced_at.is_(None),
        SignInRequest.expires_at > now,
    )


def _prove(session: Session, address: str, browser_hash: bytes | None, now: datetime) -> str | None:
    """Sign in whoever this proved address belongs to; None for strangers and for staff, to whom a mailbox is no proof."""
    member = _lock_who_may_prove(session, address)
    if member is None or member.is_staff:
        return None
    if member.email is None:
        # Until now anybody could have typed this address: whoever is signed in on the strength of that has to prove it too.
        # Others who typed the same keep it as typed only: at most one account can own an address, and the first one gets it.
        member.email, member.typed_email = address, None
        end_sessions(session, member.id, now)
    return add_session(session, member_id=member.id, method="mail", browser_hash=browser_hash, now=now)


def _lock_who_may_prove(session: Session, address: str) -> Member | None:
    """Return, locked, whom this address lets in; nobody if that has changed while we waited for the lock.

    Else a change of address or a new role at this very moment would miss the session that is being opened, and a correction of a
    typed address would be overwritten.
    """
    found = queries.find_member_who_may_prove(session, address)
    if found is None:
        return None
    queries.lock_member(session, found.id)
    still = queries.find_member_who_may_prove(session, address)
    return still if still is not None and still.id == found.id else None


def _work_again(session: Session, address: str, now: datetime) -> None:
    """Let the newest mail of the last hour that was not used work again, its tries as they are.

    Also one that a newer mail had replaced: the newer one has been used. Of an address whose mails were all used one row is written
    too, so that it takes the same time for everybody.
    """
    newest = session.scalars(
        select(SignInRequest)
        .where(SignInRequest.email == address, SignInRequest.created_at > now - timedelta(hours=1))
        .order_by(SignInRequest.used_at.is_(None).desc(), SignInRequest.id.desc())
        .limit(1)
        .execution_options(populate_existing=True),
    ).one()
    newest.expires_at = now + sign_in_rules.PROOF_LIFETIME
    newest.replaced_at = None


def _replace_earlier(session: Session, address: str, browser_hash: bytes, now: datetime) -> None:
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


def _count_mail(session: Session, browser_hash: bytes, network: bytes | None, now: datetime) -> None:
    if network is None or queries.has_opened(session, browser_hash):
        return
    most = {network: sign_in_rules.MAILS_AN_HOUR_OF_NETWORK}
    retry_at = count_act(session, act="sign_in_mail", most=most, within=timedelta(hours=1), now=now)
    if retry_at:
        raise TooOften("Very many sign-in mails were asked for from your network.", retry_at=retry_at)


def _count_code(session: Session, typist: Typist, now: datetime) -> None:
    """Count before comparing, so that a right guess past the limit opens nothing either."""
    most = {}
    if typist.browser_hash is not None:
        most[typist.browser_hash] = sign_in_rules.CODES_AN_HOUR_OF_BROWSER
    if typist.network is not None and not (typist.browser_hash and queries.has_opened(session, typist.browser_hash)):
        most[typist.network] = sign_in_rules.CODES_AN_HOUR_OF_NETWORK
    retry_at = count_act(session, act="sign_in_code", most=most, within=timedelta(hours=1), now=now)
    if retry_at:
        raise TooOften(
            "Very many codes were typed here. In the browser that asked for a mail its link needs no code.", retry_at=retry_at
        )
