"""Members, roles, sessions and staff links."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts import queries, services
from membership.accounts.models import LoginSession, Member, StaffLink
from membership.audit import AuditEntry
from membership.errors import Conflict, NotFound
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, race


def test_what_is_no_address_makes_no_member(session: Session) -> None:
    with pytest.raises(ValueError, match="address"):
        services.create_member(session, email="nobody", now=NOW)

    assert session.scalars(select(Member)).all() == []


def test_an_address_has_one_account_however_it_is_written(session: Session) -> None:
    make_member(session, "reader@example.org")

    with pytest.raises(Conflict):
        services.create_member(session, email=" READER@Example.org", now=NOW)


def test_a_member_is_found_by_a_proved_address_only(session: Session) -> None:
    member = make_member(session, "reader@example.org")

    found = [queries.find_member_by_email(session, typed) for typed in ("Reader@example.org", "other@example.org", "nonsense")]

    assert found == [member, None, None]


def test_there_is_no_unknown_member(session: Session) -> None:
    with pytest.raises(NotFound):
        queries.get_member(session, 404)


def test_an_unknown_role_is_refused(session: Session) -> None:
    member = make_member(session)

    with pytest.raises(NotFound):
        services.grant_role(session, member_id=member.id, role="king", actor_id=None, now=NOW)


def test_roles_come_and_go_and_each_act_is_kept(session: Session) -> None:
    admin, member = make_staff(session, "admin"), make_member(session)

    services.grant_role(session, member_id=member.id, role="editor", actor_id=admin.id, now=NOW)
    services.grant_role(session, member_id=member.id, role="editor", actor_id=admin.id, now=NOW)
    held = [role.role for role in member.roles]
    services.revoke_role(session, member_id=member.id, role="editor", actor_id=admin.id, now=NOW)

    assert (held, member.roles) == (["editor"], [])
    assert [
        (entry.act, entry.actor_id, entry.details)
        for entry in session.scalars(select(AuditEntry).where(AuditEntry.subject_id == str(member.id)).order_by(AuditEntry.id))
    ] == [("role.granted", admin.id, {"role": "editor"}), ("role.revoked", admin.id, {"role": "editor"})]


def test_a_role_that_nobody_holds_cant_be_taken(session: Session) -> None:
    member = make_member(session)

    with pytest.raises(NotFound):
        services.revoke_role(session, member_id=member.id, role="editor", actor_id=None, now=NOW)


def test_a_new_role_ends_the_sessions_that_a_mailbox_opened(session: Session) -> None:
    member = make_member(session)
    token = services.start_session(session, member_id=member.id, method="mail", now=NOW)

    services.grant_role(session, member_id=member.id, role="editor", actor_id=None, now=NOW)

    assert queries.find_login_session(session, token=token, now=NOW) is None


def test_nobody_is_signed_in_who_does_not_exist(session: Session) -> None:
    with pytest.raises(NotFound):
        services.start_session(session, member_id=404, method="mail", now=NOW)


def test_of_a_sessions_token_only_the_hash_is_kept(session: Session) -> None:
    member = make_member(session)

    token = services.start_session(session, member_id=member.id, method="mail", now=NOW)

    kept = session.scalars(select(LoginSession)).one()
    assert (kept.token_hash, kept.method, kept.expires_at) == (queries.token_hash(token), "mail", NOW + timedelta(days=90))
    assert token.encode() not in kept.token_hash


@pytest.mark.parametrize(("method", "lifetime"), [("mail", timedelta(days=90)), ("staff_link", timedelta(hours=12))])
def test_a_session_ends_by_itself(session: Session, method: str, lifetime: timedelta) -> None:
    member = make_staff(session)
    token = services.start_session(session, member_id=member.id, method=method, now=NOW)

    moments = (NOW + lifetime - timedelta(seconds=1), NOW + lifetime)

    assert [queries.find_login_session(session, token=token, now=at) is not None for at in moments] == [True, False]


def test_nobody_ends_the_session_of_somebody_else(session: Session) -> None:
    mine, theirs = make_member(session, "a@example.org"), make_member(session, "b@example.org")
    token = services.start_session(session, member_id=theirs.id, method="mail", now=NOW)
    (login,) = queries.live_sessions_of(session, theirs.id, now=NOW)

    services.end_session(session, session_id=login.id, member_id=mine.id, now=NOW)

    assert queries.find_login_session(session, token=token, now=NOW) is not None


def test_all_other_sessions_end_and_this_one_stays(session: Session) -> None:
    member = make_member(session)
    kept, *others = [services.start_session(session, member_id=member.id, method="mail", now=NOW) for _ in range(3)]
    login = queries.find_login_session(session, token=kept, now=NOW)
    assert login is not None

    services.end_other_sessions(session, member_id=member.id, keep_id=login.id, now=NOW)

    assert [queries.find_login_session(session, token=token, now=NOW) for token in (kept, *others)] == [login, None, None]


def test_somebody_without_a_role_gets_no_staff_link(session: Session) -> None:
    member = make_member(session)

    with pytest.raises(NotFound):
        services.make_staff_link(session, member_id=member.id, now=NOW)


@pytest.mark.parametrize("passed", [timedelta(hours=24), timedelta(days=3)])
def test_an_expired_staff_link_opens_nothing(session: Session, passed: timedelta) -> None:
    token = services.make_staff_link(session, member_id=make_staff(session).id, now=NOW)

    with pytest.raises(NotFound):
        services.use_staff_link(session, token=token, now=NOW + passed)

    assert session.scalars(select(LoginSession)).all() == []


def test_twenty_racers_on_one_staff_link_open_one_session(session: Session, engine: Engine) -> None:
    token = services.make_staff_link(session, member_id=make_staff(session).id, now=NOW)

    def use(racer: Session) -> bool:
        try:
            return bool(services.use_staff_link(racer, token=token, now=NOW))
        except NotFound:
            return False

    assert sorted(race(engine, use)) == [False] * 19 + [True]
    assert [login.method for login in session.scalars(select(LoginSession))] == ["staff_link"]
    assert session.scalars(select(StaffLink.used_at)).one() == NOW
