"""Test cards on the hosted payment page, and the bank's question behind it."""

from typing import Any

import pytest

from membership.stripe_standin.bank_debits import BANK_PAYS
from membership.stripe_standin.cards import AUTHENTICATION, DECLINES, EXPIRED, FAILS_LATER, INSUFFICIENT
from membership.stripe_standin.loopback import request
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import SUCCESS, make_price, make_session
from tests.stripe_standin.test_checkout import event_types


def error_of(client: Any) -> tuple[str | None, str | None, str | None]:
    """Return code, decline code and type of the one intent's last error."""
    error = client.v1.payment_intents.list().data[0].last_payment_error
    return error.code, error.decline_code, error.type


@pytest.mark.parametrize(
    ("card", "code", "decline_code", "words"),
    [
        (DECLINES, "card_declined", "generic_decline", "Your card was declined."),
        (FAILS_LATER, "card_declined", "generic_decline", "Your card was declined."),
        (INSUFFICIENT, "card_declined", "insufficient_funds", "Your card has insufficient funds."),
        (EXPIRED, "expired_card", None, "Your card has expired."),
    ],
)
def test_a_card_that_fails_says_why(
    standin: StandInServer, client: Any, card: str, code: str, decline_code: str | None, words: str
) -> None:
    session = make_session(client, mode="payment")

    reply = standin.submit(session.id, card=card)

    charge = client.v1.charges.list().data[0]
    assert (reply.status, words in reply.body.decode()) == (402, True)
    assert error_of(client) == (code, decline_code, "card_error")
    assert (charge.status, charge.failure_code, charge.failure_message, charge.balance_transaction) == ("failed", code, words, None)
    assert charge.outcome.reason == (decline_code or code)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_bank_account_pays_euros_only(standin: StandInServer, client: Any) -> None:
    session = make_session(client, make_price(client, 500, "usd"))
    assert session.payment_method_types == ["card"]
    assert standin.submit(session.id, card=BANK_PAYS).status == 422


def test_nobody_is_asked_to_confirm_what_was_not_started(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    page = f"/c/pay/{session.id}"
    asked = request("GET", f"{standin.url}/c/confirm/{session.id}")
    assert [(reply.status, reply.headers["location"]) for reply in (asked, standin.confirm(session.id))] == [(303, page)] * 2


def test_a_bank_that_asks_takes_nothing_before_the_answer(standin: StandInServer, client: Any) -> None:
    session = make_session(client, mode="payment")

    reply = standin.submit(session.id, card=AUTHENTICATION)

    intent = client.v1.payment_intents.list().data[0]
    page = request("GET", standin.url + reply.headers["location"]).body.decode()
    assert (reply.status, reply.headers["location"]) == (303, f"/c/confirm/{session.id}")
    assert ("Your bank asks you to confirm" in page, "€5.00" in page) == (True, True)
    assert (intent.status, intent.next_action.type, intent.last_payment_error) == ("requires_action", "use_stripe_sdk", None)
    assert client.v1.charges.list().data == []
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"


def test_a_refused_confirmation_leaves_the_page_open_for_another_card(standin: StandInServer, client: Any) -> None:
    session = make_session(client, mode="payment")
    standin.submit(session.id, card=AUTHENTICATION, name="A Reader")

    refused = standin.confirm(session.id, accept=False)
    code = error_of(client)[0]
    standin.pay(session.id)

    body = refused.body.decode()
    assert (refused.status, "unable to authenticate" in body, 'value="A Reader"' in body) == (402, True, True)
    assert code == "payment_intent_authentication_failure"
    assert client.v1.payment_intents.list().data[0].status == "succeeded"
    assert event_types(client) == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_confirmed_subscription_runs_and_a_second_yes_does_nothing(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    standin.submit(session.id, card=AUTHENTICATION)

    replies = [standin.confirm(session.id) for _ in range(2)]

    target = SUCCESS.replace("{CHECKOUT_SESSION_ID}", session.id)
    assert [(reply.status, reply.headers["location"]) for reply in replies] == [(303, target)] * 2
    assert [(s.status, s.customer is not None) for s in client.v1.subscriptions.list().data] == [("active", True)]
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_subscription_that_was_refused_leaves_no_trace(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    standin.submit(session.id, card=AUTHENTICATION)
    standin.confirm(session.id, accept=False)
    assert event_types(client) == []
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
