"""Browsers for the tests of credits: somebody without account, a reader, editors."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories.accounts import SAME_ORIGIN, make_member, make_staff, sign_in


def browser(app: Flask, member_id: int | None = None) -> FlaskClient:
    """Return a browser with cookies of its own that sends what browsers send, signed in as this member."""
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = SAME_ORIGIN["Sec-Fetch-Site"]
    if member_id is not None:
        sign_in(app, client, member_id)
    return client


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """Somebody who is not signed in."""
    return browser(app)


@pytest.fixture
def editor(app: Flask, session: Session) -> FlaskClient:
    """An editor at the desk."""
    return browser(app, make_staff(session, "editor", email="editor@example.org").id)


@pytest.fixture(params=["nobody", "reader", "counter", "treasurer"])
def outsider(request: pytest.FixtureRequest, app: Flask, session: Session) -> FlaskClient:
    """Somebody who may not touch promises."""
    if request.param == "nobody":
        return browser(app)
    if request.param == "reader":
        return browser(app, make_member(session).id)
    return browser(app, make_staff(session, request.param).id)
