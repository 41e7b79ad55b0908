"""Chaos as it is set: what is refused, how it is drawn, that it survives a restart, its place on the control page."""

from pathlib import Path
from typing import Any

import pytest

from membership.stripe_standin.loopback import request
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.conftest import FixedClock, Receiver

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"explode": 1}, "'explode' is none of drop,"),
        ({"drop": True}, "takes a number, or an object"),
        ({"drop": "2"}, "takes a number, or an object"),
        ({"drop": {}}, "either next or rate"),
        ({"drop": {"next": 1, "rate": 0.5}}, "either next or rate"),
        ({"drop": {"next": -1}}, "cannot have -1 as next"),
        ({"drop": {"rate": 1.5}}, "cannot have 1.5 as rate"),
        ({"drop": {"next": 1, "ms": 5}}, "has no option 'ms'"),
        ({"delay": {"next": 1, "seconds": "soon"}}, "cannot have 'soon' as seconds"),
        ({"hang": {"next": 1, "ms": 60_001}}, "cannot have 60001 as ms"),
        ({"server_error": {"next": 1, "status": 404}}, "cannot have 404 as status"),
        ({"server_error": {"next": 1, "kept": 1}}, "cannot have 1 as kept"),
        ({"lose_answer": {"next": 1, "path": 7}}, "cannot have 7 as path"),
        ({"drop": 1, "delay": {"next": 1, "seed": None}}, "cannot have None as seed"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_whole(standin: StandInServer, settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match="chaos: 400") as caught:
        standin.chaos(**settings)

    assert why in str(caught.value)
    assert standin.chaos()["faults"] == {}


@pytest.mark.parametrize("body", [b"settings=[1]", b"settings=%7B", b"fault=drop&next=x", b"fault=drop&next=1&options=7"])
def test_a_form_that_is_no_setting_is_refused(standin: StandInServer, body: bytes) -> None:
    assert request("POST", f"{standin.url}/_control/chaos", body, FORM).status == 400
    assert standin.chaos()["faults"] == {}


def test_settings_are_reported_with_every_default(standin: StandInServer) -> None:
    faults = standin.chaos(delay=2, latency={"rate": 0.5, "seed": 7, "path": "/v1/refunds"})["faults"]

    assert faults == {
        "delay": {"type": "*", "seconds": 60, "seed": 0, "next": 2, "struck": 0},
        "latency": {"method": "*", "path": "/v1/refunds", "ms": 100, "seed": 7, "rate": 0.5, "struck": 0},
    }


def test_each_fault_is_set_and_ended_alone_and_all_are_calmed_at_once(standin: StandInServer) -> None:
    standin.chaos(drop=1, delay=1)
    standin.chaos(duplicate=1)
    standin.chaos(drop=0)
    one_off = standin.chaos(delay=None)["faults"]

    assert list(one_off) == ["duplicate"]
    assert standin.calm()["faults"] == {}


def dropped(standin: StandInServer, count: int) -> list[bool]:
    """Return for each of so many events whether it was dropped."""
    client = standin.client()
    for _ in range(count):
        client.v1.customers.create({})
    standin.deliver()
    return [event["state"] == "given_up" for event in standin.overview()["events"]][:count][::-1]


def test_the_same_seed_gives_the_same_chaos_and_another_seed_another(standin: StandInServer, receiver: Receiver) -> None:
    standin.set_webhook(receiver.url)
    runs = []
    for seed in (5, 5, 6):
        standin.chaos(drop={"rate": 0.5, "seed": seed})
        runs.append(dropped(standin, 10))

    assert runs[0] == runs[1] != runs[2]
    assert 0 < sum(runs[0]) < 10


def test_settings_and_draws_survive_a_restart(tmp_path: Path, clock: FixedClock, receiver: Receiver) -> None:
    (tmp_path / "whole").mkdir()
    with StandInServer(tmp_path / "whole", clock=clock, webhook_url=receiver.url) as standin:
        standin.chaos(drop={"rate": 0.5})
        whole = dropped(standin, 9)
    parts: list[bool] = []
    for part in range(3):
        with StandInServer(tmp_path, clock=clock, webhook_url=receiver.url) as standin:
            if part == 0:
                standin.chaos(drop={"rate": 0.5})
            parts += dropped(standin, 3)

    assert parts == whole


def test_the_record_says_what_struck_whom(standin: StandInServer, client: Any, receiver: Receiver, clock: FixedClock) -> None:
    standin.set_webhook(receiver.url)
    standin.chaos(drop=1)
    client.v1.customers.create({})
    standin.deliver()

    event = client.v1.events.list().data[0].id
    at = int(clock().timestamp())
    assert standin.calm()["record"] == [{"at": at, "fault": "drop", "what": f"customer.created {event}"}]


def test_the_pages_form_sets_a_fault_and_calms(standin: StandInServer) -> None:
    before = request("GET", f"{standin.url}/_control").body.decode()
    body = b"fault=delay&next=1&rate=0.25&seed=3&options=%7B%22seconds%22%3A+5%7D"

    answer = request("POST", f"{standin.url}/_control/chaos", body, FORM)

    page = request("GET", f"{standin.url}/_control").body.decode()
    assert (answer.status, answer.headers["location"]) == (303, "/_control?done=chaos")
    assert "Nothing goes wrong on purpose." in before
    assert "each with probability 0.25, seed 3; struck 0 times" in page
    assert standin.chaos()["faults"] == {"delay": {"type": "*", "seconds": 5, "seed": 3, "rate": 0.25, "struck": 0}}
    assert request("POST", f"{standin.url}/_control/calm", b"", FORM).status == 303
    assert standin.chaos()["faults"] == {}
