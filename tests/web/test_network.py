"""The network that limits count by, told apart and never readable; over real HTTP whose address it is, and which host is ours."""

import http.client
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.app import create_app
from membership.clock import FixedClock
from membership.limits import LimitedAct, keyed
from membership.outbox import OutboxItem
from membership.web.network import network_hash
from tests.conftest import SettingsMaker
from tests.patronage.conftest import serving

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", "Host": "localhost"}
FORWARDED = [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=192.0.2.1")]


def post(app: Flask, path: str, body: str, *more: tuple[str, str]) -> tuple[int, str]:
    """Send a form over a socket, with headers that may stand there twice."""
    with serving(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.putrequest("POST", path, skip_host=True)
        for name, value in [*FORM.items(), ("Content-Length", str(len(body))), *more]:
            connection.putheader(name, value)
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.headers.get("Location", "")


def hash_of(app: Flask, address: str) -> bytes:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        return network_hash()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_network_is_the_neighbourhood_of_an_address(app: Flask) -> None:
    sites = [
        {hash_of(app, address) for address in neighbours}
        for neighbours in (
            ("2001:db8:1:2::7", "2001:db8:1:ffff::1"),
            ("2001:db8:2:2::7",),
            ("203.0.113.7", "203.0.113.250", "::ffff:203.0.113.7"),
            ("203.0.114.7",),
            ("fe80::1", "fe80::1%eth0"),
            ("no address", ""),
        )
    ]

    assert [len(site) for site in sites] == [1] * 6
    assert {len(found) for found in set().union(*sites)} == {32}
    assert len(set().union(*sites)) == 6


@pytest.fixture
def made(make_settings: SettingsMaker, clock: FixedClock, session: Session) -> Callable[..., Flask]:
    """Apps on the test's database, with some settings changed."""
    url = session.get_bind().engine.url.render_as_string(hide_password=False)
    return lambda **changes: create_app(make_settings(DATABASE_URL=url, **changes), clock=clock)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("hops", "network"), [("0", "127.0.0.0/24"), ("1", "203.0.113.0/24"), ("2", "198.51.100.0/24"), ("3", "127.0.0.0/24")]
)
def test_only_as_many_hops_as_are_ours_are_believed(made: Callable[..., Flask], session: Session, hops: str, network: str) -> None:
    app = made(TRUSTED_PROXY_HOPS=hops)

    status, _location = post(app, "/cancel", "email=a@example.org", *FORWARDED)
    app.extensions["kernel"].engine.dispose()

    counted = set(session.scalars(select(LimitedAct.who).where(LimitedAct.act == "cancel_mail")))
    assert status == 303
    assert keyed(app.config["SECRET_KEY"], "network", network) in counted
    assert len(counted) == 2


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_no_host_but_our_own_is_listened_to(made: Callable[..., Flask], session: Session) -> None:
    app = made(TRUSTED_PROXY_HOPS="1")
    evil = [("X-Forwarded-Host", "evil.example"), ("X-Host", "evil.example"), ("X-Original-URL", "/evil")]

    refused = [
        post(app, "/cancel", "email=a@example.org", ("Host", "evil.example")),  # a second one, behind the right one
        post(app, "http://evil.example/cancel", "email=a@example.org", ("Host", "evil.example")),
    ]
    client = app.test_client()
    refused += [
        (client.post("/cancel", data={"email": "a@example.org"}, headers=FORM | {"Host": host}).status_code, "")
        for host in ("evil.example", "localhost:80.evil.example", "localhost.", "localhost@evil.example", "127.0.0.1:99")
    ]
    session.commit()
    before = list(session.scalars(select(OutboxItem.kind)))
    taken = post(app, "/cancel", "email=a@example.org", *evil)
    app.extensions["kernel"].engine.dispose()

    assert {status for status, _location in refused} == {400}
    assert before == []
    assert taken == (303, "/cancel/sent")
