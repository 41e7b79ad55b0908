"""Which webhook bodies we believe to be Stripe's."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from membership.patronage.signature import BadSignature, ParsedEvent, parse_event
from tests.conftest import NOW

SECRET = "whsec_one"
AT = int(NOW.timestamp())
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "invoice.paid",
    "created": AT - 60,
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {
        "object": {
            "id": "in_1",
            "object": "invoice",
            "customer_email": "reader@example.org",
            "parent": {"subscription_details": {"subscription": "sub_1"}},
        },
    },
}


def signature_of(raw: bytes, secret: str = SECRET, at: int | str = AT) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()


def header_of(raw: bytes, secret: str = SECRET, at: int | str = AT) -> str:
    return f"t={at},v1={signature_of(raw, secret, at)}"


def changed(**fields: Any) -> bytes:
    return json.dumps(EVENT | fields).encode()


RAW = changed()


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="missing"),
        pytest.param("nonsense", id="no pairs"),
        pytest.param(f"v1={signature_of(RAW)}", id="no timestamp"),
        pytest.param(f"t={AT}", id="no signature"),
        pytest.param(f"t={AT},v0={signature_of(RAW)}", id="only another scheme"),
        pytest.param(f"t={AT},v1={signature_of(RAW, 'whsec_other')}", id="another secret"),
        pytest.param(header_of(RAW, at=AT - 301), id="stale"),
        pytest.param(header_of(RAW, at=AT + 301), id="from the future"),
        pytest.param(header_of(RAW, at=AT + 365 * 24 * 3600), id="a year ahead"),
        pytest.param(header_of(RAW, at="9" * 5000), id="a timestamp of 5,000 digits"),
        pytest.param(header_of(RAW, at=-AT), id="negative"),
        pytest.param(f"t={AT},t={AT},v1={signature_of(RAW)}", id="two timestamps"),
        pytest.param(f"t={AT},v1=é{signature_of(RAW)[1:]}", id="not ASCII"),
        pytest.param(f"t={AT},v1=\udcff", id="a surrogate"),
        pytest.param(f"t=١٢٣٤٥٦٧٨٩٠,v1={signature_of(RAW)}", id="digits of another script"),
    ],
)
def test_a_header_that_proves_nothing_is_refused(header: str) -> None:
    with pytest.raises(BadSignature):
        parse_event(RAW, header, [SECRET], NOW)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"\xff\xfe{}", id="not UTF-8"),
        pytest.param(b"[" * 10_000 + b"]" * 10_000, id="nested 10,000 deep"),
        pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, id="objects nested 10,000 deep"),
        pytest.param(b"{}", id="no fields"),
        pytest.param(changed(object="charge"), id="no event"),
        pytest.param(changed(id=7), id="an id that is a number"),
        pytest.param(changed(id="evt_\x00"), id="an id with a NUL"),
        pytest.param(changed(id="e" * 256), id="an id without end"),
        pytest.param(changed(type=None), id="no type"),
        pytest.param(changed(created="now"), id="no time"),
        pytest.param(changed(created=True), id="a time that is true"),
        pytest.param(changed(created=10**30), id="a time without end"),
        pytest.param(changed(livemode="no"), id="livemode in words"),
        pytest.param(changed(data=[]), id="data is a list"),
        pytest.param(changed(data={"object": None}), id="no object"),
        pytest.param(changed(data={"object": {"id": "in_1"}}), id="an object of no type"),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(raw: bytes) -> None:
    with pytest.raises(BadSignature):
        parse_event(raw, header_of(raw), [SECRET], NOW)


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(BadSignature):
        parse_event(RAW + b" ", header_of(RAW), [SECRET], NOW)


@pytest.mark.parametrize("at", [AT - 300, AT, AT + 300])
def test_five_minutes_either_way_are_accepted(at: int) -> None:
    assert parse_event(RAW, header_of(RAW, at=at), [SECRET], NOW).id == "evt_1"


def test_every_signature_and_every_current_secret_is_tried() -> None:
    header = f"t={AT},v1={'0' * 64},v1={signature_of(RAW, 'whsec_two')}"

    assert parse_event(RAW, header, [SECRET, "whsec_two"], NOW).id == "evt_1"


def test_of_the_payload_only_the_listed_fields_are_kept() -> None:
    assert parse_event(RAW, header_of(RAW), [SECRET], NOW) == ParsedEvent(
        id="evt_1",
        type="invoice.paid",
        created_at=datetime.fromtimestamp(AT - 60, UTC),
        livemode=False,
        api_version="2026-10-28.endive",
        object_type="invoice",
        object_id="in_1",
        subscription_id="sub_1",
        charge_id=None,
    )


@pytest.mark.parametrize(
    ("thing", "subscription", "charge"),
    [
        ({"object": "invoice", "id": "in_1", "subscription": "sub_2"}, "sub_2", None),
        ({"object": "invoice", "id": "in_1", "parent": None}, None, None),
        ({"object": "invoice", "id": "in_1", "parent": ["odd"]}, None, None),
        ({"object": "subscription", "id": "sub_3"}, "sub_3", None),
        ({"object": "checkout.session", "id": "cs_1", "subscription": {"id": "sub_4"}}, "sub_4", None),
        ({"object": "charge", "id": "ch_1"}, None, "ch_1"),
        ({"object": "refund", "id": "re_1", "charge": "ch_2"}, None, "ch_2"),
        ({"object": "balance"}, None, None),
    ],
)
def test_newer_and_older_shapes_tell_what_they_are_about(
    thing: dict[str, Any], subscription: str | None, charge: str | None
) -> None:
    raw = changed(data={"object": thing})

    parsed = parse_event(raw, header_of(raw), [SECRET], NOW)

    assert (parsed.subscription_id, parsed.charge_id) == (subscription, charge)
