"""What every request must pass and every answer carries."""

from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from membership.app import create_app
from membership.clock import FixedClock
from membership.web.audience import everyone
from membership.web.security import MAX_BODY_BYTES, content_security_policy
from tests.conftest import SettingsMaker
from tests.web.conftest import LARGE_FILE, too_large

SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "Same-Origin"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "https://localhost"},
        {"Origin": "http://[localhost"},
        {"Referer": "http://localhost/"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_no_page_of_ours_sent_is_refused(client: FlaskClient, method: str, headers: dict[str, str]) -> None:
    assert client.open("/sample/form", method=method, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        SAME,
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Origin": "http://localhost"},
        {"Origin": "http://127.0.0.1"},
    ],
)
def test_what_our_own_pages_send_is_taken(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post("/sample/form", data={"a": "yes"}, headers=headers)

    assert (answer.status_code, answer.text) == (200, "yes")


def test_reading_needs_no_proof(client: FlaskClient) -> None:
    assert client.get("/sample/form", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_only_what_proves_itself_by_a_signature_is_exempt(make_settings: SettingsMaker, clock: FixedClock) -> None:
    app = create_app(make_settings(), clock=clock)
    exempt = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if getattr(app.view_functions[rule.endpoint], "audience", "").startswith("signed:")
    }

    app.extensions["kernel"].engine.dispose()

    assert exempt == {"webhooks.receive_event", "accounts_mails.mails_off"}


def test_a_signed_body_arrives_as_it_was_sent(client: FlaskClient) -> None:
    body = b"a=%00&b=\xd0\xb6"

    answer = client.post("/sample/webhook", data=body, content_type="application/x-www-form-urlencoded")

    assert (answer.status_code, answer.data) == (200, body)


@pytest.mark.parametrize("host", ["evil.example", "localhost:8000", "localhost.evil.example", "127.0.0.2", "", "[::1]"])
def test_another_host_is_refused_and_its_name_not_repeated(client: FlaskClient, host: str) -> None:
    answer = client.get("/sample/form", headers={"Host": host})

    assert answer.status_code == 400
    assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "\x7f", "\x85"])
def test_control_characters_are_a_clean_refusal(client: FlaskClient, text: str) -> None:
    answers = [
        client.get("/sample/form", query_string={"q": text}),
        client.get("/sample/form", query_string={text: "q"}),
        client.get(f"/sample/word/{text}"),
        client.post("/sample/form", data={"q": text}, headers=SAME),
        client.post("/sample/form", data={text: "q"}, headers=SAME),
        client.post("/sample/form", data={"q": text}, headers=SAME, content_type="multipart/form-data"),
    ]

    assert [answer.status_code for answer in answers] == [400] * 6


BROKEN = [b"\xff", b"a\xed\xa0\x80", b"\xc0\xaf", b"\xd0"]


@pytest.mark.parametrize("sent", BROKEN)
def test_surrogates_and_broken_encodings_never_reach_a_view_as_such(client: FlaskClient, sent: bytes) -> None:
    encoded = quote(sent)
    part = b'--edge\r\nContent-Disposition: form-data; name="q"\r\n\r\n' + sent + b"\r\n--edge--\r\n"
    form = {"headers": SAME, "content_type": "application/x-www-form-urlencoded"}
    answers = [
        client.get(f"/sample/form?q={encoded}"),
        client.get(f"/sample/form?{encoded}=q"),
        client.get("/", environ_overrides={"PATH_INFO": "/sample/form", "QUERY_STRING": "q=" + sent.decode("latin-1")}),
        client.get("/", environ_overrides={"PATH_INFO": "/sample/word/" + sent.decode("latin-1")}),
        client.post("/sample/form", data=b"q=" + encoded.encode(), **form),
        client.post("/sample/form", data=b"q=" + sent, **form),
        client.post("/sample/form", data=part, headers=SAME, content_type="multipart/form-data; boundary=edge"),
    ]

    assert [answer.status_code for answer in answers] == [400] * 7


@pytest.mark.parametrize("sent", BROKEN)
def test_a_cookie_that_cannot_be_read_is_nobodys(client: FlaskClient, sent: bytes) -> None:
    cookie = "; ".join(f"{name}={sent.decode('latin-1')}" for name in ("session", "browser", "m"))

    answers = [client.get(path, environ_overrides={"HTTP_COOKIE": cookie}) for path in ("/sample/members", "/sign-in")]

    assert [answer.status_code for answer in answers] == [303, 200]


def test_line_breaks_and_every_script_are_welcome(client: FlaskClient) -> None:
    text = "Перший рядок\r\n\tsecond: 日本語 👩‍👩‍👧"

    assert client.post("/sample/form", data={"q": text}, headers=SAME).text == text


@pytest.mark.parametrize(("number", "status"), [(2**63 - 1, 200), (2**63, 400), (10**40, 400)])
def test_a_number_past_63_bits_is_a_clean_refusal(client: FlaskClient, number: int, status: int) -> None:
    assert client.get(f"/sample/number/{number}").status_code == status


def test_a_number_that_no_column_holds_is_a_clean_refusal_on_both_databases(app: Flask) -> None:
    app.add_url_rule("/too-large", "too_large", everyone(too_large))

    assert app.test_client().get("/too-large").status_code == 400


def test_a_body_past_the_limit_is_refused(client: FlaskClient) -> None:
    answer = client.post("/sample/form", data={"q": "x" * MAX_BODY_BYTES}, headers=SAME)

    assert answer.status_code == 413


def test_only_a_page_that_takes_a_file_takes_a_large_one(client: FlaskClient) -> None:
    def send(path: str, size: int, *, field: int = 1) -> int:
        # Written by hand: the test client leaves a file open for what is large.
        parts = ("a" * field, 'name="q"'), ("x" * size, 'name="file"; filename="list.csv"')
        body = (
            "".join(f"--edge\r\nContent-Disposition: form-data; {name}\r\n\r\n{part}\r\n" for part, name in parts) + "--edge--\r\n"
        )
        return client.post(path, data=body, content_type="multipart/form-data; boundary=edge", headers=SAME).status_code

    assert (send("/sample/file", LARGE_FILE), send("/sample/file", LARGE_FILE + MAX_BODY_BYTES)) == (200, 413)
    assert send("/sample/form", LARGE_FILE) == 413
    assert send("/sample/file", 1, field=MAX_BODY_BYTES + 1) == 413


@pytest.mark.parametrize("path", ["/sample/form", "/no-such-page", "/sample/broken", "/healthz"])
def test_every_answer_is_dressed(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers

    assert {name: headers.get(name) for name in EXPECTED} == EXPECTED


EXPECTED = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; form-action 'self' http://127.0.0.1:1"
    ),
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), "
        "gyroscope=(), hid=(), idle-detection=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), "
        "screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=(), "
        "publickey-credentials-create=(self), publickey-credentials-get=(self)"
    ),
    "Server": "web",
    "Strict-Transport-Security": None,
    "Cache-Control": "private, no-store",
}


def test_with_real_stripe_forms_may_lead_to_its_two_hosts(make_settings: SettingsMaker) -> None:
    policy = content_security_policy(make_settings(STRIPE_API_BASE=""))

    assert policy.endswith("form-action 'self' https://checkout.stripe.com https://billing.stripe.com https://invoice.stripe.com")


def test_over_https_cookies_are_bound_to_the_host_and_the_browser_stays_on_https(
    make_settings: SettingsMaker, clock: FixedClock
) -> None:
    settings = make_settings(MEMBERSHIP_ENV="staging", SITE_URL="https://news.example", MAIL_URL="smtp://localhost")
    app = create_app(settings, clock=clock)
    answer = app.test_client().get("/healthz", base_url="https://news.example")
    config = {name: value for name, value in app.config.items() if name.startswith("SESSION_COOKIE")}
    app.extensions["kernel"].engine.dispose()

    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    assert answer.headers["Content-Security-Policy"].endswith("; upgrade-insecure-requests")
    assert config == {
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_DOMAIN": None,
        "SESSION_COOKIE_PATH": "/",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_PARTITIONED": False,
        "SESSION_COOKIE_SAMESITE": "Lax",
    }
