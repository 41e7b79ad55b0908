"""The way onto the staff: an invitation by mail from an admin, or a link that a command prints."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.accounts import ceremonies, queries, sign_in_rules, staff_queries
from membership.accounts.addresses import normalise
from membership.accounts.ceremonies import Owner, RelyingParty
from membership.accounts.models import ROLES, Invitation, Member
from membership.accounts.services.challenges import REGISTER, add_challenge, take_challenge
from membership.accounts.services.passkeys import add_passkey, owner_of
from membership.accounts.services.roles import give_roles
from membership.accounts.services.sessions import add_session, end_sessions
from membership.db import transaction
from membership.errors import Conflict, NotAllowed, NotFound

MAIL_LIFETIME = timedelta(hours=72)
LINK_LIFETIME = timedelta(minutes=30)
DEAD = "This invitation was used, taken back, or has run out. Ask whoever invited you for a new one."


def invite(
    session: Session,
    *,
    email: str,
    display_name: str,
    language: str,
    roles: Iterable[str],
    invited_by: int,
    now: datetime,
) -> None:
    """Invite somebody by mail, with the roles that they get; raises Conflict, ValueError for what is no address."""
    address = normalise(email)
    with transaction(session):
        queries.lock_address(session, address)
        if staff_queries.is_invited(session, address):
            raise Conflict("This address is invited already. Send that invitation again, or take it back first.")
        invitation = Invitation(
            email=address,
            display_name=display_name,
            language=language,
            roles=_known(roles),
            invited_by=invited_by,
            created_at=now,
            expires_at=now + MAIL_LIFETIME,
        )
        session.add(invitation)
        session.flush()
        _send(session, invitation, "invitation.sent", actor_id=invited_by, now=now)


def resend_invitation(session: Session, *, invitation_id: int, actor_id: int, now: datetime) -> None:
    """Send an invitation once more; the link of the earlier mail is dead from now on."""
    with transaction(session):
        invitation = staff_queries.get_open_invitation(session, invitation_id)
        invitation.token_hash, invitation.expires_at = None, now + MAIL_LIFETIME
        _send(session, invitation, "invitation.sent_again", actor_id=actor_id, now=now)


def revoke_invitation(session: Session, *, invitation_id: int, actor_id: int, now: datetime) -> None:
    """Take an invitation back."""
    with transaction(session):
        staff_queries.get_open_invitation(session, invitation_id).revoked_at = now
        audit.record(session, act="invitation.revoked", subject=("invitation", invitation_id), actor_id=actor_id, now=now)


def make_enrolment_link(
    session: Session, *, email: str, display_name: str, language: str, roles: Iterable[str], now: datetime
) -> str:
    """Make the token of a short-lived invitation without mail, for whoever sits at the server; who exists already is told.

    Raises NotAllowed without roles for somebody who holds none, ValueError for what is no address.
    """
    address, granted, token = normalise(email), _known(roles), sign_in_rules.new_token()
    with transaction(session):
        member = queries.find_member_by_email(session, address)
        if not granted and (member is None or not member.is_staff):
            raise NotAllowed("This person holds no role yet: name one or more.")
        invitation = Invitation(
            token_hash=queries.token_hash(token),
            email=address,
            display_name=display_name,
            language=language,
            roles=granted,
            created_at=now,
            expires_at=now + LINK_LIFETIME,
        )
        session.add(invitation)
        session.flush()
        subject = ("invitation", invitation.id)
        audit.record(session, act="enrolment_link.made", subject=subject, actor_id=None, now=now, roles=granted)
        if member is not None:
            payload = {"member_id": member.id, "at": now.isoformat()}
            key = f"enrolment_link_made:{invitation.id}"
            outbox.enqueue(session, kind="enrolment_link_made", key=key, payload=payload, member_id=member.id, now=now)
    return token


def begin_acceptance(session: Session, *, token: str, party: RelyingParty, browser_hash: bytes, now: datetime) -> str:
    """Return what the browser of the invited person is asked to make, as JSON; uses nothing up."""
    with transaction(session):
        invitation = staff_queries.find_invitation(session, token, now=now)
        if invitation is None:
            raise NotFound(DEAD)
        member = queries.find_member_who_may_prove(session, invitation.email)
        owner = owner_of(member or Member(roles=[]))
        challenge = add_challenge(session, purpose=REGISTER, browser_hash=browser_hash, user_handle=owner.handle, now=now)
        known = [passkey.credential_id for passkey in staff_queries.passkeys_of(session, member.id)] if member else []
        name = invitation.display_name or owner.display_name
    return ceremonies.registration_options(party, Owner(owner.handle, invitation.email, name), challenge, known=known)


def accept_invitation(
    session: Session, *, token: str, party: RelyingParty, answer: str, name: str, browser_hash: bytes, now: datetime
) -> str:
    """Add the invited person's passkey, give them their roles, and return the token of the session that it opens."""
    challenge = ceremonies.challenge_of_registration(answer)
    handle = take_challenge(session, challenge, purpose=REGISTER, browser_hash=browser_hash, now=now)
    made = ceremonies.verify_registration(party, answer, challenge=challenge)
    with transaction(session):
        invitation = _use_up(session, token, now)
        member = _member_of(session, invitation, now)
        end_sessions(session, member.id, now)
        give_roles(session, member, invitation.roles, actor_id=invitation.invited_by, now=now)
        add_passkey(session, member, made, handle=handle, name=name, now=now)
        subject = ("invitation", invitation.id)
        audit.record(session, act="invitation.accepted", subject=subject, actor_id=member.id, now=now)
        return add_session(session, member_id=member.id, method="passkey", browser_hash=browser_hash, now=now)


def _use_up(session: Session, token: str, now: datetime) -> Invitation:
    found = staff_queries.find_invitation(session, token, now=now)
    if found is None:
        raise NotFound(DEAD)
    queries.lock_address(session, found.email)  # before the rows, as where the account of this address is shut
    used = session.scalars(
        update(Invitation)
        .where(
            Invitation.token_hash == queries.token_hash(token),
            Invitation.used_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > now,
        )
        .values(used_at=now)
        .returning(Invitation)
        .execution_options(populate_existing=True),
    ).first()
    if used is None:
        raise NotFound(DEAD)
    return used


def _member_of(session: Session, invitation: Invitation, now: datetime) -> Member:
    """Return, locked, whom the invitation is for: whoever owns the address, else whoever typed it first, else somebody new."""
    member = queries.find_member_who_may_prove(session, invitation.email)
    if member is None:
        member = Member(email=invitation.email, display_name=invitation.display_name, language=invitation.language, created_at=now)
        session.add(member)
        session.flush()
    elif member.email is None:
        member.email, member.typed_email = invitation.email, None
        session.flush()
    return queries.lock_member(session, member.id)


def _send(session: Session, invitation: Invitation, act: str, *, actor_id: int, now: datetime) -> None:
    subject = ("invitation", invitation.id)
    audit.record(session, act=act, subject=subject, actor_id=actor_id, now=now, roles=invitation.roles)
    payload = {"invitation_id": invitation.id}
    key = f"invitation:{invitation.id}:{now.isoformat()}"
    outbox.enqueue(session, kind="invitation", key=key, payload=payload, urgent=True, now=now)


def _known(roles: Iterable[str]) -> list[str]:
    wanted = sorted(set(roles), key=lambda role: (role not in ROLES, role))
    if any(role not in ROLES for role in wanted):
        raise NotFound("There is no such role.")
    return wanted
