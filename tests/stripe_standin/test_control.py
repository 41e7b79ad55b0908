"""The control page, and the process itself."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import stripe

from membership.stripe_standin.__main__ import main
from membership.stripe_standin.loopback import request
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import make_charge, make_subscription

ROOT = Path(__file__).parents[2]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_an_action_that_does_not_exist_is_a_404(standin: StandInServer) -> None:
    assert request("POST", f"{standin.url}/_control/explode", b"id=1", FORM).status == 404


@pytest.mark.parametrize("action", ["renew", "resend"])
def test_an_action_on_nothing_is_refused_with_a_page(standin: StandInServer, action: str) -> None:
    reply = request("POST", f"{standin.url}/_control/{action}", b"id=sub_none", FORM)
    assert (reply.status, b"Not done" in reply.body) == (404, True)
    assert request("POST", f"{standin.url}/_control/{action}", b"", FORM).status == 400


@pytest.mark.parametrize("days", ["0", "-1", "x", "3661", ""])
def test_time_only_goes_forward(standin: StandInServer, days: str) -> None:
    with pytest.raises(ValueError, match="advance: 400"):
        standin.control("advance", days=days)


def test_an_action_from_another_site_is_refused(standin: StandInServer) -> None:
    reply = request("POST", f"{standin.url}/_control/deliver", b"", {**FORM, "Sec-Fetch-Site": "same-site"})
    assert reply.status == 403


def test_another_host_name_is_refused(standin: StandInServer) -> None:
    assert request("GET", f"{standin.url}/_control", headers={"Host": "evil.example"}).status == 400


def test_an_empty_page_says_so(standin: StandInServer) -> None:
    body = request("GET", f"{standin.url}/_control").body.decode()
    for text in ("No subscription yet.", "No one-off payment yet.", "Nothing has happened yet.", "Demo: no money moves."):
        assert text in body
    assert 'href="http://localhost:8000/"' in body


def test_the_page_shows_what_there_is_and_its_forms_work(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    charge = make_charge(standin, client, 500, "jpy")

    reply = request("POST", f"{standin.url}/_control/fail", f"id={subscription.id}".encode(), FORM)

    assert (reply.status, reply.headers["location"]) == (303, "/_control?done=fail")
    body = request("GET", f"{standin.url}/_control?done=fail").body.decode()
    for text in (subscription.id, charge.id, "past_due", "€5.00 every month", "¥500", "Open invoices: 1.", "Done: fail."):
        assert text in body
    seen = standin.overview()
    assert ([s["id"] for s in seen["subscriptions"]], [c["id"] for c in seen["charges"]]) == ([subscription.id], [charge.id])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(state: Path, port: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "membership.stripe_standin", "--port", str(port), "--state", str(state)]
    options = ["--product-url", "http://localhost:8000", "--webhook", "http://127.0.0.1:9/", "--webhook-secret", "whsec_demo"]
    return subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ})


def test_the_process_says_when_it_is_ready_and_ends_cleanly_with_its_state(tmp_path: Path) -> None:
    port = free_port()
    with start(tmp_path / "demo" / "stripe.db", port) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == (
            f"Stripe stand-in ready on http://127.0.0.1:{port} (control page: http://127.0.0.1:{port}/_control)\n"
        )
        client = stripe.StripeClient("sk_test_standin", base_addresses={"api": f"http://127.0.0.1:{port}"})
        customer = client.v1.customers.create({})
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    with StandInServer(tmp_path / "demo", webhook_url="http://127.0.0.1:10/") as standin:
        client = standin.client()
        assert [c.id for c in client.v1.customers.list().data] == [customer.id]
        assert [(e.url, e.status) for e in client.v1.webhook_endpoints.list().data] == [("http://127.0.0.1:10/", "enabled")]


@pytest.mark.parametrize(
    "arguments", [[], ["--state", "s.db", "--webhook", "http://127.0.0.1:9/"], ["--state", "s.db", "--port", "x"]]
)
def test_the_process_refuses_incomplete_arguments(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
