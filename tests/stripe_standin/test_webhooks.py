"""Webhooks: signed, retried, in order, kept over a restart."""

import json
from pathlib import Path
from typing import Any

import pytest
import stripe

from membership.stripe_standin.loopback import NotLoopback, request
from membership.stripe_standin.server import StandInServer
from membership.stripe_standin.webhooks import BACKOFF, signature
from tests.stripe_standin.conftest import FixedClock, Receiver
from tests.stripe_standin.factories import make_session


def states(standin: StandInServer) -> list[tuple[str, str, int]]:
    return [(e["type"], e["state"], e["attempts"]) for e in standin.overview()["events"]]


def test_nothing_is_sent_to_another_machine(standin: StandInServer, client: Any) -> None:
    standin.set_webhook("https://example.org/stripe/webhook")
    client.v1.customers.create({})
    attempt = standin.deliver()[0]
    assert (attempt["status"], "is not on this machine" in attempt["detail"]) == (None, True)
    with pytest.raises(NotLoopback):
        request("GET", "http://192.0.2.1/")


def test_a_receiver_that_is_away_is_tried_again(standin: StandInServer, client: Any, clock: FixedClock, receiver: Receiver) -> None:
    standin.set_webhook("http://127.0.0.1:9/")
    client.v1.customers.create({})
    assert [(a["status"], a["state"]) for a in standin.deliver()] == [(None, "pending")]

    standin.set_webhook(receiver.url)
    clock.move(seconds=BACKOFF[0])

    assert [(a["status"], a["state"]) for a in standin.deliver()] == [(200, "delivered")]
    assert receiver.types() == ["customer.created"]


def test_a_500_is_retried_after_a_growing_wait(standin: StandInServer, client: Any, clock: FixedClock, receiver: Receiver) -> None:
    standin.set_webhook(receiver.url)
    receiver.statuses = [500, 302]
    client.v1.customers.create({})

    outcomes = []
    for seconds in (0, BACKOFF[0] - 1, 1, BACKOFF[1] - 1, 1, 86400):
        clock.move(seconds=seconds)
        outcomes.append([(a["status"], a["state"]) for a in standin.deliver()])

    assert outcomes == [[(500, "pending")], [], [(302, "pending")], [], [(200, "delivered")], []]
    event = client.v1.events.list().data[0]
    assert (event.pending_webhooks, states(standin)) == (0, [("customer.created", "delivered", 3)])


def test_a_receiver_that_never_answers_well_is_given_up(
    standin: StandInServer, client: Any, clock: FixedClock, receiver: Receiver
) -> None:
    standin.set_webhook(receiver.url)
    receiver.statuses = [500] * (len(BACKOFF) + 1)
    client.v1.customers.create({})
    for seconds in (0, *BACKOFF, 86400):
        clock.move(seconds=seconds)
        standin.deliver()
    assert states(standin) == [("customer.created", "given_up", len(BACKOFF) + 1)]
    assert len(client.v1.events.list({"delivery_success": False}).data) == 1

    standin.control("resend", id=client.v1.events.list().data[0].id)
    standin.deliver()

    assert states(standin) == [("customer.created", "delivered", 1)]
    assert client.v1.events.list({"delivery_success": False}).data == []


def test_a_delivery_is_signed_so_that_the_sdk_accepts_it(tmp_path: Path, receiver: Receiver) -> None:
    # The SDK holds the signature's age against the system's clock.
    with StandInServer(tmp_path, webhook_url=receiver.url, webhook_secret="whsec_of_ours") as standin:
        standin.client().v1.customers.create({"name": "Оксана"})
        standin.advance(days=40)
        standin.deliver()
        payload, header = receiver.got[0]
        event = stripe.Webhook.construct_event(payload, header, "whsec_of_ours")
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(payload, header, "whsec_other")
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(payload + b" ", header, "whsec_of_ours")
        body, again = standin.signed(event.id)
        assert stripe.Webhook.construct_event(body, again, "whsec_of_ours").id == event.id
    assert (event.type, event.data.object["name"]) == ("customer.created", "Оксана")
    assert (event.pending_webhooks, event.livemode, event.request.idempotency_key is not None) == (1, False, True)


def test_events_arrive_in_order_with_what_happened_while_delivering(
    standin: StandInServer, client: Any, receiver: Receiver
) -> None:
    standin.set_webhook(receiver.url)
    session = make_session(client)
    standin.pay(session.id)
    standin.deliver()
    assert receiver.types() == [event.type for event in client.v1.events.list({"limit": 100}).data[::-1]]
    assert standin.deliver() == []


def test_an_endpoint_gets_only_what_it_asked_for_and_only_from_then_on(
    standin: StandInServer, client: Any, receiver: Receiver
) -> None:
    client.v1.customers.create({})
    made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.created", "customer.deleted"]})
    customer = client.v1.customers.create({})
    client.v1.customers.update(customer.id, {"name": "A"})

    standin.deliver()

    assert [json.loads(payload)["data"]["object"]["id"] for payload, _ in receiver.got] == [customer.id]
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert "secret" not in client.v1.webhook_endpoints.retrieve(made.id).to_dict()
    assert receiver.got[0][1] == signature(receiver.got[0][0], made.secret, 1769860800)


def test_an_endpoint_that_is_off_or_gone_gets_nothing(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    client.v1.webhook_endpoints.update(made.id, {"disabled": True})
    client.v1.customers.create({})
    client.v1.webhook_endpoints.update(made.id, {"disabled": False})
    client.v1.customers.create({})
    assert client.v1.webhook_endpoints.delete(made.id).deleted is True
    assert standin.deliver() == []
    assert receiver.got == []


def test_what_was_not_delivered_survives_a_restart(tmp_path: Path, clock: FixedClock, receiver: Receiver) -> None:
    with StandInServer(tmp_path, clock=clock, webhook_url=receiver.url) as standin:
        customer = standin.client().v1.customers.create({})
    with StandInServer(tmp_path, clock=clock) as standin:
        assert [attempt["status"] for attempt in standin.deliver()] == [200]
        assert standin.client().v1.customers.retrieve(customer.id).id == customer.id
    assert receiver.types() == ["customer.created"]


def test_the_background_thread_delivers_by_itself(tmp_path: Path, receiver: Receiver) -> None:
    with StandInServer(tmp_path, webhook_url=receiver.url, background=True) as standin:
        standin.client().v1.customers.create({})
        # Waits for a round in flight, so that whoever delivers, it is done afterwards.
        standin.deliver()
    assert receiver.types() == ["customer.created"]


def test_a_refused_request_sends_nothing(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    standin.set_webhook(receiver.url)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.prices.create({"currency": "xxx", "unit_amount": 5, "product_data": {"name": "Made before the refusal"}})
    assert standin.deliver() == []
