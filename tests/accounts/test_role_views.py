"""Roles and invitations in a browser: who may change them, what is refused, what happens to a session that is open."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts import staff_queries
from membership.accounts.duties import DUTIES, duties_by_role, roles_of
from membership.accounts.models import Invitation
from tests.accounts.conftest import new_browser
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.web.test_audience import AUDIENCES

STAFF_ROUTES = {endpoint for endpoint, audience in AUDIENCES.items() if audience.startswith("staff:")}
FORM = {"email": "new@example.org", "display_name": "Nadia", "language": "uk", "roles": ["editor", "counter"]}


def at_desk(app: Flask, session: Session, role: str, email: str = "staff@example.org") -> FlaskClient:
    client = new_browser(app)
    sign_in(app, client, make_staff(session, role, email=email).id)
    return client


def test_every_staff_route_is_one_duty_and_all_routes_of_a_duty_have_the_same_guard() -> None:
    listed = [endpoint for duty in DUTIES for endpoint in duty.endpoints]

    assert sorted(listed) == sorted(STAFF_ROUTES)
    assert [duty.words for duty in DUTIES if len({AUDIENCES[endpoint] for endpoint in duty.endpoints}) != 1] == []


def test_what_a_role_opens_is_what_the_guards_say() -> None:
    guards = {"a.one": "staff:any", "a.two": "staff:counter,editor", "a.three": "everyone"}

    assert roles_of(guards, ("a.one",)) == ("any",)
    assert roles_of(guards, ("a.two", "a.four")) == ("editor", "counter")
    assert duties_by_role({}) == {role: [] for role in ("any", "editor", "counter", "treasurer", "admin")}


@pytest.mark.parametrize("role", ["editor", "counter", "treasurer"])
def test_only_admins_change_anything(app: Flask, session: Session, role: str) -> None:
    client = at_desk(app, session, role)
    other = make_staff(session, email="other@example.org")

    page = client.get("/staff/roles").text
    answers = [
        client.get("/staff/invitations"),
        client.get(f"/staff/roles/{other.id}"),
        client.post("/staff/invitations", data=FORM),
        client.post("/staff/invitations/1/resend"),
        client.post("/staff/invitations/1/removal"),
        client.post(f"/staff/roles/{other.id}", data={"roles": "admin", "reason": "x"}),
        client.post(f"/staff/roles/{other.id}/leaving", data={"left_reason": "x"}),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert "Give and take roles" not in page
    assert "Invite somebody" not in page
    assert session.scalars(select(Invitation)).all() == []


def test_an_incomplete_invitation_comes_back_with_what_was_typed(app: Flask, session: Session) -> None:
    page = at_desk(app, session, "admin").post("/staff/invitations", data={"email": "nobody", "display_name": "Nadia"})

    said = ("Enter an e-mail address, such as", "Choose one role or more.", "Choose a language.")
    assert (page.status_code, [text in page.text for text in said]) == (422, [True] * 3)
    assert 'value="Nadia"' in page.text


def test_an_admin_invites_sends_again_and_takes_back(app: Flask, session: Session) -> None:
    client = at_desk(app, session, "admin")

    sent = client.post("/staff/invitations", data=FORM)
    twice = client.post("/staff/invitations", data=FORM)
    (invitation,) = staff_queries.open_invitations(session)
    session.commit()
    shown = client.get("/staff/invitations").text
    again = client.post(f"/staff/invitations/{invitation.id}/resend")
    back = client.post(f"/staff/invitations/{invitation.id}/removal")

    assert (sent.status_code, twice.status_code, again.status_code, back.status_code) == (303, 422, 303, 303)
    assert (invitation.email, invitation.roles, invitation.language) == ("new@example.org", ["counter", "editor"], "uk")
    assert "new@example.org" in shown
    assert "Nobody has an open invitation." in client.get("/staff/invitations").text


def test_changing_roles_wants_a_role_a_reason_and_another_admin(app: Flask, session: Session) -> None:
    admin = make_staff(session, "admin", email="boss@example.org")
    client = new_browser(app)
    sign_in(app, client, admin.id)
    path = f"/staff/roles/{admin.id}"

    nothing = client.post(path, data={"roles": [], "reason": ""})
    last = client.post(path, data={"roles": ["editor"], "reason": "Tired."})
    leaving = client.post(f"{path}/leaving", data={"left_reason": "Gone."})
    silent = client.post(f"{path}/leaving", data={"left_reason": ""})

    assert [page.status_code for page in (nothing, last, leaving, silent)] == [422] * 4
    assert "Choose one role or more, or say below" in nothing.text
    assert nothing.text.count("Kept for good in the list of who did what: no names, no addresses.") == 2
    assert "Say why" in nothing.text
    assert "Nobody else is an admin." in last.text
    assert "Tired." in last.text
    assert "Nobody else is an admin." in leaving.text
    assert client.get("/staff/audit").status_code == 200


def test_a_demoted_editor_loses_power_in_the_session_that_is_open(app: Flask, session: Session) -> None:
    boss = at_desk(app, session, "admin", email="boss@example.org")
    editor = make_staff(session, "editor", email="editor@example.org")
    client = new_browser(app)
    sign_in(app, client, editor.id)
    before = client.get("/staff/topics").status_code

    done = boss.post(f"/staff/roles/{editor.id}", data={"roles": ["treasurer"], "reason": "Moves to the books."})

    assert (before, done.status_code) == (200, 303)
    assert client.post("/staff/topics/new", data={"title": "Mine"}).location == "/staff/sign-in"
    sign_in(app, client, editor.id)
    assert (client.get("/staff/topics").status_code, client.get("/staff/people").status_code) == (403, 200)


def test_who_leaves_is_signed_out_and_no_longer_listed(app: Flask, session: Session) -> None:
    boss = at_desk(app, session, "admin", email="boss@example.org")
    editor = make_staff(session, "editor", email="editor@example.org")
    client = new_browser(app)
    sign_in(app, client, editor.id)

    done = boss.post(f"/staff/roles/{editor.id}/leaving", data={"left_reason": "Left in March."})

    assert (done.status_code, client.get("/staff").location) == (303, "/staff/sign-in?next=/staff")
    assert boss.get(f"/staff/roles/{editor.id}").status_code == 404
    assert boss.get(f"/staff/roles/{make_member(session).id}").status_code == 404
