"""The door of the API: keys, versions, errors, headers, idempotency."""

import json
import sqlite3
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import stripe

from membership.stripe_standin.loopback import Reply, request
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.conftest import FixedClock
from tests.stripe_standin.factories import make_session

FORM = "application/x-www-form-urlencoded"


def call(standin: StandInServer, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
    """Call the API by hand with the good key."""
    sent = {"Authorization": f"Bearer {standin.secret_key}", "Content-Type": FORM}
    return request(method, standin.url + path, body, sent | {k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize("key", ["sk_test_other", "sk_live_standin", "pk_test_standin", "rk_live_standin"])
def test_any_other_key_is_refused(standin: StandInServer, key: str) -> None:
    client = stripe.StripeClient(key, base_addresses={"api": standin.url}, max_network_retries=0)
    with pytest.raises(stripe.AuthenticationError) as caught:
        client.v1.customers.list()
    assert caught.value.http_status == 401
    assert key not in str(caught.value)


def test_no_key_is_refused(standin: StandInServer) -> None:
    reply = request("GET", f"{standin.url}/v1/customers")
    assert (reply.status, json.loads(reply.body)["error"]["type"]) == (401, "invalid_request_error")


def test_another_api_version_is_refused(standin: StandInServer) -> None:
    client = standin.client(stripe_version="2025-03-31.basil")
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        client.v1.customers.list()


def test_a_connected_account_is_refused(client: Any) -> None:
    with pytest.raises(stripe.PermissionError):
        client.v1.customers.list({}, {"stripe_account": "acct_1"})


def test_json_bodies_are_refused(standin: StandInServer) -> None:
    assert call(standin, "POST", "/v1/customers", b"{}", Content_Type="application/json").status == 400


def test_an_unknown_address_is_a_404_in_stripes_shape(standin: StandInServer) -> None:
    reply = call(standin, "GET", "/v1/coupons")
    error = json.loads(reply.body)["error"]
    assert (reply.status, error["type"]) == (404, "invalid_request_error")
    assert error["message"].startswith("Unrecognized request URL (GET: /v1/coupons).")


def test_a_wrong_method_is_refused(standin: StandInServer) -> None:
    assert call(standin, "PUT", "/v1/customers").status == 404


def test_a_missing_object_is_a_404_by_path_and_a_400_by_parameter(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as by_path:
        client.v1.customers.retrieve("cus_none")
    with pytest.raises(stripe.InvalidRequestError) as by_parameter:
        make_session(client, customer="cus_none")
    answered: Any = by_path.value.json_body
    url = f"https://dashboard.stripe.com/test/logs/{by_path.value.request_id}"
    message = "No such customer: 'cus_none'"
    assert (by_path.value.http_status, answered["error"]) == (
        404,
        {"code": "resource_missing", "message": message, "param": "id", "request_log_url": url, "type": "invalid_request_error"},
    )
    assert (by_parameter.value.http_status, by_parameter.value.code, by_parameter.value.param) == (
        400,
        "resource_missing",
        "customer",
    )


def test_every_answer_carries_request_id_and_version(client: Any) -> None:
    customer = client.v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.retrieve("cus_none")
    assert customer.last_response.request_id.startswith("req_")
    assert customer.last_response.headers["Stripe-Version"] == "2026-10-28.endive"
    assert str(caught.value.request_id).startswith("req_")


def test_a_refused_request_leaves_nothing_behind(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.prices.create({"currency": "xxx", "unit_amount": 5, "product_data": {"name": "Made before the refusal"}})
    assert client.v1.products.list().data == []
    assert client.v1.events.list().data == []


def test_a_repeated_key_replays_the_first_answer(client: Any) -> None:
    first = client.v1.customers.create({"email": "a@example.org"}, {"idempotency_key": "attempt-1"})
    client.v1.customers.update(first.id, {"name": "Changed since"})

    again = client.v1.customers.create({"email": "a@example.org"}, {"idempotency_key": "attempt-1"})

    assert again.to_dict() == first.to_dict()
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len(client.v1.customers.list().data) == 1


def test_a_refusal_is_replayed_too(client: Any) -> None:
    session = make_session(client)
    client.v1.checkout.sessions.expire(session.id)
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.checkout.sessions.expire(session.id, {}, {"idempotency_key": "once"})
    assert dict(caught.value.headers or {})["Idempotent-Replayed"] == "true"


def test_a_key_with_other_parameters_or_another_address_is_refused(client: Any) -> None:
    client.v1.customers.create({"email": "a@example.org"}, {"idempotency_key": "attempt-1"})
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as caught:
        client.v1.customers.create({"email": "b@example.org"}, {"idempotency_key": "attempt-1"})
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.products.create({"name": "Patron"}, {"idempotency_key": "attempt-1"})
    assert caught.value.http_status == 400


def test_a_key_may_be_used_again_after_invalid_parameters(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({"emial": "a@example.org"}, {"idempotency_key": "k"})
    assert client.v1.customers.create({"email": "a@example.org"}, {"idempotency_key": "k"}).email == "a@example.org"


def test_a_key_is_forgotten_after_a_day(client: Any, clock: FixedClock) -> None:
    first = client.v1.customers.create({}, {"idempotency_key": "k"})
    clock.move(hours=24, seconds=1)
    assert client.v1.customers.create({}, {"idempotency_key": "k"}).id != first.id


def test_a_key_survives_a_restart(tmp_path: Path) -> None:
    with StandInServer(tmp_path) as standin:
        first = standin.client().v1.customers.create({}, {"idempotency_key": "k"})
    with StandInServer(tmp_path) as standin:
        assert standin.client().v1.customers.create({}, {"idempotency_key": "k"}).id == first.id


def test_a_key_that_is_too_long_is_refused(client: Any) -> None:
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({}, {"idempotency_key": "k" * 256})


def test_the_same_key_twice_at_once_has_one_effect(standin: StandInServer, client: Any, tmp_path: Path) -> None:
    def create() -> Reply:
        return call(standin, "POST", "/v1/customers", b"email=a@example.org", Idempotency_Key="k")

    with ThreadPoolExecutor(2) as pool, closing(sqlite3.connect(tmp_path / "stripe.db", isolation_level=None)) as lock:
        # Whoever comes first waits for this lock, so that the other one must meet it in progress.
        lock.execute("BEGIN IMMEDIATE")
        calls = {pool.submit(create), pool.submit(create)}
        refused, waiting = wait(calls, return_when=FIRST_COMPLETED)
        lock.execute("ROLLBACK")
        statuses = [done.pop().result() for done in (refused, waiting)]

    assert [reply.status for reply in statuses] == [409, 200]
    assert json.loads(statuses[0].body)["error"]["code"] == "idempotency_key_in_use"
    assert len(client.v1.customers.list().data) == 1
