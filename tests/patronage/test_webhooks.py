"""The webhook's door: what is refused leaves no trace, what is kept is kept once, and the site goes on serving."""

import hashlib
import hmac
import json
import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from membership.patronage import webhooks
from membership.patronage.gateway import Gateway
from membership.patronage.models import StripeEvent
from tests.conftest import NOW, SettingsMaker, make_sessions
from tests.patronage.conftest import ON_SQLITE, table

AT = int(NOW.timestamp())


def an_event(**fields: Any) -> bytes:
    event = {
        "id": "evt_1",
        "object": "event",
        "type": "invoice.paid",
        "created": AT,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": {"id": "in_1", "object": "invoice", "customer_name": "Olena", "subscription": "sub_1"}},
    }
    return json.dumps(event | fields).encode()


def header_of(raw: bytes, secret: str = "whsec_test", at: int = AT) -> str:
    return f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + raw, hashlib.sha256).hexdigest()}"


def send(client: FlaskClient, raw: bytes, header: str | None) -> TestResponse:
    headers = {} if header is None else {"Stripe-Signature": header}
    return client.post("/stripe/webhook", data=raw, headers=headers, content_type="application/json")


def kept(app: Flask, *columns: str) -> list[tuple[Any, ...]]:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        return table(session, StripeEvent, *(columns or ("stripe_id",)))


RAW = an_event()


@ON_SQLITE
@pytest.mark.parametrize(
    ("raw", "header"),
    [
        pytest.param(RAW, None, id="no signature"),
        pytest.param(RAW, "", id="an empty one"),
        pytest.param(RAW, header_of(RAW, "whsec_other"), id="another secret"),
        pytest.param(RAW + b" ", header_of(RAW), id="a changed body"),
        pytest.param(RAW, header_of(RAW, at=AT - 301), id="stale"),
        pytest.param(RAW, header_of(RAW, at=AT + 301), id="from the future"),
        pytest.param(RAW, f"t={AT},v1=\xe9\xff", id="not ASCII"),
        pytest.param(RAW, f"t={'9' * 5000},v1=00", id="5,000 digits"),
        pytest.param(b"[]", header_of(b"[]"), id="a signed list"),
        pytest.param(b"[" * 10_000, header_of(b"[" * 10_000), id="signed and nested 10,000 deep"),
        pytest.param(b"\xff\xfe", header_of(b"\xff\xfe"), id="signed and not UTF-8"),
        pytest.param(b"{}", header_of(b"{}"), id="signed and empty"),
    ],
)
def test_what_stripe_did_not_send_is_refused_and_leaves_nothing(app: Flask, raw: bytes, header: str | None) -> None:
    answer = send(app.test_client(), raw, header)

    assert (answer.status_code, answer.data, "Set-Cookie" in answer.headers) == (400, b"", False)
    assert kept(app) == []


def test_a_refused_event_leaves_nothing_in_either_database(app: Flask) -> None:
    answers = [send(app.test_client(), RAW, header).status_code for header in (None, header_of(RAW, "whsec_other"))]

    assert answers == [400, 400]
    assert kept(app) == []


def test_a_body_past_the_limit_is_refused_unread(app: Flask) -> None:
    raw = an_event(more="x" * 300_000)

    assert send(app.test_client(), raw, header_of(raw)).status_code == 413
    assert kept(app) == []


def test_an_unknown_type_is_kept_and_nothing_is_done(app: Flask) -> None:
    raw = an_event(type="treasury.moon_landed")

    assert send(app.test_client(), raw, header_of(raw)).status_code == 200
    assert kept(app, "stripe_id", "type", "state") == [("evt_1", "treasury.moon_landed", "ignored")]


def test_an_event_of_the_other_mode_is_kept_and_nothing_is_done(app: Flask) -> None:
    raw = an_event(livemode=True)

    assert send(app.test_client(), raw, header_of(raw)).status_code == 200
    assert kept(app, "stripe_id", "livemode", "state") == [("evt_1", True, "ignored")]


def test_an_event_is_kept_with_the_listed_fields_alone_while_stripe_is_down(app: Flask) -> None:
    answers = [send(app.test_client(), RAW, header_of(RAW)).status_code for _ in range(2)]

    columns = ("stripe_id", "type", "created_at", "received_at", "livemode", "api_version", "object_type", "object_id")
    assert answers == [200, 200]
    assert kept(app, *columns) == [("evt_1", "invoice.paid", NOW, NOW, False, "2026-10-28.endive", "invoice", "in_1")]
    assert kept(app, "subscription_id", "charge_id", "state", "tries", "last_error") == [("sub_1", None, "new", 2, "Unavailable")]
    with make_sessions(app.extensions["kernel"].engine)() as session:
        row = session.execute(select(StripeEvent.__table__)).one()
        assert "Olena" not in repr(row)


def test_an_invoice_of_no_subscription_is_nobodys(app: Flask) -> None:
    raw = an_event(data={"object": {"id": "in_1", "object": "invoice"}})

    assert send(app.test_client(), raw, header_of(raw)).status_code == 200
    assert kept(app, "state", "last_error") == [("ignored", "not ours")]


def test_both_secrets_of_a_rotation_are_accepted(make_settings: SettingsMaker) -> None:
    gateway = Gateway(make_settings(STRIPE_WEBHOOK_SECRET="whsec_new, whsec_old"))

    parsed = [gateway.parse_event(RAW, header_of(RAW, secret), NOW).id for secret in ("whsec_new", "whsec_old")]

    assert parsed == ["evt_1", "evt_1"]


def test_without_room_the_event_is_kept_and_left_to_the_sweep(app: Flask) -> None:
    taken = [webhooks._room.acquire(blocking=False) for _ in range(webhooks.MOST_INLINE)]
    try:
        answer = send(app.test_client(), RAW, header_of(RAW))
    finally:
        for _ in taken:
            webhooks._room.release()

    assert answer.status_code == 200
    assert kept(app, "state", "tries") == [("new", 0)]


def test_the_same_event_ten_times_at_once_is_one_row(app: Flask) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(send(app.test_client(), RAW, header_of(RAW)).status_code)) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 10
    assert kept(app) == [("evt_1",)]


def test_the_webhook_asks_for_no_cookie_and_no_origin(app: Flask) -> None:
    answer = app.test_client().post(
        "/stripe/webhook", data=RAW, headers={"Stripe-Signature": header_of(RAW), "Sec-Fetch-Site": "cross-site"}
    )

    assert answer.status_code == 200
