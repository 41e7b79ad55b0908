"""Renewals with an outcome, dunning, and paying an open invoice by API or by its hosted page."""

from typing import Any

import pytest
import stripe

from membership.stripe_standin.cards import AUTHENTICATION, DECLINES
from membership.stripe_standin.loopback import request
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import make_customer, make_session, make_subscription

DAY = 24 * 3600
FEBRUARY_28 = 1772280000


def open_invoice(client: Any) -> Any:
    return client.v1.invoices.list({"status": "open"}).data[0]


def intent_of(client: Any, invoice: Any) -> dict[str, Any]:
    payment = client.v1.invoice_payments.list({"invoice": invoice.id, "expand": ["data.payment.payment_intent"]}).data[0]
    found: dict[str, Any] = payment.to_dict()["payment"]["payment_intent"]
    return found


def status(client: Any, subscription: Any) -> str:
    return str(client.v1.subscriptions.retrieve(subscription.id).status)


def types_since(client: Any, first: str) -> list[str]:
    """Return what happened from the last event of this type on, oldest first."""
    types = [event.type for event in client.v1.events.list({"limit": 100}).data]
    return types[: types.index(first) + 1][::-1]


def failing(standin: StandInServer, client: Any, outcome: str = "declined") -> Any:
    """A subscription whose renewal has just failed, at the end of February."""
    subscription = make_subscription(standin, client)
    standin.control("renew", id=subscription.id, outcome=outcome)
    return subscription


@pytest.mark.parametrize("values", [{"outcome": "stolen"}, {"outcome": "PAID"}])
def test_an_outcome_that_does_not_exist_is_refused(standin: StandInServer, client: Any, values: dict[str, str]) -> None:
    subscription = make_subscription(standin, client)
    with pytest.raises(ValueError, match="renew: 400"):
        standin.control("renew", id=subscription.id, **values)
    assert len(client.v1.invoices.list().data) == 1


@pytest.mark.parametrize("action", ["retry", "exhaust"])
def test_what_is_paid_is_not_dunned(standin: StandInServer, client: Any, action: str) -> None:
    subscription = make_subscription(standin, client)
    with pytest.raises(ValueError, match="no open invoice"):
        standin.control(action, id=subscription.id)


@pytest.mark.parametrize(
    ("outcome", "code", "decline_code"),
    [
        ("declined", "card_declined", "generic_decline"),
        ("insufficient", "card_declined", "insufficient_funds"),
        ("expired", "expired_card", None),
    ],
)
def test_a_failed_renewal_says_why_and_when_it_is_tried_again(
    standin: StandInServer, client: Any, outcome: str, code: str, decline_code: str | None
) -> None:
    subscription = failing(standin, client, outcome)

    invoice = open_invoice(client)
    intent = intent_of(client, invoice)
    assert (status(client, subscription), intent["status"]) == ("past_due", "requires_payment_method")
    assert (intent["last_payment_error"]["code"], intent["last_payment_error"]["decline_code"]) == (code, decline_code)
    assert (invoice.attempt_count, invoice.next_payment_attempt) == (1, invoice.created + 3 * DAY)
    assert types_since(client, "invoice.finalized") == [
        "invoice.finalized",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]


def test_a_renewal_that_needs_authentication_waits_for_the_payer(standin: StandInServer, client: Any) -> None:
    subscription = failing(standin, client, "authentication")

    invoice = open_invoice(client)
    intent = intent_of(client, invoice)
    error = intent["last_payment_error"]
    assert (status(client, subscription), intent["status"], invoice.next_payment_attempt) == ("past_due", "requires_action", None)
    assert (error["code"], error["decline_code"]) == ("authentication_required", "authentication_required")
    assert (error["payment_method"]["id"], intent["next_action"]["type"]) == (intent["payment_method"], "use_stripe_sdk")
    assert types_since(client, "invoice.finalized")[2:] == [
        "payment_intent.requires_action",
        "invoice.updated",
        "invoice.payment_failed",
        "invoice.payment_action_required",
        "customer.subscription.updated",
    ]


def test_the_card_that_asks_each_time_asks_at_the_renewal_too(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    standin.submit(session.id, card=AUTHENTICATION)
    standin.confirm(session.id)
    standin.advance(days=28)
    assert intent_of(client, open_invoice(client))["status"] == "requires_action"


@pytest.mark.parametrize(
    ("then", "ended", "reason"),
    [("canceled", "canceled", "payment_failed"), ("unpaid", "unpaid", None), ("past_due", "past_due", None)],
)
def test_retries_follow_their_schedule_and_end_as_the_account_is_set(
    standin: StandInServer, client: Any, then: str, ended: str, reason: str | None
) -> None:
    standin.control("dunning", then=then)
    subscription = make_subscription(standin, client)
    standin.control("fail", id=subscription.id)
    begin, seen = open_invoice(client).created, []

    for days in (2, 1, 5, 7):
        standin.advance(days=days)
        invoice = open_invoice(client)
        next_day = None if invoice.next_payment_attempt is None else (invoice.next_payment_attempt - begin) // DAY
        seen.append((status(client, subscription), invoice.attempt_count, next_day))

    assert seen == [("past_due", 1, 3), ("past_due", 2, 8), ("past_due", 3, 15), (ended, 4, None)]
    assert client.v1.subscriptions.retrieve(subscription.id).cancellation_details.reason == reason
    assert open_invoice(client).auto_advance is False
    # Nothing more is tried.
    standin.advance(days=10)
    assert open_invoice(client).attempt_count == 4


def test_a_retry_that_pays_makes_it_active_again(standin: StandInServer, client: Any) -> None:
    subscription = failing(standin, client)
    standin.control("retry", id=subscription.id)
    declined = open_invoice(client).attempt_count
    standin.control("retry", id=subscription.id, outcome="paid")
    invoice = client.v1.invoices.list().data[0]
    assert (declined, invoice.status, invoice.attempt_count, status(client, subscription)) == (2, "paid", 3, "active")
    standin.advance(days=20)
    assert len(client.v1.charges.list({"customer": subscription.customer}).data) == 4


def test_a_card_that_works_by_the_next_retry_pays(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    standin.control("fail", id=subscription.id)
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": str(subscription.customer)})
    client.v1.subscriptions.update(subscription.id, {"default_payment_method": card.id})
    standin.advance(days=3)
    assert (status(client, subscription), client.v1.invoices.list({"status": "open"}).data) == ("active", [])


def test_a_retry_may_need_authentication_and_then_only_the_payer_can_help(standin: StandInServer, client: Any) -> None:
    subscription = failing(standin, client)
    standin.control("retry", id=subscription.id, outcome="authentication")
    standin.advance(days=14)
    waiting = (status(client, subscription), open_invoice(client).attempt_count)
    standin.advance(days=1)
    assert (waiting, status(client, subscription)) == (("past_due", 2), "canceled")


def test_exhausting_ends_it_at_once(standin: StandInServer, client: Any) -> None:
    subscription = failing(standin, client)
    standin.control("exhaust", id=subscription.id)
    assert types_since(client, "invoice.updated") == ["invoice.updated", "customer.subscription.deleted"]
    assert (status(client, subscription), open_invoice(client).next_payment_attempt) == ("canceled", None)


def test_an_unpaid_subscription_draws_up_drafts_until_it_is_paid(standin: StandInServer, client: Any) -> None:
    standin.control("dunning", then="unpaid")
    subscription = failing(standin, client)
    standin.control("exhaust", id=subscription.id)
    standin.advance(days=60)
    drafts = client.v1.invoices.list({"status": "draft"}).data

    standin.control("recover", id=subscription.id)

    assert [(draft.auto_advance, draft.number) for draft in drafts] == [(False, None)]
    assert status(client, subscription) == "active"
    assert {invoice.status for invoice in client.v1.invoices.list().data} == {"paid"}


def test_paying_the_latest_invoice_is_enough(standin: StandInServer, client: Any) -> None:
    standin.control("dunning", then="past_due")
    subscription = failing(standin, client)
    standin.control("fail", id=subscription.id)
    latest = open_invoice(client)
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": str(subscription.customer)})

    client.v1.invoices.pay(latest.id, {"payment_method": card.id})

    assert (status(client, subscription), len(client.v1.invoices.list({"status": "open"}).data)) == ("active", 1)


def test_another_customers_card_pays_nothing(standin: StandInServer, client: Any) -> None:
    failing(standin, client)
    card = client.v1.payment_methods.list({"customer": make_customer(client).id}).data[0]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.invoices.pay(open_invoice(client).id, {"payment_method": card.id})
    assert (caught.value.code, caught.value.param) == ("resource_missing", "payment_method")


@pytest.mark.parametrize(
    ("outcome", "code", "decline_code"),
    [("expired", "expired_card", None), ("authentication", "invoice_payment_intent_requires_action", None)],
)
def test_paying_by_api_is_refused_as_the_card_is(
    standin: StandInServer, client: Any, outcome: str, code: str, decline_code: str | None
) -> None:
    failing(standin, client, outcome)
    with pytest.raises(stripe.CardError) as caught:
        client.v1.invoices.pay(open_invoice(client).id)
    assert caught.value.error is not None
    assert (caught.value.http_status, caught.value.code, caught.value.error.decline_code) == (402, code, decline_code)


def test_an_invoice_of_a_canceled_subscription_can_be_paid_and_it_stays_canceled(standin: StandInServer, client: Any) -> None:
    subscription = failing(standin, client)
    standin.control("exhaust", id=subscription.id)
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": str(subscription.customer)})
    paid = client.v1.invoices.pay(open_invoice(client).id, {"payment_method": card.id})
    assert (paid.status, status(client, subscription)) == ("paid", "canceled")


def test_voiding_the_open_invoice_makes_it_active_without_money(standin: StandInServer, client: Any) -> None:
    subscription = failing(standin, client)
    invoice = open_invoice(client)

    voided = client.v1.invoices.void_invoice(invoice.id)

    intent = client.v1.payment_intents.retrieve(intent_of(client, invoice)["id"])
    assert (voided.status, voided.next_payment_attempt, status(client, subscription)) == ("void", None, "active")
    assert (intent.status, intent.cancellation_reason) == ("canceled", "void_invoice")
    assert types_since(client, "payment_intent.canceled") == [
        "payment_intent.canceled",
        "invoice.voided",
        "customer.subscription.updated",
    ]
    for act in (client.v1.invoices.void_invoice, client.v1.invoices.pay, client.v1.invoices.mark_uncollectible):
        with pytest.raises(stripe.InvalidRequestError):
            act(invoice.id)


def test_an_unknown_invoice_has_no_page(standin: StandInServer) -> None:
    assert request("GET", f"{standin.url}/i/in_none").status == 404
    assert standin.pay_invoice("in_none").status == 404


def test_the_invoices_page_takes_another_card_and_the_subscription_keeps_it(standin: StandInServer, client: Any) -> None:
    subscription = failing(standin, client, "expired")
    invoice = open_invoice(client)
    page = request("GET", invoice.hosted_invoice_url).body.decode()

    refused = [standin.pay_invoice(invoice.id, card=card).status for card in ("1", DECLINES)]
    paid = standin.pay_invoice(invoice.hosted_invoice_url)

    after = request("GET", invoice.hosted_invoice_url).body.decode()
    assert ("€5.00" in page, "Your card has expired." in page, "Your bank asks" in page) == (True, True, False)
    assert (refused, paid.status, "This invoice is paid." in after) == ([422, 402], 303, True)
    kept = client.v1.subscriptions.retrieve(subscription.id)
    assert (kept.status, kept.default_payment_method != subscription.default_payment_method) == ("active", True)
    assert standin.pay_invoice(invoice.id).status == 200
    standin.advance(days=59)
    assert [row.status for row in client.v1.invoices.list().data] == ["paid"] * 3


def test_the_payer_confirms_on_the_invoices_page(standin: StandInServer, client: Any) -> None:
    subscription = failing(standin, client, "authentication")
    invoice = open_invoice(client)
    page = request("GET", invoice.hosted_invoice_url).body.decode()

    reply = standin.confirm(invoice.hosted_invoice_url)

    paid = client.v1.invoices.retrieve(invoice.id)
    assert ("Your bank asks you to confirm" in page, reply.status) == (True, 303)
    assert (paid.status, paid.attempt_count, status(client, subscription)) == ("paid", 1, "active")
    assert types_since(client, "charge.succeeded") == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "customer.subscription.updated",
    ]
    assert standin.confirm(invoice.id).status == 200


def test_a_payer_who_refuses_can_still_pay_by_another_card(standin: StandInServer, client: Any) -> None:
    subscription = failing(standin, client, "authentication")
    invoice = open_invoice(client)

    refused = standin.confirm(invoice.id, accept=False)
    intent = intent_of(client, open_invoice(client))
    standin.pay_invoice(invoice.id, card=AUTHENTICATION)
    asked = intent_of(client, open_invoice(client))
    standin.confirm(invoice.id)

    assert (refused.status, "unable to authenticate" in refused.body.decode()) == (402, True)
    assert intent["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert (asked["status"], asked["last_payment_error"]) == ("requires_action", None)
    assert status(client, subscription) == "active"


def test_a_payer_who_never_answers_loses_the_subscription_after_fifteen_days(standin: StandInServer, client: Any) -> None:
    subscription = failing(standin, client, "authentication")
    standin.confirm(open_invoice(client).id, accept=False)
    standin.advance(days=14)
    waiting = status(client, subscription)
    standin.advance(days=1)
    assert (waiting, status(client, subscription)) == ("past_due", "canceled")
