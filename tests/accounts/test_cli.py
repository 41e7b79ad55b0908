"""Commands for staff, and what they refuse."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import Invitation, StaffLink
from membership.app import create_app
from membership.audit import AuditEntry
from membership.clock import FixedClock
from tests.conftest import NOW, SettingsMaker
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


def test_an_enrolment_link_refuses_what_is_no_address_or_no_role(app: Flask, session: Session) -> None:
    codes = [
        run(app, "invite", "nobody", "--role", "editor")[0],
        run(app, "invite", "a@example.org", "--role", "king")[0],
        run(app, "invite", "a@example.org")[0],
    ]

    assert codes == [2, 2, 1]
    assert session.scalars(select(Invitation)).all() == []


def test_an_enrolment_link_is_printed_and_not_kept(app: Flask, session: Session) -> None:
    code, output = run(app, "invite", "Desk@example.org", "--name", "Olena", "--role", "admin", "--role", "editor")

    token = output.splitlines()[0].rpartition("/")[2]
    invitation = session.scalars(select(Invitation)).one()
    assert (code, output.splitlines()) == (
        0,
        [
            f"http://localhost/staff/invitation/{token}",
            "It works once, for 30 minutes. Whoever opens it becomes Desk@example.org.",
        ],
    )
    assert (invitation.email, invitation.display_name, invitation.roles, invitation.expires_at - NOW) == (
        "desk@example.org",
        "Olena",
        ["admin", "editor"],
        timedelta(minutes=30),
    )
    assert token.encode() not in (invitation.token_hash or b"")
    assert [(entry.act, entry.actor_id) for entry in session.scalars(select(AuditEntry))] == [("enrolment_link.made", None)]


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
