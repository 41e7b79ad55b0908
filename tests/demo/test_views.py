"""The demo's mailbox, and its staff's way in."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.accounts import services
from membership.clock import FixedClock
from membership.mail import compose, transport_for
from tests.conftest import NOW
from tests.factories.accounts import SAME_ORIGIN, make_staff


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that sends what browsers send."""
    made = app.test_client()
    made.environ_base["HTTP_SEC_FETCH_SITE"] = SAME_ORIGIN["Sec-Fetch-Site"]
    return made


def put_mail(app: Flask, subject: str, text: str, *, minutes: int = 0) -> None:
    message = compose(
        sender="desk@gazette.example",
        to="reader@example.org",
        subject=subject,
        text=text,
        message_id="<1@localhost>",
        sent_at=NOW + timedelta(minutes=minutes),
    )
    transport_for(app.extensions["kernel"].settings.mail_url)(message)


def test_an_empty_mailbox_says_what_to_do(client: FlaskClient) -> None:
    page = client.get("/demo/mailbox")

    assert (page.status_code, "No mails yet" in page.text) == (200, True)


def test_the_newest_mail_comes_first_and_only_our_own_addresses_are_links(app: Flask, client: FlaskClient) -> None:
    put_mail(app, "Older", "See http://localhost/votes and http://evil.example/ and http://localhost.evil.example/ <b>")
    put_mail(app, "Ваш голос", "Новіший", minutes=1)

    page = client.get("/demo/mailbox").text

    assert page.index("Ваш голос") < page.index("Older")
    assert '<a href="http://localhost/votes">http://localhost/votes</a>' in page
    assert 'href="http://evil' not in page
    assert 'href="http://localhost.evil' not in page
    assert "&lt;b&gt;" in page
    assert "Sunday 22 March 2026, 14:01 in Kyiv" in page


def test_looking_at_a_staff_link_uses_nothing_up_and_its_button_signs_in_once(
    app: Flask,
    client: FlaskClient,
    session: Session,
) -> None:
    token = services.make_staff_link(session, member_id=make_staff(session, "counter").id, now=NOW)
    path = f"/demo/staff/{token}"

    seen = [client.get(path).status_code for _ in range(2)]
    done = client.post(path)
    again = [client.open(path, method=method).status_code for method in ("GET", "POST")]

    assert seen == [200, 200]
    assert (done.status_code, done.location) == (303, "/staff")
    assert again == [410, 410]
    assert client.get("/staff").status_code == 200


@pytest.mark.parametrize("passed", [timedelta(hours=24), timedelta(days=3)])
def test_an_old_staff_link_opens_nothing(client: FlaskClient, session: Session, clock: FixedClock, passed: timedelta) -> None:
    token = services.make_staff_link(session, member_id=make_staff(session).id, now=NOW)
    clock.instant += passed

    assert client.post(f"/demo/staff/{token}").status_code == 410
    assert client.get("/staff").status_code == 303


def test_the_desk_says_that_nobody_proved_anything_here(app: Flask, client: FlaskClient, session: Session) -> None:
    token = services.make_staff_link(session, member_id=make_staff(session).id, now=NOW)
    client.post(f"/demo/staff/{token}")

    assert "signed in by a link, no passkey" in client.get("/staff").text
