"""Chaos among webhooks: dropped, late, twice, out of order, badly signed."""

import json
from typing import Any

import pytest

from membership.stripe_standin.server import StandInServer
from membership.stripe_standin.webhooks import BACKOFF, signature
from tests.stripe_standin.conftest import FixedClock, Receiver


@pytest.fixture(autouse=True)
def _receives(standin: StandInServer, receiver: Receiver) -> None:
    standin.set_webhook(receiver.url)


def make(client: Any, count: int) -> list[str]:
    """Let so many events happen; return their ids."""
    for _ in range(count):
        client.v1.customers.create({})
    return [event.id for event in client.v1.events.list({"limit": 100}).data[::-1]]


def got(receiver: Receiver) -> list[str]:
    """Return the ids of the events that arrived since the last look."""
    ids = [json.loads(payload)["id"] for payload, _ in receiver.got]
    receiver.got.clear()
    return ids


def undelivered(client: Any) -> list[str]:
    return [event.id for event in client.v1.events.list({"delivery_success": False}).data[::-1]]


def test_a_dropped_event_never_comes_and_shows_as_undelivered(
    standin: StandInServer, client: Any, receiver: Receiver, clock: FixedClock
) -> None:
    standin.chaos(drop=2)
    first, second, third = make(client, 3)

    attempts = standin.deliver()
    clock.move(days=30)
    standin.deliver()

    assert [attempt["event"] for attempt in attempts] == got(receiver) == [third]
    assert undelivered(client) == [first, second]
    assert standin.overview()["events"][2]["last"] == "chaos: dropped, never sent"


def test_a_dropped_event_can_be_sent_again_by_hand(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    standin.chaos(drop=1)
    (event,) = make(client, 1)
    standin.deliver()

    standin.control("resend", id=event)
    standin.deliver()

    assert got(receiver) == [event]
    assert undelivered(client) == []


def test_only_events_of_the_type_are_struck(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    standin.chaos(drop={"next": 5, "type": "customer.upd*"})
    client.v1.customers.update(client.v1.customers.create({}).id, {"name": "A"})
    client.v1.customers.create({})

    standin.deliver()

    assert receiver.types() == ["customer.created", "customer.created"]


def test_a_delayed_event_comes_when_its_time_has_passed_and_is_not_delayed_again(
    standin: StandInServer, client: Any, receiver: Receiver, clock: FixedClock
) -> None:
    standin.chaos(delay={"rate": 1, "seconds": 90, "type": "customer.*"})
    events = make(client, 1)
    arrivals = []
    for seconds in (0, 89, 1):
        clock.move(seconds=seconds)
        standin.deliver()
        arrivals.append(got(receiver))

    assert arrivals == [[], [], events]


def test_days_that_pass_bring_what_was_delayed(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    standin.chaos(delay={"next": 1, "seconds": 86_400})
    late, early = make(client, 2)
    standin.deliver()
    standin.advance(days=1)
    standin.deliver()

    assert got(receiver) == [early, late]


def test_a_duplicate_comes_right_behind_its_event(standin: StandInServer, client: Any, receiver: Receiver) -> None:
    standin.chaos(duplicate=1)
    first, second = make(client, 2)

    standin.deliver()

    assert got(receiver) == [first, first, second]
    assert standin.deliver() == []
    assert [event["attempts"] for event in standin.overview()["events"]] == [1, 1]


def test_a_duplicate_may_come_later_and_meanwhile_the_event_counts_as_delivered(
    standin: StandInServer, client: Any, receiver: Receiver, clock: FixedClock
) -> None:
    standin.chaos(duplicate={"rate": 1, "seconds": 30}, delay={"next": 1, "seconds": 10})
    (event,) = make(client, 1)
    arrivals = []
    for seconds in (0, 10, 29, 1, 3600):
        clock.move(seconds=seconds)
        standin.deliver()
        arrivals.append((got(receiver), undelivered(client)))

    assert arrivals == [([], [event]), ([event], []), ([], []), ([event], []), ([], [])]


def test_a_duplicate_that_is_refused_is_not_tried_again(
    standin: StandInServer, client: Any, receiver: Receiver, clock: FixedClock
) -> None:
    standin.chaos(duplicate=1)
    (event,) = make(client, 1)
    receiver.statuses = [200, 500]

    attempts = standin.deliver()
    clock.move(days=1)

    assert [(attempt["status"], attempt["state"]) for attempt in attempts] == [(200, "delivered"), (500, "delivered")]
    assert standin.deliver() == []
    assert got(receiver) == [event, event]


def test_reordered_events_all_come_once_and_in_the_order_of_the_seed(
    standin: StandInServer, client: Any, receiver: Receiver
) -> None:
    orders = []
    for seed in (1, 1, 2):
        standin.chaos(reorder={"rate": 1, "seed": seed})
        events = make(client, 5)[-5:]
        standin.deliver()
        orders.append([events.index(event) for event in got(receiver)])

    assert orders[0] == orders[1] != orders[2]
    assert [sorted(order) for order in orders] == [list(range(5))] * 3
    assert list(range(5)) not in orders


@pytest.mark.parametrize("seed", range(5))
def test_two_that_are_reordered_change_places(standin: StandInServer, client: Any, receiver: Receiver, seed: int) -> None:
    standin.chaos(reorder={"next": 2, "seed": seed})
    first, second, third = make(client, 3)

    standin.deliver()

    assert got(receiver) == [second, first, third]


@pytest.mark.parametrize(
    ("fault", "secret", "shift"),
    [
        ({"wrong_signature": 1}, "whsec_nobody_has_this", 0),
        ({"stale": 1}, "whsec_standin", -301),
        ({"future": 1}, "whsec_standin", 301),
        ({"future": {"next": 1, "seconds": 86_400}}, "whsec_standin", 86_400),
        ({"future": 1, "stale": 1}, "whsec_standin", -301),
    ],
)
def test_a_badly_signed_attempt_is_followed_by_a_good_one(
    standin: StandInServer,
    client: Any,
    receiver: Receiver,
    clock: FixedClock,
    fault: dict[str, Any],
    secret: str,
    shift: int,
) -> None:
    standin.chaos(**fault)
    make(client, 1)
    receiver.statuses = [400]
    standin.deliver()
    standin.calm()
    clock.move(seconds=BACKOFF[0])
    standin.deliver()

    (payload, bad), (again, good) = receiver.got
    at = int(clock().timestamp())
    assert bad == signature(payload, secret, at - BACKOFF[0] + shift)
    assert good == signature(again, "whsec_standin", at)


@pytest.mark.parametrize(
    ("payload", "options", "begins"),
    [
        (b"[]", {}, "t=1769860800,v1="),
        (b"\xff" * 9, {"at": 1, "secret": "whsec_other"}, "t=1,v1="),
        (b"[" * 10_000, {"at": "9" * 5_000}, f"t={'9' * 5_000},v1="),
    ],
)
def test_any_bytes_can_be_signed(standin: StandInServer, payload: bytes, options: dict[str, Any], begins: str) -> None:
    header = standin.sign(payload, **options)

    at = options.get("at", 1769860800)
    assert header == signature(payload, options.get("secret", "whsec_standin"), at)
    assert header.startswith(begins)
