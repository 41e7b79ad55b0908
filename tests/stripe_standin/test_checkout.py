"""Checkout: what a session refuses, and what the hosted page does."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from membership.stripe_standin.loopback import request
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.conftest import FixedClock
from tests.stripe_standin.factories import CANCEL, SUCCESS, make_price, make_session

DAY = 24 * 3600


def page(standin: StandInServer, session_id: str) -> tuple[int, str]:
    reply = request("GET", f"{standin.url}/c/pay/{session_id}")
    return reply.status, reply.body.decode()


def event_types(client: Any) -> list[str]:
    """Return what happened, oldest first, without the catalogue."""
    events = client.v1.events.list({"limit": 100}).data[::-1]
    return [event.type for event in events if not event.type.startswith(("price.", "product."))]


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"mode": "setup"}, None, "mode"),
        ({"success_url": "support/return"}, "url_invalid", "success_url"),
        ({"cancel_url": "javascript:alert(1)"}, "url_invalid", "cancel_url"),
        ({"line_items": []}, "parameter_missing", "line_items"),
        ({"payment_intent_data": {"metadata": {"a": "b"}}}, None, "payment_intent_data"),
        ({"customer_creation": "always"}, None, "customer_creation"),
        ({"customer_email": "reader"}, "email_invalid", "customer_email"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
        ({"expires_at": 1}, None, "expires_at"),
    ],
)
def test_a_session_is_refused(client: Any, params: dict[str, Any], code: str | None, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        make_session(client, **params)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)
    assert client.v1.checkout.sessions.list().data == []


def test_mode_and_price_must_fit(client: Any) -> None:
    monthly, once = make_price(client), make_price(client, interval=None)
    with pytest.raises(stripe.InvalidRequestError, match="passed a recurring price"):
        make_session(client, monthly, mode="payment")
    with pytest.raises(stripe.InvalidRequestError, match="at least one recurring price"):
        make_session(client, once)
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        make_session(client, client.v1.prices.update(monthly.id, {"active": False}))


def test_too_small_an_amount_is_refused(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        make_session(client, make_price(client, 49))
    assert caught.value.code == "amount_too_small"


def test_customer_and_customer_email_exclude_each_other(client: Any) -> None:
    customer = client.v1.customers.create({"email": "a@example.org"})
    with pytest.raises(stripe.InvalidRequestError, match="only specify one of these parameters"):
        make_session(client, customer=customer.id, customer_email="a@example.org")


def test_an_unknown_page_is_a_404(standin: StandInServer) -> None:
    assert page(standin, "cs_test_none")[0] == 404
    assert standin.submit("cs_test_none").status == 404


def test_the_page_asks_again_for_a_missing_address_and_keeps_what_was_typed(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    reply = standin.submit(session.id, email="not an address", name="A <Reader>")
    body = reply.body.decode()
    assert (reply.status, 'value="not an address"' in body, 'value="A &lt;Reader&gt;"' in body) == (422, True, True)
    assert "Enter an e-mail address" in body
    assert standin.submit(session.id, card="5555555555554444").status == 422
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_declined_subscription_leaves_nothing_but_an_open_session(standin: StandInServer, client: Any) -> None:
    session = make_session(client)

    reply = standin.decline(session.id, email="reader@example.org")

    body = reply.body.decode()
    assert (reply.status, "Your card was declined." in body, 'value="reader@example.org"' in body) == (402, True, True)
    seen = client.v1.checkout.sessions.retrieve(session.id)
    assert (seen.status, seen.payment_status, seen.subscription, seen.customer) == ("open", "unpaid", None, None)
    assert client.v1.subscriptions.list({"status": "all"}).data == []
    assert event_types(client) == []


def test_a_declined_payment_keeps_its_intent_and_a_good_card_then_pays_it(standin: StandInServer, client: Any) -> None:
    session = make_session(client, mode="payment", payment_intent_data={"metadata": {"attempt": "7"}})

    standin.decline(session.id)
    failed = client.v1.payment_intents.list().data[0]
    standin.pay(session.id)

    paid = client.v1.payment_intents.retrieve(failed.id)
    assert (failed.status, failed.last_payment_error.code) == ("requires_payment_method", "card_declined")
    assert (paid.status, paid.amount_received, paid.metadata.to_dict()) == ("succeeded", 500, {"attempt": "7"})
    assert [(c.status, c.balance_transaction is None) for c in client.v1.charges.list({"payment_intent": paid.id}).data] == [
        ("succeeded", False),
        ("failed", True),
    ]
    assert event_types(client) == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_going_back_leaves_the_session_open(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    status, body = page(standin, session.id)
    assert (status, f'href="{CANCEL}"' in body) == (200, True)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_session_expires_after_a_day(standin: StandInServer, client: Any, clock: FixedClock) -> None:
    session = make_session(client)
    clock.move(seconds=DAY - 1)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    clock.move(seconds=1)
    assert page(standin, session.id)[0] == 410
    assert standin.submit(session.id).status == 410
    seen = client.v1.checkout.sessions.retrieve(session.id)
    assert (seen.status, seen.url) == ("expired", None)
    assert event_types(client) == ["checkout.session.expired"]


def test_a_session_is_expired_by_hand_once(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    assert client.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        client.v1.checkout.sessions.expire(session.id)


def test_paying_a_subscription_makes_everything_that_stripe_makes(standin: StandInServer, client: Any) -> None:
    session = make_session(
        client,
        client_reference_id="attempt-7",
        metadata={"attempt": "7"},
        subscription_data={"metadata": {"attempt": "7"}, "description": "Patron"},
        locale="en",
    )

    location = standin.pay(session.id, email="reader@example.org", name="A Reader")

    assert location == SUCCESS.replace("{CHECKOUT_SESSION_ID}", session.id)
    seen = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "customer", "invoice"]}).to_dict()
    assert {
        name: seen[name] for name in ("status", "payment_status", "url", "client_reference_id", "metadata", "amount_total")
    } == {
        "status": "complete",
        "payment_status": "paid",
        "url": None,
        "client_reference_id": "attempt-7",
        "metadata": {"attempt": "7"},
        "amount_total": 500,
    }
    subscription, invoice = seen["subscription"], seen["invoice"]
    item = subscription["items"]["data"][0]
    assert (subscription["status"], subscription["metadata"], subscription["latest_invoice"]) == (
        "active",
        {"attempt": "7"},
        invoice["id"],
    )
    assert "current_period_end" not in subscription
    # 31 January plus one month is the last day of February.
    assert (item["current_period_start"], item["current_period_end"]) == (1769860800, 1769860800 + 28 * DAY)
    assert (invoice["status"], invoice["amount_paid"], invoice["billing_reason"]) == ("paid", 500, "subscription_create")
    assert invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]
    assert (seen["customer"]["email"], seen["customer"]["name"]) == ("reader@example.org", "A Reader")


def test_paying_a_subscription_tells_it_event_by_event(standin: StandInServer, client: Any) -> None:
    standin.pay(make_session(client).id)
    assert event_types(client) == [
        "customer.created",
        "payment_method.attached",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]


def test_an_update_event_says_what_was_before(standin: StandInServer, client: Any) -> None:
    standin.pay(make_session(client).id)
    created = client.v1.events.list({"type": "customer.subscription.created"}).data[0].to_dict()
    updated = client.v1.events.list({"type": "customer.subscription.updated"}).data[0].to_dict()
    assert (created["data"]["object"]["status"], "previous_attributes" in created["data"]) == ("incomplete", False)
    assert (updated["data"]["object"]["status"], updated["data"]["previous_attributes"]) == ("active", {"status": "incomplete"})
    assert (updated["livemode"], updated["api_version"]) == (False, "2026-10-28.endive")


@pytest.mark.parametrize(("creation", "made"), [("if_required", 0), ("always", 1)])
def test_a_payment_makes_a_customer_only_if_asked(standin: StandInServer, client: Any, creation: str, made: int) -> None:
    session = make_session(client, mode="payment", customer_creation=creation)
    standin.pay(session.id, email="guest@example.org")
    seen = client.v1.checkout.sessions.retrieve(session.id)
    assert seen.customer_details is not None
    assert (len(client.v1.customers.list().data), seen.customer is not None) == (made, bool(made))
    assert seen.customer_details.email == "guest@example.org"


def test_a_known_customer_keeps_the_address_whatever_is_typed(standin: StandInServer, client: Any) -> None:
    customer = client.v1.customers.create({"email": "known@example.org"})
    session = make_session(client, customer=customer.id)
    body = page(standin, session.id)[1]
    assert ('value="known@example.org" readonly' in body, "Given by the site" in body) == (True, True)

    standin.pay(session.id, email="other@example.org")

    assert [c.email for c in client.v1.customers.list().data] == ["known@example.org"]
    assert client.v1.checkout.sessions.retrieve(session.id).customer_details.email == "known@example.org"


def test_a_price_made_on_the_spot_is_sold(standin: StandInServer, client: Any) -> None:
    price = {"currency": "uah", "unit_amount": 20000, "product_data": {"name": "Patron"}, "recurring": {"interval": "year"}}
    session = make_session(client, line_items=[{"price_data": price, "quantity": 2}])
    status, body = page(standin, session.id)
    assert (status, "₴400.00" in body, "every year" in body, "Patron × 2" in body) == (200, True, True, True)
    standin.pay(session.id)
    invoice = client.v1.invoices.list().data[0]
    assert (invoice.amount_paid, invoice.currency) == (40000, "uah")


def test_zero_decimal_amounts_are_written_whole(standin: StandInServer, client: Any) -> None:
    session = make_session(client, make_price(client, 500, "jpy", None), mode="payment", submit_type="donate")
    assert "Donate ¥500" in page(standin, session.id)[1]


def test_paying_twice_makes_one_subscription(standin: StandInServer, client: Any) -> None:
    session = make_session(client)

    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda _: standin.submit(session.id), range(2)))

    target = SUCCESS.replace("{CHECKOUT_SESSION_ID}", session.id)
    assert [(reply.status, reply.headers["location"]) for reply in replies] == [(303, target), (303, target)]
    assert len(client.v1.subscriptions.list().data) == 1
    assert len(client.v1.charges.list().data) == 1
    status, body = page(standin, session.id)
    assert (status, "Already paid" in body, f'href="{target}"' in body) == (200, True, True)


def test_the_page_is_loud_private_and_without_script(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    reply = request("GET", f"{standin.url}/c/pay/{session.id}")
    body = reply.body.decode()
    assert ("Demo: no money moves." in body, "<script" in body, "style=" in body) == (True, False, False)
    assert reply.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'self' http://localhost:8000; base-uri 'none'; frame-ancestors 'none'"
    )
    assert (reply.headers["cache-control"], "set-cookie" in reply.headers) == ("no-store", False)
    assert request("GET", f"{standin.url}/assets/standin.css").status == 200


def test_a_form_from_another_site_is_refused(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    reply = request("POST", f"{standin.url}/c/pay/{session.id}", b"", {"Sec-Fetch-Site": "cross-site"})
    assert reply.status == 403
