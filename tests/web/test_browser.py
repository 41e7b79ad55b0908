"""What is kept in a browser: an id of its own that scripts can't read, and a hint that tells nothing."""

import hashlib
from datetime import timedelta

import pytest
from flask import Flask, make_response
from flask.testing import FlaskClient

from membership.app import create_app
from membership.clock import FixedClock
from membership.web import browser
from tests.conftest import SettingsMaker


def show_hash() -> str:
    return browser.browser_hash().hex() + browser.browser_hash().hex()


def sign_out() -> str:
    browser.sign_out_browser()
    return (browser.find_browser_hash() or b"none").hex()


def show_known_hash() -> str:
    return (browser.find_browser_hash() or b"none").hex()


@pytest.fixture
def browsing(sample_app: Flask) -> FlaskClient:
    """A browser before views that ask for its id."""
    sample_app.add_url_rule("/hash", "hash", show_hash)
    sample_app.add_url_rule("/known-hash", "known_hash", show_known_hash)
    sample_app.add_url_rule("/out", "out", sign_out)
    return sample_app.test_client()


def test_a_browser_gets_an_id_once_and_only_where_one_is_needed(browsing: FlaskClient) -> None:
    before = browsing.get("/known-hash")
    first = browsing.get("/hash")
    second = browsing.get("/hash")
    cookie = browsing.get_cookie("browser")
    assert cookie is not None

    assert (before.data, "Set-Cookie" in before.headers) == (b"none".hex().encode(), False)
    assert first.text == second.text == hashlib.sha256(cookie.value.encode()).hexdigest() * 2
    assert len(first.headers.getlist("Set-Cookie")) == 1
    assert "Set-Cookie" not in second.headers
    assert (cookie.http_only, cookie.same_site, cookie.path, cookie.max_age) == (True, "Lax", "/", 30 * 86_400)


@pytest.mark.parametrize("value", ["", "short", "x" * 44, "ж" * 43, "x" * 42 + "="])
def test_an_id_that_we_did_not_make_is_replaced(browsing: FlaskClient, value: str) -> None:
    browsing.set_cookie("browser", value)

    known = browsing.get("/known-hash").text
    browsing.get("/hash")
    cookie = browsing.get_cookie("browser")

    assert known == b"none".hex()
    assert cookie is not None
    assert cookie.value != value


def test_signing_out_makes_it_another_browser(browsing: FlaskClient) -> None:
    """Who comes next to a shared computer must not be taken for who left it."""
    stranger = browsing.get("/out")
    before = browsing.get("/hash").text
    out = browsing.get("/out").text
    after = browsing.get("/known-hash").text

    assert (stranger.text, "browser=" in str(stranger.headers)) == (b"none".hex(), False)
    assert before != after * 2
    assert out == after != b"none".hex()


def test_over_https_the_cookies_are_secure(make_settings: SettingsMaker, clock: FixedClock) -> None:
    settings = make_settings(MEMBERSHIP_ENV="staging", SITE_URL="https://news.example", MAIL_URL="smtp://localhost")
    app = create_app(settings, clock=clock)

    @app.get("/cookies")
    def cookies() -> object:
        browser.browser_hash()
        response = make_response("")
        browser.hint_cookie(response, on=True, lifetime=timedelta(hours=1))
        return response

    given = app.test_client().get("/cookies", base_url="https://news.example").headers.getlist("Set-Cookie")
    app.extensions["kernel"].engine.dispose()

    traits = sorted(sorted(part for part in cookie.split("; ")[1:] if not part.startswith("Expires")) for cookie in given)
    assert traits == [
        ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Lax", "Secure"],
        ["Max-Age=3600", "Path=/", "SameSite=Lax", "Secure"],
    ]
    assert sorted(cookie.partition("=")[0] for cookie in given) == ["__Host-browser", "m"]
