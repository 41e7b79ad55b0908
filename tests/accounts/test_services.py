"""Members, roles and staff links."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts import queries, services
from membership.accounts.models import LoginSession, Member, StaffLink
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
