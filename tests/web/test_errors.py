"""Errors become pages that help and leak nothing."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from membership.app import create_app
from membership.clock import FixedClock
from membership.web.clean_requests import MOST_ADDRESS_BYTES, MOST_HEADER_BYTES
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


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/no-such-page", {}, 404),
        ("DELETE", "/votes", {}, 405),
        ("GET", "/votes", {"HTTP_X_LONG": "b" * MOST_HEADER_BYTES}, 431),
        ("GET", "/votes", {"QUERY_STRING": "a" * (MOST_ADDRESS_BYTES + 1)}, 414),
        ("GET", "/votes", {"QUERY_STRING": "q=%00"}, 400),
        ("GET", "/votes", {"HTTP_HOST": "evil.example"}, 400),
        ("POST", "/votes/march/ballot", {"CONTENT_LENGTH": "99999999"}, 413),
        ("POST", "/votes/march/ballot", {"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
    ],
)
def test_an_error_speaks_the_language_of_its_address(
    client: FlaskClient, method: str, path: str, sent: dict[str, str], status: int
) -> None:
    english, ukrainian = (
        client.open(prefix + path, method=method, headers=SAME_ORIGIN, environ_overrides=sent) for prefix in ("", "/uk")
    )

    assert (english.status_code, ukrainian.status_code) == (status, status)
    assert ('<html lang="en">' in english.text, '<html lang="uk">' in ukrainian.text) == (True, True)
    assert [leak for leak in LEAKS if leak in english.text + ukrainian.text] == []


@pytest.mark.parametrize(
    ("wait", "again", "seconds"),
    [
        (timedelta(minutes=35), "Try again after 14:35 in Kyiv.", "2100"),
        (timedelta(minutes=35, seconds=1), "Try again after 14:36 in Kyiv.", "2101"),
        (timedelta(hours=11), "Try again after Monday 23 March 2026, 01:00 in Kyiv.", "39600"),
        (timedelta(seconds=-5), "Try again after 14:00 in Kyiv.", "1"),
    ],
)
def test_who_did_something_too_often_hears_when_to_try_again(
    client: FlaskClient, wait: timedelta, again: str, seconds: str
) -> None:
    answer = client.get(f"/sample/often/{int(wait.total_seconds())}")

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, seconds)
    assert f"<p>A sentence &lt;for&gt; the reader. {again}</p>" in answer.text


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


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/sign-in", 503),
        ("POST", "/sign-in", 503),
        ("GET", "/account", 503),
        ("GET", "/staff", 503),
        ("GET", "/uk/votes", 503),
        ("POST", "/support", 503),
        ("POST", "/cancel", 503),
        ("POST", "/votes/march/ballot", 503),
        ("GET", "/articles/a-story", 503),
        ("GET", "/no-such-page", 404),
        ("POST", "/stripe/webhook", 400),
    ],
)
def test_with_the_database_away_every_page_says_so_in_a_friendly_way(
    app_without_database: Flask, method: str, path: str, status: int
) -> None:
    client = app_without_database.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "a-session-of-somebody"

    answer = client.open(path, method=method, data={"email": "a@example.org"} if method == "POST" else None, headers=SAME_ORIGIN)

    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, "30" if status == 503 else None)
    assert [leak for leak in LEAKS if leak in answer.text] == []
    assert status != 503 or answer.text.count("<h1>") == 1


def test_with_the_database_away_a_stranger_sees_what_needs_none(app_without_database: Flask) -> None:
    client = app_without_database.test_client()

    assert [client.get(path).status_code for path in ("/sign-in", "/votes/who-can-see-what", "/robots.txt")] == [200, 200, 200]


def test_with_the_database_away_the_process_is_alive_and_not_ready(app_without_database: Flask) -> None:
    client = app_without_database.test_client()

    alive, ready = client.get("/healthz"), client.get("/readyz")

    assert (alive.status_code, alive.json) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json and ready.json["database"]) == (503, False)
