"""The pages of passkeys in a browser: signing in, adding, removing, recovering, accepting an invitation."""

import re
from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.accounts import services, staff_queries
from membership.clock import FixedClock
from tests.accounts.conftest import Mail, new_browser
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.factories.authenticator import Authenticator
from tests.factories.passkeys import register, sign_in_with_passkey

CODE = re.compile(r"<code>([0-9a-z-]{19})</code>")


def signed_in(app: Flask, session: Session, *roles: str) -> tuple[FlaskClient, Authenticator, int]:
    """A browser of somebody new on the staff, signed in with their passkey."""
    staff, device, client = make_staff(session, *roles), Authenticator(), new_browser(app)
    register(session, device, staff.id)
    sign_in_with_passkey(client, device)
    return client, device, staff.id


def add_passkey(client: FlaskClient, device: Authenticator, name: str) -> int:
    options = client.post("/staff/passkeys/new/options").text
    return client.post("/staff/passkeys/new", data={"passkey_answer": device.create(options), "name": name}).status_code


def test_the_sign_in_page_asks_for_no_address_and_leads_members_away(client: FlaskClient) -> None:
    page = client.get("/staff/sign-in")

    assert (page.status_code, page.text.count('type="email"')) == (200, 0)
    assert '<noscript><p class="notice notice-warning">Passkeys need JavaScript' in page.text
    assert 'href="/sign-in"' in page.text
    assert 'href="/staff/recover"' in page.text


def test_without_its_script_and_with_a_worthless_answer_the_page_says_what_is_wrong(client: FlaskClient) -> None:
    said = [client.post("/staff/sign-in", data={"passkey_answer": answer, "next": "/staff/votes"}) for answer in ("", "{}")]

    assert [page.status_code for page in said] == [422, 422]
    assert "This page needs JavaScript; try another browser." in said[0].text
    assert "answer could not be read" in said[1].text
    assert all('value="/staff/votes"' in page.text and "<title>Error:" in page.text for page in said)


def test_a_passkey_leads_to_where_somebody_was_going_and_nowhere_else(app: Flask, session: Session) -> None:
    staff, device = make_staff(session, "counter"), Authenticator()
    register(session, device, staff.id)
    client = new_browser(app)

    led = client.get("/staff/figures").location
    options = client.post("/staff/sign-in/options").text
    form = {"passkey_answer": device.get(options), "next": "https://evil.example/"}
    done = client.post("/staff/sign-in", data=form)

    assert (led, done.location) == ("/staff/sign-in?next=/staff/figures", "/staff")
    assert client.get("/staff").status_code == 200
    assert client.get("/staff/sign-in?next=/staff/figures").location == "/staff/figures"


def test_options_are_given_to_our_own_pages_only(app: Flask) -> None:
    stranger = app.test_client()

    assert stranger.post("/staff/sign-in/options", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert new_browser(app).post("/staff/passkeys/new/options").location == "/staff/sign-in"
    assert new_browser(app).post("/staff/invitation/unknown/options").json == {
        "problem": "This invitation was used, taken back, or has run out. Ask whoever invited you for a new one."
    }


def test_a_second_passkey_is_added_renamed_and_the_first_removed(
    app: Flask, session: Session, clock: FixedClock, mails: Callable[[], list[Mail]]
) -> None:
    client, _device, member_id = signed_in(app, session)
    assert "Add a second one on another device" in client.get("/staff/passkeys").text

    added = add_passkey(client, Authenticator(), "key")
    session.commit()  # on SQLite an open read would not see what the app has written
    first, second = staff_queries.passkeys_of(session, member_id)
    renamed = client.post(f"/staff/passkeys/{second.id}/name", data={"name": "blue key"})
    removed = client.post(f"/staff/passkeys/{first.id}/removal")
    last = client.post(f"/staff/passkeys/{second.id}/removal")

    page = client.get("/staff/passkeys").text
    assert (added, renamed.status_code, removed.status_code, last.status_code) == (303, 303, 303, 409)
    assert "blue key" in page
    assert "phone" not in page.partition("Recovery codes")[0]
    assert sorted(mail.subject for mail in mails() if "passkey" in mail.subject) == [
        "A passkey was added to your account",
        "A passkey was added to your account",
        "A passkey was removed from your account",
    ]


def test_a_passkey_without_a_name_is_asked_for_one(app: Flask, session: Session) -> None:
    client, _device, _member_id = signed_in(app, session)

    page = client.post("/staff/passkeys/new", data={"passkey_answer": "", "name": " "})

    assert (page.status_code, "Give it a name" in page.text, "needs JavaScript; try" in page.text) == (422, True, False)


def test_a_recovery_code_opens_the_page_that_adds_a_passkey_and_nothing_else(
    app: Flask, session: Session, clock: FixedClock, mails: Callable[[], list[Mail]]
) -> None:
    client, _device, _member_id = signed_in(app, session, "admin")
    codes = CODE.findall(client.post("/staff/passkeys/recovery-codes").text)
    assert len(codes) == 10
    assert "10 codes are left" in client.get("/staff/passkeys").text
    clock.instant = NOW + timedelta(hours=13)
    lost = new_browser(app)

    wrong = lost.post("/staff/recover", data={"address": "staff@example.org", "code": "wrong"})
    right = lost.post("/staff/recover", data={"address": "staff@example.org", "code": codes[3]})

    assert (wrong.status_code, right.location) == (422, "/staff/passkeys/new")
    closed = ("/staff", "/staff/passkeys", "/staff/audit", "/account", "/account/settings", "/account/devices")
    assert {lost.get(path).status_code for path in closed} == {303}
    assert lost.get("/staff/passkeys/new").status_code == 200
    assert add_passkey(lost, Authenticator(), "new phone") == 303
    assert lost.get("/staff/audit").status_code == 200
    assert "9 codes are left" in lost.get("/staff/passkeys").text
    assert "One of your recovery codes was used" in [mail.subject for mail in mails()]


def test_enrolment_ends_after_half_an_hour(app: Flask, session: Session, clock: FixedClock) -> None:
    staff, client = make_staff(session), new_browser(app)
    code = services.make_recovery_codes(session, member_id=staff.id, now=NOW)[0]
    client.post("/staff/recover", data={"address": "staff@example.org", "code": code})

    clock.instant = NOW + timedelta(minutes=30)

    assert client.get("/staff/passkeys/new").location == "/staff/sign-in?next=/staff/passkeys/new"


def test_too_many_codes_say_when_to_try_again(app: Flask, session: Session) -> None:
    client, form = new_browser(app), {"address": "staff@example.org", "code": "wrong"}
    for _ in range(20):
        client.post("/staff/recover", data=form)

    page = client.post("/staff/recover", data=form)

    assert (page.status_code, page.headers["Retry-After"]) == (429, "3600")
    assert "Too many codes were tried." in page.text
    assert 'value="staff@example.org"' in page.text


def test_looking_at_an_invitation_uses_nothing_up_and_a_passkey_accepts_it(
    app: Flask, session: Session, mails: Callable[[], list[Mail]]
) -> None:
    admin, device = make_staff(session, "admin"), Authenticator()
    services.change_settings(session, member_id=admin.id, display_name="Olena", language="en")
    services.invite(
        session, email="new@example.org", display_name="Nadia", language="en", roles=["counter"], invited_by=admin.id, now=NOW
    )
    (link,) = [re.findall(r"http://localhost(/staff/invitation/\S+)", mail.text)[0] for mail in mails()]
    client = new_browser(app)

    looked = [client.get(link) for _ in range(2)]
    made = device.create(client.post(f"{link}/options").text)
    empty = client.post(link, data={"passkey_answer": "", "name": "my phone"})
    done = client.post(link, data={"passkey_answer": made, "name": "my phone"})

    assert [page.status_code for page in looked] == [200, 200]
    assert "Olena invites you" in looked[0].text
    assert "counter" in looked[0].text
    assert (empty.status_code, done.location) == (422, "/staff/passkeys")
    assert "my phone" in client.get("/staff/passkeys").text
    assert client.get(link).status_code == 410
    assert client.post(link, data={"passkey_answer": made, "name": "x"}).status_code == 410


def test_members_without_a_role_see_none_of_it(app: Flask, session: Session) -> None:
    reader, client = make_member(session), new_browser(app)
    sign_in(app, client, reader.id)

    assert client.get("/staff/passkeys").status_code == 403
    assert client.get("/staff/passkeys/new").location == "/staff/sign-in?next=/staff/passkeys/new"
    assert client.get("/staff/sign-in").status_code == 200


def test_staff_are_told_of_a_link_from_the_server_and_where_they_sign_in(
    app: Flask, session: Session, mails: Callable[[], list[Mail]]
) -> None:
    staff = make_staff(session)
    services.make_enrolment_link(session, email=staff.email or "", display_name="", language="en", roles=(), now=NOW)
    new_browser(app).post("/sign-in", data={"email": staff.email or ""})

    told = {mail.subject: mail.text for mail in mails()}

    assert sorted(told) == ["A new way into your account was made", "Staff sign in differently"]
    assert "http://localhost/staff/sign-in" in told["Staff sign in differently"]
