"""The treasurer's page of free seats."""

import html
import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from membership.db import transaction
from membership.patronage import services
from membership.patronage.models import FreeSeatRequest
from membership.patronage.services.seats import fill_pool
from tests.conftest import NOW, make_sessions
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.factories.patronage import give_seat
from tests.patronage.conftest import Browser, table


@pytest.fixture
def treasurer(app: Flask) -> Browser:
    """A treasurer's browser; two people wait, one of them a patron already."""
    with make_sessions(app.extensions["kernel"].engine)() as session:
        give_seat(session, make_member(session, "patron@example.org").id)
        for email in ("patron@example.org", "new@example.org"):
            services.request_free_seat(session, email=email, language="en", now=NOW)
        with transaction(session):
            fill_pool(session, months=2, reference="ch_1", now=NOW)
        staff = make_staff(session, "treasurer")
    browser = Browser(app.test_client(), "http://localhost")
    sign_in(app, browser.client, staff.id)
    return browser


def words(page: TestResponse) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def test_a_request_answered_by_somebody_else_meanwhile_is_said_and_stays_as_it_was(app: Flask, treasurer: Browser) -> None:
    ids = request_ids(app)
    treasurer.post(f"/staff/seats/{ids['new@example.org']}/declined")

    page = treasurer.get(treasurer.post(f"/staff/seats/{ids['new@example.org']}/granted").location)

    assert "This request was answered by somebody else, or it is gone." in words(page)
    assert decisions(app) == [("new@example.org", "declined"), ("patron@example.org", None)]
    assert treasurer.post(f"/staff/seats/{ids['patron@example.org']}/maybe").status_code == 404


def test_who_waits_is_granted_or_declined_with_one_question(app: Flask, treasurer: Browser) -> None:
    ids = request_ids(app)
    shown = words(treasurer.get("/staff/seats"))

    granted = treasurer.get(treasurer.post(f"/staff/seats/{ids['new@example.org']}/granted").location)
    declined = treasurer.get(treasurer.post(f"/staff/seats/{ids['patron@example.org']}/declined").location)

    assert "The pool holds 2 months." in shown
    assert "Is a patron already, until 11 April 2026" in shown
    assert "can’t be taken back" in shown
    assert "Granted. The mail is on its way." in words(granted)
    assert "Declined. The mail is on its way." in words(declined)
    assert "Nobody waits." in words(declined)
    assert decisions(app) == [("new@example.org", "granted"), ("patron@example.org", "declined")]


def request_ids(app: Flask) -> dict[str, int]:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        return dict(table(session, FreeSeatRequest, "email", "id"))


def decisions(app: Flask) -> list[tuple[object, ...]]:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        return table(session, FreeSeatRequest, "email", "decision")
