"""Bank debits: the payer is sent back at once, the money comes days later, or not."""

from typing import Any

import pytest
import stripe

from membership.stripe_standin.bank_debits import BANK_FAILS
from membership.stripe_standin.loopback import request
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import SUCCESS, make_session
from tests.stripe_standin.test_checkout import event_types

HOUR = 3600


def by_bank(standin: StandInServer, client: Any, **more: Any) -> Any:
    """A session that was completed by a debit which is still in process."""
    session = make_session(client, **more)
    standin.pay_by_bank(session.id)
    return client.v1.checkout.sessions.retrieve(session.id)


def seen(client: Any, session: Any) -> tuple[str, str, str, str]:
    """Return how session, subscription, invoice and payment intent stand."""
    whole = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    intent = client.v1.payment_intents.list().data[0]
    return whole.payment_status, whole.subscription.status, whole.invoice.status, intent.status


def test_a_settled_payment_is_not_settled_again(standin: StandInServer, client: Any) -> None:
    session = by_bank(standin, client, mode="payment")
    standin.settle(session.id)
    with pytest.raises(ValueError, match=r"settle: 400 .*succeeded, not processing"):
        standin.settle(session.id, succeeded=False)
    with pytest.raises(ValueError, match="settle: 404"):
        standin.settle("cs_test_none")


def test_a_debit_in_process_is_neither_refunded_nor_taken_twice(standin: StandInServer, client: Any) -> None:
    session = by_bank(standin, client)
    charge = client.v1.charges.list().data[0]
    with pytest.raises(stripe.InvalidRequestError, match="still pending"):
        client.v1.refunds.create({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError, match="payment in process"):
        client.v1.invoices.void_invoice(session.invoice)
    assert client.v1.invoices.pay(session.invoice).status == "open"
    assert standin.pay_invoice(session.invoice).status == 200
    assert b"Your bank is working on this payment" in request("GET", f"{standin.url}/i/{session.invoice}").body
    assert len(client.v1.charges.list().data) == 1


def test_a_subscription_runs_while_its_first_debit_is_in_process(standin: StandInServer, client: Any) -> None:
    session = make_session(client)

    location = standin.pay_by_bank(session.id, email="reader@example.org", name="A Reader")

    charge = client.v1.charges.list().data[0].to_dict()
    method = client.v1.payment_methods.retrieve(charge["payment_method"]).to_dict()
    assert location == SUCCESS.replace("{CHECKOUT_SESSION_ID}", session.id)
    assert seen(client, session) == ("unpaid", "active", "open", "processing")
    assert (charge["id"][:3], charge["status"], charge["paid"], charge["balance_transaction"]) == ("py_", "pending", False, None)
    assert (charge["payment_method_details"]["type"], method["type"], method["sepa_debit"]["last4"]) == (
        "sepa_debit",
        "sepa_debit",
        "3201",
    )
    assert event_types(client) == [
        "customer.created",
        "payment_method.attached",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.pending",
        "payment_intent.processing",
        "checkout.session.completed",
    ]


def test_the_money_comes(standin: StandInServer, client: Any) -> None:
    session = by_bank(standin, client)

    standin.settle(session.id)

    assert seen(client, session) == ("paid", "active", "paid", "succeeded")
    booked = client.v1.balance_transactions.list().data[0]
    assert (booked.type, booked.reporting_category, booked.amount, booked.fee) == ("payment", "charge", 500, 35)
    assert client.v1.invoices.retrieve(session.invoice).attempt_count == 1
    assert event_types(client)[9:] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "checkout.session.async_payment_succeeded",
    ]


def test_the_money_does_not_come_and_stripe_leaves_the_subscription_active(standin: StandInServer, client: Any) -> None:
    session = by_bank(standin, client)

    standin.settle(session.id, succeeded=False)

    assert seen(client, session) == ("unpaid", "active", "void", "canceled")
    error = client.v1.payment_intents.list().data[0].last_payment_error
    charge = client.v1.charges.list().data[0]
    assert (error.code, charge.status, charge.failure_code) == ("insufficient_funds", "failed", "insufficient_funds")
    assert event_types(client)[9:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "payment_intent.canceled",
        "invoice.voided",
        "checkout.session.async_payment_failed",
    ]


@pytest.mark.parametrize(("hours", "ended"), [(1, "incomplete"), (24, "incomplete_expired")])
def test_where_set_the_subscription_is_incomplete_until_the_money_comes(
    standin: StandInServer, client: Any, clock: Any, hours: int, ended: str
) -> None:
    standin.control("first-debit", then="incomplete")
    good, bad = by_bank(standin, client), by_bank(standin, client)
    before = seen(client, good)
    clock.move(hours=hours)
    standin.settle(good.id)
    standin.settle(bad.id, succeeded=False)
    status = client.v1.subscriptions.retrieve(bad.subscription).status
    assert (before[1], client.v1.subscriptions.retrieve(good.subscription).status, status) == ("incomplete", "active", ended)
    standin.advance(days=1)
    assert client.v1.subscriptions.retrieve(bad.subscription).status == "incomplete_expired"
    assert client.v1.invoices.retrieve(bad.invoice).status == "void"


def test_an_incomplete_subscription_that_is_cancelled_expires(standin: StandInServer, client: Any) -> None:
    standin.control("first-debit", then="incomplete")
    session = by_bank(standin, client)
    standin.settle(session.id, succeeded=False)
    ended = client.v1.subscriptions.cancel(session.subscription)
    assert (ended.status, client.v1.invoices.retrieve(session.invoice).status) == ("incomplete_expired", "void")


def test_an_incomplete_subscription_whose_invoice_is_voided_never_begins(standin: StandInServer, client: Any) -> None:
    standin.control("first-debit", then="incomplete")
    session = by_bank(standin, client)
    standin.settle(session.id, succeeded=False)
    client.v1.invoices.void_invoice(session.invoice)
    assert client.v1.subscriptions.retrieve(session.subscription).status == "incomplete_expired"


def test_banks_answer_by_themselves_after_five_days_as_the_account_says(standin: StandInServer, client: Any) -> None:
    good, bad = make_session(client), make_session(client)
    standin.pay_by_bank(good.id)
    standin.pay_by_bank(bad.id, account=BANK_FAILS)
    standin.advance(days=4)
    waiting = [client.v1.checkout.sessions.retrieve(session.id).payment_status for session in (good, bad)]
    standin.advance(days=1)
    settled = [client.v1.checkout.sessions.retrieve(session.id).payment_status for session in (good, bad)]
    assert (waiting, settled) == (["unpaid", "unpaid"], ["paid", "unpaid"])


def test_a_renewal_is_debited_too_and_dunned_when_it_fails(standin: StandInServer, client: Any) -> None:
    session = by_bank(standin, client)
    standin.settle(session.id)
    standin.control("renew", id=session.subscription)
    running = client.v1.subscriptions.retrieve(session.subscription).status

    standin.settle(session.subscription, succeeded=False)

    invoice = client.v1.invoices.list().data[0]
    late = client.v1.subscriptions.retrieve(session.subscription).status
    assert (running, late, invoice.status, invoice.next_payment_attempt is not None) == ("active", "past_due", "open", True)
    # The retry is a debit again, and takes its days again.
    standin.advance(days=3)
    assert client.v1.payment_intents.list().data[0].status == "processing"
    standin.advance(days=5)
    assert client.v1.subscriptions.retrieve(session.subscription).status == "active"


def test_a_guest_pays_once_by_bank(standin: StandInServer, client: Any) -> None:
    session = by_bank(standin, client, mode="payment")
    standin.settle(session.payment_intent)
    after = client.v1.checkout.sessions.retrieve(session.id)
    assert (session.payment_status, after.payment_status, after.customer) == ("unpaid", "paid", None)
    assert event_types(client) == [
        "payment_intent.created",
        "charge.pending",
        "payment_intent.processing",
        "checkout.session.completed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]


def test_money_for_a_deleted_customer_is_still_booked(standin: StandInServer, client: Any) -> None:
    good, bad = by_bank(standin, client), by_bank(standin, client)
    for session, succeeded in ((good, True), (bad, False)):
        client.v1.customers.delete(session.customer)
        standin.settle(session.id, succeeded=succeeded)
    assert [client.v1.invoices.retrieve(session.invoice).status for session in (good, bad)] == ["paid", "void"]


def test_a_subscription_that_was_cancelled_meanwhile_still_gets_the_money(standin: StandInServer, client: Any) -> None:
    session = by_bank(standin, client)
    client.v1.subscriptions.cancel(session.subscription)
    standin.settle(session.id)
    assert seen(client, session) == ("paid", "canceled", "paid", "succeeded")
