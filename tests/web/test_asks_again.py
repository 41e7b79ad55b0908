"""Dangerous acts want a passkey that was shown a moment ago; what was typed waits while it is asked for."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts import services, staff_queries
from membership.app import create_app
from membership.audit import AuditEntry
from membership.clock import FixedClock
from tests.conftest import NOW, SettingsMaker
from tests.factories.accounts import SAME_ORIGIN, make_member, make_staff, sign_in
from tests.factories.addresses import mail_kinds
from tests.factories.authenticator import Authenticator
from tests.factories.passkeys import register, sign_in_with_passkey

ASKS_AGAIN = {
    "accounts_address.address",
    "passkeys.make_recovery_codes",
    "passkeys.new_passkey",
    "passkeys.remove_passkey",
    "patronage_staff.grant_time",
    "patronage_staff.refund",
    "patronage_staff.stop_support",
    "patronage_staff_address.change_address",
    "patronage_staff_money.close_stripe",
    "roles.change_roles",
    "roles.end_employment",
    "roles.invite",
    "roles.resend_invitation",
    "roles.revoke_invitation",
    "voting_staff.close_round",
    "voting_staff.confirm_voiding",
    "voting_staff.void_round",
    "voting_staff.withdraw_topic",
    "voting_count.open_box",
    "voting_count.publish",
    "voting_box.confirm_check",
}
LATER = NOW + timedelta(minutes=5, seconds=1)
METHODS = ("staff_link", "mail", "checkout", "enrolment", "passkey")
TYPED = {"email": "new@example.org", "display_name": "Nadia <&>", "language": "uk", "roles": ["editor", "counter"]}
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture
def device() -> Authenticator:
    return Authenticator()


@pytest.fixture
def admin(sample_app: Flask, sample_session: Session, device: Authenticator) -> FlaskClient:
    """An admin's browser, signed in by passkey at NOW."""
    member = make_staff(sample_session, "admin")
    register(sample_session, device, member.id)
    client = sample_app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = SAME_ORIGIN["Sec-Fetch-Site"]
    sign_in_with_passkey(client, device)
    return client


def test_these_acts_ask_again_and_none_of_them_takes_a_file(make_settings: SettingsMaker, clock: FixedClock) -> None:
    app = create_app(make_settings(), clock=clock)
    app.extensions["kernel"].engine.dispose()
    asking = {name: view for name, view in app.view_functions.items() if getattr(view, "asks_again", False)}

    assert set(asking) == ASKS_AGAIN
    assert [name for name, view in asking.items() if hasattr(view, "most_bytes")] == []
    assert {getattr(view, "audience", "").partition(":")[0] for view in asking.values()} == {"staff", "enrolling", "member"}


def test_staff_are_asked_before_their_own_address_changes_and_readers_are_not(
    admin: FlaskClient, clock: FixedClock, sample_app: Flask, sample_session: Session, device: Authenticator
) -> None:
    reader, mailed = sample_app.test_client(), sample_app.test_client()
    sign_in(sample_app, reader, make_member(sample_session).id)
    colleague = make_staff(sample_session, "editor", email="editor@example.org")
    with mailed.session_transaction(base_url=sample_app.extensions["kernel"].settings.site_url) as cookie:
        cookie["_user_id"] = services.start_session(sample_session, member_id=colleague.id, method="mail", now=NOW)
    clock.instant = LATER
    typed = {"email": "new@example.org"}

    asked = admin.post("/account/address", data=typed)
    asks_for_a_passkey = mailed.post("/account/address", data=typed, headers=SAME_ORIGIN)
    changes = reader.post("/account/address", data=typed, headers=SAME_ORIGIN)
    before = mail_kinds(sample_session)
    answer = device.get(admin.post("/staff/confirm/options").text)
    done = admin.post("/account/address", data=typed | {"passkey_answer": answer})

    assert (asked.status_code, 'name="email" value="new@example.org"' in asked.text) == (403, True)
    assert (asks_for_a_passkey.location, changes.location) == ("/staff/sign-in", "/account/address")
    asks = ["address_change_old", "address_change_new"]
    assert (done.status_code, before[-2:], mail_kinds(sample_session)[len(before) :]) == (303, asks, asks)


def test_within_five_minutes_nobody_is_asked(admin: FlaskClient, clock: FixedClock, sample_session: Session) -> None:
    clock.instant = NOW + timedelta(minutes=5)

    assert admin.post("/staff/invitations", data=TYPED).status_code == 303


def test_after_that_everything_typed_waits_and_goes_on_with_the_answer(
    admin: FlaskClient, clock: FixedClock, sample_session: Session, device: Authenticator
) -> None:
    clock.instant = LATER

    asked = admin.post("/staff/invitations?from=a&b=1", data=TYPED)
    kept = [(name, unescape(value)) for name, value in HIDDEN.findall(asked.text) if name != "passkey_answer"]
    done_so_far = staff_queries.open_invitations(sample_session)
    sample_session.commit()
    (action,) = re.findall(r'<form method="post" action="([^"]+)" novalidate data-passkey="get"', asked.text)
    answer = device.get(admin.post("/staff/confirm/options").text)
    done = admin.post(unescape(action), data={**as_lists(kept), "passkey_answer": answer})

    assert (asked.status_code, done_so_far, unescape(action)) == (403, [], "/staff/invitations?from=a&b=1")
    assert sorted(kept) == sorted(
        [("email", "new@example.org"), ("display_name", "Nadia <&>"), ("language", "uk"), ("roles", "editor"), ("roles", "counter")]
    )
    assert done.status_code == 303
    (sent,) = staff_queries.open_invitations(sample_session)
    assert (sent.display_name, sent.roles) == ("Nadia <&>", ["counter", "editor"])
    assert admin.post("/staff/invitations/1/removal").status_code == 303, "asked twice"


@pytest.mark.parametrize("spoil", [lambda _device, _options: "", lambda device, options: wrong(device, options)])
def test_a_worthless_answer_does_nothing_and_keeps_what_was_typed(
    admin: FlaskClient,
    clock: FixedClock,
    sample_session: Session,
    device: Authenticator,
    spoil: Callable[[Authenticator, str], str],
) -> None:
    clock.instant = LATER
    answer = spoil(device, admin.post("/staff/confirm/options").text)

    refused = admin.post("/staff/invitations", data=TYPED | {"passkey_answer": answer})
    sample_session.commit()  # or it would look at what was there before

    assert (refused.status_code, staff_queries.open_invitations(sample_session)) == (422, [])
    assert "There is a problem" in refused.text
    assert 'name="roles" value="counter"' in refused.text
    kept = sample_session.scalars(select(AuditEntry).where(AuditEntry.act == "refused")).one()
    assert (kept.subject_id, kept.details) == ("roles.invite", {"method": "POST", "status": 422})


def test_a_page_that_is_only_looked_at_is_gone_to_after_the_answer(
    admin: FlaskClient, clock: FixedClock, device: Authenticator
) -> None:
    clock.instant = LATER
    asked = admin.get("/staff/passkeys/new?a=1")
    none = admin.post("/staff/confirm", data={"next": "/staff/passkeys/new?a=1"})

    answer = device.get(admin.post("/staff/confirm/options").text)
    gone = admin.post("/staff/confirm", data={"next": "/staff/passkeys/new?a=1", "passkey_answer": answer})

    assert (asked.status_code, 'name="next" value="/staff/passkeys/new?a=1"' in asked.text) == (403, True)
    assert (none.status_code, 'value="/staff/passkeys/new?a=1"' in none.text) == (422, True)
    assert (gone.location, admin.get("/staff/passkeys/new").status_code) == ("/staff/passkeys/new?a=1", 200)


def test_after_confirming_nobody_is_led_off_our_site(admin: FlaskClient, device: Authenticator) -> None:
    answer = device.get(admin.post("/staff/confirm/options").text)

    gone = admin.post("/staff/confirm", data={"next": "https://evil.example/", "passkey_answer": answer})

    assert gone.location == "/staff"


def test_who_has_not_the_role_is_refused_before_being_asked(
    sample_app: Flask, sample_session: Session, device: Authenticator, clock: FixedClock
) -> None:
    editor = make_staff(sample_session, "editor")
    register(sample_session, device, editor.id)
    client = sample_app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = SAME_ORIGIN["Sec-Fetch-Site"]
    sign_in_with_passkey(client, device)
    clock.instant = LATER

    refused = client.post("/staff/invitations", data=TYPED)

    assert (refused.status_code, "Confirm with your passkey" in refused.text) == (403, False)


def test_in_the_demo_a_staff_link_is_not_asked(sample_app: Flask, sample_session: Session, clock: FixedClock) -> None:
    client = sample_app.test_client()
    sign_in(sample_app, client, make_staff(sample_session, "admin").id)
    clock.instant = LATER

    assert client.post("/staff/invitations", data=TYPED, headers=SAME_ORIGIN).status_code == 303


def as_lists(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    return {name: [value for other, value in pairs if other == name] for name, _value in pairs}


def wrong(device: Authenticator, options: str) -> str:
    device.verifies = False
    return device.get(options)


def test_outside_of_the_demo_nothing_but_a_passkey_opens_the_desk(
    make_settings: SettingsMaker, clock: FixedClock, sample_app: Flask, sample_session: Session
) -> None:
    member = make_staff(sample_session, "admin")
    https = {"SITE_URL": "https://news.example", "STRIPE_API_BASE": "", "MAIL_URL": "smtp://127.0.0.1:1"}
    for environment in ({"MEMBERSHIP_ENV": "staging"}, {"MEMBERSHIP_ENV": "production", "STRIPE_SECRET_KEY": "sk_live_x"}):
        app = create_app(make_settings(**https, **environment), clock=clock)
        opened = {method: staff_page(app, sample_session, member.id, method) for method in METHODS}
        app.extensions["kernel"].engine.dispose()

        assert opened == {"staff_link": 303, "mail": 403, "checkout": 403, "enrolment": 303, "passkey": 200}


def staff_page(app: Flask, session: Session, member_id: int, method: str) -> int:
    client = app.test_client()
    with client.session_transaction(base_url="https://news.example") as cookie:
        cookie["_user_id"] = services.start_session(session, member_id=member_id, method=method, now=NOW)
    return client.get("/staff/audit", base_url="https://news.example").status_code
