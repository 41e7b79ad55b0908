"""Commands for staff, and what they refuse."""

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import Member, StaffLink
from membership.app import create_app
from membership.audit import AuditEntry
from membership.clock import FixedClock
from tests.conftest import SettingsMaker
from tests.factories.accounts import make_member, make_staff

PRODUCTION = {
    "MEMBERSHIP_ENV": "production",
    "SITE_URL": "https://news.example",
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_API_BASE": "",
    "MAIL_URL": "smtp://127.0.0.1:1",
}
STAGING = PRODUCTION | {"MEMBERSHIP_ENV": "staging", "STRIPE_SECRET_KEY": "sk_test_x"}


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["accounts", *arguments])
    return result.exit_code, result.output


def test_add_staff_refuses_what_is_no_address_or_no_role(app: Flask, session: Session) -> None:
    codes = [run(app, "add-staff", "nobody", "--role", "editor")[0], run(app, "add-staff", "a@example.org", "--role", "king")[0]]

    assert codes == [2, 2]
    assert session.scalars(select(Member)).all() == []


def test_add_staff_makes_the_account_and_the_roles_once(app: Flask, session: Session) -> None:
    for _ in range(2):
        assert run(app, "add-staff", "Desk@example.org", "--name", "Olena", "--role", "editor", "--role", "counter")[0] == 0

    member = session.scalars(select(Member)).one()
    assert (member.email, member.display_name, sorted(role.role for role in member.roles)) == (
        "desk@example.org",
        "Olena",
        ["counter", "editor"],
    )
    assert [entry.act for entry in session.scalars(select(AuditEntry))] == ["role.granted", "role.granted"]


def test_a_staff_link_is_for_staff_only(app: Flask, session: Session) -> None:
    make_member(session, "reader@example.org")

    assert [run(app, "staff-link", email)[0] for email in ("nobody@example.org", "reader@example.org")] == [1, 1]
    assert session.scalars(select(StaffLink)).all() == []


def test_a_staff_link_is_printed_and_not_kept(app: Flask, session: Session) -> None:
    make_staff(session, email="staff@example.org")

    code, output = run(app, "staff-link", "staff@example.org")

    token = output.strip().rpartition("/")[2]
    assert (code, output.strip()) == (0, f"http://localhost/demo/staff/{token}")
    assert token.encode() not in session.scalars(select(StaffLink.token_hash)).one()


def test_outside_of_the_demo_there_is_no_way_in_without_a_passkey(make_settings: SettingsMaker, clock: FixedClock) -> None:
    for environment in (STAGING, PRODUCTION):
        app = create_app(make_settings(**environment), clock=clock)
        paths = [rule.rule for rule in app.url_map.iter_rules()]

        assert [path for path in paths if "demo" in path or "staff/<token>" in path] == []
        assert run(app, "staff-link", "staff@example.org") == (1, "Error: Staff links exist in the demo only.\n")
        app.extensions["kernel"].engine.dispose()
