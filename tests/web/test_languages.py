"""Open pages speak the language of their address, private ones the member's; nothing else decides."""

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.web.languages import current_language, path_in, speak
from tests.factories.accounts import make_member, sign_in


@pytest.mark.parametrize(
    ("path", "language"),
    [("/sign-in", "en"), ("/uk/sign-in", "uk")],
)
def test_an_open_page_speaks_the_language_of_its_address(client: FlaskClient, path: str, language: str) -> None:
    answer = client.get(path, headers={"Accept-Language": "uk, de;q=0.5"})

    assert f'<html lang="{language}">' in answer.text


@pytest.mark.parametrize("path", ["/en/sign-in", "/de/sign-in", "/uk/account/settings"])
def test_there_is_no_address_in_any_other_language(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_private_page_speaks_the_members_language(sample_app: Flask, client: FlaskClient, sample_session: Session) -> None:
    sign_in(sample_app, client, make_member(sample_session, language="uk").id)

    page = client.get("/account/settings").text

    assert '<html lang="uk">' in page
    assert 'href="/uk/votes"' in page


def test_a_members_language_does_not_change_an_open_page(sample_app: Flask, client: FlaskClient, sample_session: Session) -> None:
    sign_in(sample_app, client, make_member(sample_session, language="uk").id)

    assert '<html lang="en">' in client.get("/no-such-page").text


def test_links_keep_the_present_language_unless_told_otherwise(client: FlaskClient) -> None:
    with client.application.test_request_context("/"):
        spoken = []
        for language in ("en", "uk"):
            speak(language)
            english = url_for("sample_open.show_open", lang="en")
            spoken.append((current_language(), url_for("sample_open.show_open"), english, url_for("sample.form")))

    assert spoken == [
        ("en", "/sample-open", "/sample-open", "/sample/form"),
        ("uk", "/uk/sample-open", "/sample-open", "/sample/form"),
    ]


@pytest.mark.parametrize(
    ("path", "english", "ukrainian"),
    [
        ("/", "/", "/uk/"),
        ("/uk/", "/", "/uk/"),
        ("/votes/march", "/votes/march", "/uk/votes/march"),
        ("/uk/votes/march", "/votes/march", "/uk/votes/march"),
        ("/ukraine", "/ukraine", "/uk/ukraine"),
    ],
)
def test_the_same_page_in_the_other_language(sample_app: Flask, path: str, english: str, ukrainian: str) -> None:
    with sample_app.test_request_context(path):
        assert (path_in("en"), path_in("uk")) == (english, ukrainian)
