"""Chaos among calls of the API: late, refused, failed, or cut off before or after the work."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import make_charge


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
def impatient(standin: StandInServer) -> Iterator[Any]:
    """A client that waits for a fifth of a second."""
    session = requests.Session()
    session.trust_env = False
    yield standin.client(http_client=stripe.RequestsClient(session=session, timeout=0.2))
    session.close()


def customers(client: Any) -> int:
    return len(client.v1.customers.list().data)


def test_a_call_above_the_limit_is_refused_in_stripes_shape(standin: StandInServer, client: Any) -> None:
    standin.chaos(rate_limit=1)
    with pytest.raises(stripe.RateLimitError) as caught:
        client.v1.customers.create({})

    error = caught.value
    headers = dict(error.headers or {})
    answered: Any = error.json_body
    said = {name: answered["error"][name] for name in ("code", "type")}
    assert (error.http_status, said) == (429, {"code": "rate_limit", "type": "invalid_request_error"})
    assert (headers["Stripe-Should-Retry"], headers["Stripe-Rate-Limited-Reason"]) == ("false", "global-rate")
    assert str(error.request_id).startswith("req_")
    assert customers(client) == 0


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"rate_limit": {"next": 1, "retry": True}}, 1),
        ({"rate_limit": 1}, stripe.RateLimitError),
        ({"server_error": {"next": 1, "status": 503}}, 1),
        ({"server_error": {"next": 1, "retry": False}}, stripe.APIError),
        ({"lose_request": 1}, 1),
        ({"lose_answer": 1}, 1),
    ],
)
def test_the_sdk_tries_again_where_it_may_and_the_effect_is_one(
    standin: StandInServer, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], outcome: Any
) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.01)
    client = standin.client(max_network_retries=1)
    standin.chaos(**fault)

    if isinstance(outcome, int):
        client.v1.customers.create({})
        assert customers(client) == outcome
    else:
        with pytest.raises(outcome):
            client.v1.customers.create({})
        assert customers(client) == 0


def test_a_server_error_before_the_work_leaves_the_key_free(standin: StandInServer, client: Any) -> None:
    standin.chaos(server_error={"next": 1, "status": 502})
    with pytest.raises(stripe.APIError) as caught:
        client.v1.customers.create({}, {"idempotency_key": "k"})

    assert (caught.value.http_status, customers(client)) == (502, 0)
    assert client.v1.customers.create({}, {"idempotency_key": "k"}).id.startswith("cus_")


def test_a_server_error_at_the_work_stays_the_keys_answer(standin: StandInServer, client: Any) -> None:
    standin.chaos(server_error={"next": 1, "kept": True, "retry": False})
    answers = []
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            client.v1.customers.create({}, {"idempotency_key": "k"})
        headers = dict(caught.value.headers or {})
        answers.append((caught.value.http_status, headers.get("Idempotent-Replayed")))

    assert answers == [(500, None), (500, "true")]
    assert customers(client) == 0


def test_a_lost_call_was_never_made(standin: StandInServer, client: Any) -> None:
    standin.chaos(lose_request=1)
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({}, {"idempotency_key": "k"})

    assert customers(client) == 0
    assert "Idempotent-Replayed" not in client.v1.customers.create({}, {"idempotency_key": "k"}).last_response.headers


def test_a_lost_answer_is_given_to_the_repeat_of_the_key(standin: StandInServer, client: Any) -> None:
    standin.chaos(lose_answer=1)
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({}, {"idempotency_key": "k"})
    done = client.v1.customers.list().data

    again = client.v1.customers.create({}, {"idempotency_key": "k"})

    assert [customer.id for customer in done] == [again.id]
    assert again.last_response.headers["Idempotent-Replayed"] == "true"


def test_a_lost_answer_survives_a_restart(tmp_path: Path) -> None:
    with StandInServer(tmp_path) as standin:
        standin.chaos(lose_answer=1)
        with pytest.raises(stripe.APIConnectionError):
            standin.client().v1.customers.create({}, {"idempotency_key": "k"})
    with StandInServer(tmp_path) as standin:
        standin.client().v1.customers.create({}, {"idempotency_key": "k"})
        assert customers(standin.client()) == 1


def test_only_calls_with_the_method_under_the_path_are_struck(standin: StandInServer, client: Any) -> None:
    charge = make_charge(standin, client)
    standin.chaos(server_error={"rate": 1, "method": "POST", "path": "/v1/refunds"})

    client.v1.customers.create({})
    client.v1.refunds.list()
    with pytest.raises(stripe.APIError):
        client.v1.refunds.create({"charge": charge.id})

    assert [note["what"] for note in standin.calm()["record"]] == ["POST /v1/refunds"]


def test_one_failure_strikes_a_call_and_the_next_one_waits_its_turn(standin: StandInServer, client: Any) -> None:
    standin.chaos(rate_limit=1, server_error=1)
    caught: list[type[stripe.StripeError]] = []
    for _ in range(2):
        try:
            client.v1.customers.list()
        except stripe.StripeError as error:
            caught.append(type(error))

    assert caught == [stripe.RateLimitError, stripe.APIError]
    assert customers(client) == 0


def test_the_control_page_and_the_payment_page_know_no_chaos(standin: StandInServer) -> None:
    standin.chaos(lose_request={"rate": 1}, latency={"rate": 1, "ms": 60_000})

    assert standin.overview()["subscription_count"] == 0
    assert standin.submit("cs_none").status == 404


def test_a_late_answer_holds_what_was_true_before_the_wait(standin: StandInServer, client: Any, pool: ThreadPoolExecutor) -> None:
    customer = client.v1.customers.create({"name": "Before"})
    standin.chaos(latency={"next": 1, "ms": 60_000, "method": "GET"})

    late: Future[Any] = pool.submit(client.v1.customers.retrieve, customer.id)
    assert standin.holds(1)
    client.v1.customers.update(customer.id, {"name": "After"})
    standin.calm()

    assert late.result(30).name == "Before"


def test_who_gives_up_on_a_late_answer_has_had_the_effect(standin: StandInServer, client: Any, impatient: Any) -> None:
    standin.chaos(latency={"next": 1, "ms": 60_000})
    with pytest.raises(stripe.APIConnectionError, match="Read timed out"):
        impatient.v1.customers.create({})

    assert customers(client) == 1


def test_who_gives_up_on_a_call_that_hangs_has_had_none(standin: StandInServer, client: Any, impatient: Any) -> None:
    standin.chaos(hang={"next": 1, "ms": 60_000})
    with pytest.raises(stripe.APIConnectionError, match="Read timed out"):
        impatient.v1.customers.create({})

    assert standin.holds(1)
    assert customers(client) == 0


def test_a_call_that_hangs_ends_without_an_answer(standin: StandInServer, client: Any) -> None:
    standin.chaos(hang={"next": 1, "ms": 20})
    with pytest.raises(stripe.APIConnectionError, match="Remote end closed connection"):
        client.v1.customers.create({})

    assert customers(client) == 0


def test_a_call_that_hangs_ends_with_the_stand_in(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    with StandInServer(tmp_path) as standin:
        standin.chaos(hang={"next": 1, "ms": 60_000})
        hanging: Future[Any] = pool.submit(standin.client().v1.customers.list)
        assert standin.holds(1)
        assert not standin.holds(2, timeout=0.01)
    with pytest.raises(stripe.APIConnectionError):
        hanging.result(30)


def test_without_chaos_an_answer_carries_no_word_of_it(client: Any) -> None:
    headers = client.v1.customers.create({}).last_response.headers

    assert {"Stripe-Should-Retry", "Stripe-Rate-Limited-Reason"} & set(headers) == set()
