"""Errors become pages that help and leak nothing."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from membership.app import create_app
from membership.clock import FixedClock
from tests.conftest import SettingsMaker
from tests.factories.accounts import SAME_ORIGIN

LEAKS = ("Traceback", "ZeroDivision", "secret@", "sqlalchemy", "werkzeug", "File &#34;", "psycopg")


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/no-such-page", 404, "There is no page here"),
        ("POST", "/healthz", 405, "h1"),
        ("GET", "/sample/broken", 500, "Something broke on our side"),
        ("GET", "/sample/refused/409", 409, "That has changed in the meantime"),
        ("GET", "/sample/refused/404", 404, "There is no page here"),
        ("GET", "/sample/refused/403", 403, "This page is not open to you"),
        ("GET", "/sample/refused/503", 503, "h1"),
    ],
)
def test_an_error_is_a_page_that_leaks_nothing(client: FlaskClient, method: str, path: str, status: int, words: str) -> None:
    client.application.config["TESTING"] = False
    answer = client.open(path, method=method, headers=SAME_ORIGIN)

    assert (answer.status_code, words in answer.text) == (status, True)
    assert [leak for leak in LEAKS if leak in answer.text] == []
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers.get("Retry-After") == ("30" if status == 503 else None)
    assert "/healthz" not in answer.text


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    assert set(client.post("/healthz", headers=SAME_ORIGIN).headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("kind", ["403", "404", "409", "503"])
def test_a_refusals_sentence_is_shown_as_text(client: FlaskClient, kind: str) -> None:
    assert "<p>A sentence &lt;for&gt; the reader.</p>" in client.get(f"/sample/refused/{kind}").text


def test_a_features_own_refusal_is_treated_as_its_kind(client: FlaskClient) -> None:
    answer = client.get("/sample/refused/late")

    assert (answer.status_code, "<p>You are too late, 100 %.</p>" in answer.text) == (409, True)


@pytest.fixture
def app_without_database(make_settings: SettingsMaker, clock: FixedClock) -> Flask:
    """An app whose PostgreSQL does not answer."""
    return create_app(make_settings(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing"), clock=clock)


def test_with_the_database_away_a_write_is_a_503_that_says_when_to_come_back(app_without_database: Flask) -> None:
    client = app_without_database.test_client()

    answer = client.post("/sign-in", data={"email": "reader@example.org"}, headers=SAME_ORIGIN)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert [leak for leak in LEAKS if leak in answer.text] == []


def test_with_the_database_away_the_process_is_alive_and_not_ready(app_without_database: Flask) -> None:
    client = app_without_database.test_client()

    alive, ready = client.get("/healthz"), client.get("/readyz")

    assert (alive.status_code, alive.json) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json and ready.json["database"]) == (503, False)
