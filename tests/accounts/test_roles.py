"""Roles: what is refused, and what their loss takes with it."""

import contextlib

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from membership.accounts import queries, services, staff_queries
from membership.accounts.models import Invitation, Passkey, RecoveryCode, StaffRole
from membership.audit import AuditEntry
from membership.errors import Conflict, NotAllowed, NotFound
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, race
from tests.factories.authenticator import Authenticator
from tests.factories.passkeys import register


def change(session: Session, member_id: int, *roles: str, actor_id: int | None = None) -> None:
    services.change_roles(session, member_id=member_id, roles=roles, reason="As agreed.", actor_id=actor_id, now=NOW)


def leave(session: Session, member_id: int) -> None:
    services.end_employment(session, member_id=member_id, reason="Left in March.", actor_id=None, now=NOW)


def roles_of(session: Session, member_id: int) -> list[str]:
    return list(session.scalars(select(StaffRole.role).where(StaffRole.member_id == member_id).order_by(StaffRole.role)))


def test_what_is_no_role_and_who_is_no_staff_is_refused(session: Session) -> None:
    staff, reader = make_staff(session), make_member(session)

    with pytest.raises(NotFound):
        services.grant_role(session, member_id=reader.id, role="king", actor_id=None, now=NOW)
    with pytest.raises(NotFound):
        change(session, staff.id, "king")
    with pytest.raises(NotFound):
        change(session, reader.id, "editor")
    with pytest.raises(NotFound):
        leave(session, reader.id)
    with pytest.raises(NotAllowed):
        change(session, staff.id)

    assert (roles_of(session, staff.id), roles_of(session, reader.id)) == (["editor"], [])


def test_the_last_admin_stays_one(session: Session) -> None:
    admin = make_staff(session, "admin", "editor")

    for attempt in (lambda: change(session, admin.id, "editor", actor_id=admin.id), lambda: leave(session, admin.id)):
        with pytest.raises(Conflict):
            attempt()

    assert roles_of(session, admin.id) == ["admin", "editor"]


def test_of_two_admins_who_take_the_role_from_each_other_one_stays(session: Session, engine: Engine) -> None:
    ids = [make_staff(session, "admin", "editor", email=f"{name}@example.org").id for name in ("one", "two")]
    session.commit()

    def attempt(racer: Session) -> None:
        for member_id in ids:
            with contextlib.suppress(Conflict):
                change(racer, member_id, "editor")

    race(engine, attempt, racers=4)

    assert session.scalar(select(func.count()).where(StaffRole.role == "admin")) == 1


def test_any_change_of_roles_ends_every_session_and_is_kept_with_its_reason(session: Session) -> None:
    admin, staff = make_staff(session, "admin"), make_staff(session, "editor", "counter", email="two@example.org")
    tokens = [services.start_session(session, member_id=staff.id, method=method, now=NOW) for method in ("passkey", "mail")]

    change(session, staff.id, "counter", "treasurer", actor_id=admin.id)

    assert [queries.find_login_session(session, token=token, now=NOW) for token in tokens] == [None, None]
    assert roles_of(session, staff.id) == ["counter", "treasurer"]
    entries = session.scalars(select(AuditEntry).where(AuditEntry.actor_id == admin.id).order_by(AuditEntry.id))
    assert [(entry.act, entry.subject_id, entry.reason, entry.details) for entry in entries] == [
        ("role.granted", str(staff.id), "As agreed.", {"role": "treasurer"}),
        ("role.revoked", str(staff.id), "As agreed.", {"role": "editor"}),
    ]


@pytest.mark.parametrize("roles", [("editor",), ("editor", "counter", "treasurer")], ids=["one less", "one more"])
def test_a_role_taken_and_a_role_given_each_end_every_session(session: Session, roles: tuple[str, ...]) -> None:
    staff = make_staff(session, "editor", "counter")
    token = services.start_session(session, member_id=staff.id, method="passkey", now=NOW)

    change(session, staff.id, *roles)

    assert queries.find_login_session(session, token=token, now=NOW) is None


def test_what_stays_as_it_was_ends_no_session(session: Session) -> None:
    staff = make_staff(session, "editor")
    token = services.start_session(session, member_id=staff.id, method="passkey", now=NOW)

    change(session, staff.id, "editor")
    services.grant_role(session, member_id=staff.id, role="editor", actor_id=None, now=NOW)

    assert queries.find_login_session(session, token=token, now=NOW)


def test_who_no_longer_works_here_keeps_nothing_that_opens_a_door(session: Session) -> None:
    staff = make_staff(session, "admin")
    make_staff(session, "admin", email="other@example.org")
    register(session, Authenticator(), staff.id)
    services.make_recovery_codes(session, member_id=staff.id, now=NOW)
    services.make_staff_link(session, member_id=staff.id, now=NOW)
    token = services.start_session(session, member_id=staff.id, method="passkey", now=NOW)
    services.invite(session, email="new@example.org", display_name="", language="en", roles=["admin"], invited_by=staff.id, now=NOW)

    leave(session, staff.id)

    assert queries.find_login_session(session, token=token, now=NOW) is None
    assert (roles_of(session, staff.id), staff_queries.passkeys_of(session, staff.id)) == ([], [])
    assert [session.scalar(select(func.count()).select_from(model)) for model in (Passkey, RecoveryCode)] == [0, 0]
    assert session.scalars(select(Invitation.revoked_at)).all() == [NOW]
    left = session.scalars(select(AuditEntry).where(AuditEntry.act == "staff.left")).one()
    assert (left.subject_id, left.reason) == (str(staff.id), "Left in March.")
