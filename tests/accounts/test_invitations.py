"""Invitations: dead ones, races, and what an accepted one brings."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts import queries, services, staff_queries
from membership.accounts.models import Invitation, Member
from membership.accounts.passkey_letters import prepare_invitation
from membership.audit import AuditEntry
from membership.db import transaction
from membership.errors import Conflict, NotAllowed, NotFound
from membership.outbox import OutboxItem
from tests.conftest import NOW
from tests.factories.accounts import BROWSER, make_member, make_staff, make_typed_member, race
from tests.factories.authenticator import Authenticator
from tests.factories.passkeys import PARTY

NEW = "new@example.org"


def invite(session: Session, admin: Member, *roles: str, email: str = NEW) -> Invitation:
    services.invite(
        session, email=email, display_name="Nadia", language="uk", roles=roles or ("editor",), invited_by=admin.id, now=NOW
    )
    return staff_queries.open_invitations(session)[-1]


def mailed(session: Session, invitation: Invitation, *, after: timedelta = timedelta()) -> str:
    """Render the invitation's mail and return its link's token."""
    with transaction(session):
        letter = prepare_invitation(session, {"invitation_id": invitation.id}, NOW + after)
    assert letter
    return str(letter.context["token"])


def enrolment_link(session: Session, *roles: str, email: str = NEW) -> str:
    return services.make_enrolment_link(session, email=email, display_name="", language="en", roles=roles, now=NOW)


def accept(session: Session, token: str, *, after: timedelta = timedelta(), browser_hash: bytes = BROWSER) -> str:
    made = Authenticator().create(
        services.begin_acceptance(session, token=token, party=PARTY, browser_hash=browser_hash, now=NOW + after)
    )
    return finish(session, token, made, after=after, browser_hash=browser_hash)


def finish(session: Session, token: str, made: str, *, after: timedelta = timedelta(), browser_hash: bytes = BROWSER) -> str:
    return services.accept_invitation(
        session, token=token, party=PARTY, answer=made, name="phone", browser_hash=browser_hash, now=NOW + after
    )


def acts(session: Session) -> list[tuple[str, int | None]]:
    entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_type == "invitation").order_by(AuditEntry.id))
    return [(entry.act, entry.actor_id) for entry in entries]


def test_a_dead_invitation_opens_nothing(session: Session) -> None:
    admin = make_staff(session, "admin")
    used, revoked, resent, late = (invite(session, admin, email=f"{name}@example.org") for name in ("a", "b", "c", "d"))
    tokens = [mailed(session, invitation) for invitation in (used, revoked, resent)]
    accept(session, tokens[0])
    services.revoke_invitation(session, invitation_id=revoked.id, actor_id=admin.id, now=NOW)
    services.resend_invitation(session, invitation_id=resent.id, actor_id=admin.id, now=NOW)

    for token in (*tokens, "unknown"):
        with pytest.raises(NotFound):
            accept(session, token)
    with pytest.raises(NotFound):
        accept(session, mailed(session, late), after=timedelta(hours=72))
    with pytest.raises(NotFound):
        accept(session, enrolment_link(session, "admin"), after=timedelta(minutes=30))
    assert [member.email for member in staff_queries.staff_members(session)] == ["staff@example.org", "a@example.org"]


def test_what_was_used_or_taken_back_is_neither_sent_again_nor_taken_back(session: Session) -> None:
    admin = make_staff(session, "admin")
    invitation = invite(session, admin)
    services.revoke_invitation(session, invitation_id=invitation.id, actor_id=admin.id, now=NOW)

    for act in (services.resend_invitation, services.revoke_invitation):
        with pytest.raises(NotFound):
            act(session, invitation_id=invitation.id, actor_id=admin.id, now=NOW)
    with transaction(session):
        assert prepare_invitation(session, {"invitation_id": invitation.id}, NOW) is None


def test_an_address_is_invited_once_and_only_as_what_there_is(session: Session) -> None:
    admin = make_staff(session, "admin")
    invite(session, admin)

    with pytest.raises(Conflict):
        invite(session, admin, email="NEW@example.org")
    with pytest.raises(NotFound):
        invite(session, admin, "king", email="other@example.org")
    with pytest.raises(ValueError, match="address"):
        invite(session, admin, email="nobody")
    with pytest.raises(NotAllowed):
        enrolment_link(session, email="other@example.org")


def test_accepting_makes_the_account_with_its_roles_and_its_passkey(session: Session) -> None:
    admin = make_staff(session, "admin")
    invitation = invite(session, admin, "editor", "counter")

    token = accept(session, mailed(session, invitation), after=timedelta(hours=71))

    login = queries.find_login_session(session, token=token, now=NOW + timedelta(hours=71))
    assert login
    member = login.member
    assert (member.email, member.display_name, member.language, login.method) == (NEW, "Nadia", "uk", "passkey")
    assert sorted(held.role for held in member.roles) == ["counter", "editor"]
    assert [passkey.name for passkey in staff_queries.passkeys_of(session, member.id)] == ["phone"]
    assert member.user_handle is not None
    assert acts(session) == [("invitation.sent", admin.id), ("invitation.accepted", member.id)]


def test_a_garbled_passkey_leaves_the_invitation_open(session: Session) -> None:
    token = mailed(session, invite(session, make_staff(session, "admin")))
    careless = Authenticator(verifies=False)
    options = services.begin_acceptance(session, token=token, party=PARTY, browser_hash=BROWSER, now=NOW)

    with pytest.raises(NotAllowed):
        finish(session, token, careless.create(options))

    assert accept(session, token)


def test_an_invitation_joins_the_account_that_is_there(session: Session) -> None:
    admin, reader, typed = make_staff(session, "admin"), make_member(session), make_typed_member(session)
    old = services.start_session(session, member_id=reader.id, method="mail", now=NOW)

    accept(session, mailed(session, invite(session, admin, email="reader@example.org")))
    accept(session, mailed(session, invite(session, admin, email="typed@example.org")))

    session.expire_all()
    assert [member.id for member in staff_queries.staff_members(session)] == [admin.id, reader.id, typed.id]
    assert (typed.email, typed.typed_email) == ("typed@example.org", None)
    assert queries.find_login_session(session, token=old, now=NOW) is None


def test_racers_with_one_link_become_one_person(session: Session, engine: Engine) -> None:
    token = mailed(session, invite(session, make_staff(session, "admin")))
    session.commit()

    def attempt(racer: Session) -> str:
        try:
            return accept(racer, token, browser_hash=str(id(racer)).encode())
        except NotFound:
            return ""

    assert len([found for found in race(engine, attempt, racers=6) if found]) == 1
    assert len(session.scalars(select(Member).where(Member.email == NEW)).all()) == 1


def test_a_link_from_the_server_is_audited_and_told_to_who_is_there_already(session: Session) -> None:
    staff = make_staff(session, "editor")
    enrolment_link(session, "admin")

    accept(session, enrolment_link(session, email="staff@example.org"))

    assert [act for act in acts(session) if act[0] == "enrolment_link.made"] == [("enrolment_link.made", None)] * 2
    told = [(item.kind, item.member_id) for item in session.scalars(select(OutboxItem).order_by(OutboxItem.id))]
    assert told == [("enrolment_link_made", staff.id), ("passkey_added", staff.id)]
    assert staff_queries.open_invitations(session) == []
