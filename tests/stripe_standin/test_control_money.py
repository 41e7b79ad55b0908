"""The control page: money under way and money that goes back, by hand."""

import re
from typing import Any

import pytest

from membership.stripe_standin import billing_actions, payment_actions, refund_actions
from membership.stripe_standin.actions import ACTIONS
from membership.stripe_standin.loopback import request
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import make_charge, make_session, make_subscription
from tests.stripe_standin.test_control import FORM


def page(standin: StandInServer) -> str:
    return request("GET", f"{standin.url}/_control").body.decode()


@pytest.mark.parametrize("action", ["dunning", "first-debit"])
def test_a_switch_knows_its_positions_only(standin: StandInServer, action: str) -> None:
    with pytest.raises(ValueError, match=f"{action}: 400 .*Give then as one of"):
        standin.control(action, then="off")


def test_an_empty_page_says_what_to_do(standin: StandInServer) -> None:
    for text in ("No bank is working on a debit.", "Nothing was given back yet.", "Nobody disputes a payment."):
        assert text in page(standin)


def test_every_action_on_payments_has_a_button(standin: StandInServer, client: Any) -> None:
    session, owing = make_session(client, mode="payment"), make_subscription(standin, client)
    standin.pay_by_bank(session.id)
    standin.control("renew", id=owing.id, outcome="authentication")
    debit = make_session(client, mode="payment")
    standin.pay_by_bank(debit.id)
    standin.settle(debit.id)
    standin.control("refund", id=client.v1.charges.list().data[0].id)
    standin.control("dispute", id=make_charge(standin, client).id)

    buttons = set(re.findall(r'action="/_control/([\w-]+)"', page(standin)))

    modules = {billing_actions.__name__, payment_actions.__name__, refund_actions.__name__}
    assert {name for name, act in ACTIONS.items() if act.__module__ in modules} - buttons == set()


def test_the_page_shows_what_waits_and_its_buttons_carry_the_outcome(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    standin.control("renew", id=subscription.id, outcome="expired")
    invoice = client.v1.invoices.list({"status": "open"}).data[0]
    opened = standin.control("dispute", id=subscription.id)

    shown = page(standin)
    lost = request("POST", f"{standin.url}/_control/close-dispute", f"id={opened['id']}&status=won".encode(), FORM)
    request("POST", f"{standin.url}/_control/dunning", b"then=unpaid", FORM)

    for text in (f'href="{invoice.hosted_invoice_url}"', "(expired card)", "tried again", "needs response", "Fraudulent"):
        assert text in shown
    seen = standin.overview()
    assert (lost.status, [row["status"] for row in seen["disputes"]]) == (303, ["won"])
    assert seen["switches"]["dunning"] == {"choices": ["canceled", "unpaid", "past_due"], "now": "unpaid"}
