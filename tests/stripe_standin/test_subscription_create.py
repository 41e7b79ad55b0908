"""Subscriptions that no Checkout made, and the cards that pay them."""

from typing import Any

import pytest
import stripe

from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import make_customer, make_price


def create(client: Any, customer: Any, price: Any, **more: Any) -> Any:
    return client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}], **more})


def test_subscriptions_that_are_refused_leave_nothing(client: Any) -> None:
    price, once, dollars = make_price(client), make_price(client, interval=None), make_price(client, 500, "usd")
    inactive = make_price(client)
    client.v1.prices.update(inactive.id, {"active": False})
    payer, other, cardless = make_customer(client), make_customer(client), client.v1.customers.create({})
    items = [{"price": price.id}]
    wrong: list[tuple[dict[str, Any], str | None]] = [
        ({"items": items}, "customer"),
        ({"customer": "cus_none", "items": items}, "customer"),
        ({"customer": payer.id}, "items"),
        ({"customer": payer.id, "items": [{"quantity": 1}]}, "items[0][price]"),
        ({"customer": payer.id, "items": [{"price": once.id}]}, "items[0][price]"),
        ({"customer": payer.id, "items": [{"price": inactive.id}]}, "items[0][price]"),
        ({"customer": payer.id, "items": [*items, {"price": dollars.id}]}, "items with different currencies or intervals"),
        ({"customer": cardless.id, "items": items}, None),
        (
            {"customer": payer.id, "items": items, "default_payment_method": other.invoice_settings.default_payment_method},
            "default_payment_method",
        ),
        ({"customer": payer.id, "items": items, "payment_behavior": "default_incomplete"}, "payment_behavior=default_incomplete"),
    ]
    for params, param in wrong:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.subscriptions.create(params)
        assert (params, caught.value.http_status, caught.value.param) == (params, 400, param)
    assert client.v1.subscriptions.list({"status": "all"}).data == []


def test_a_first_payment_that_fails_leaves_it_incomplete_or_nothing(client: Any) -> None:
    customer, price = make_customer(client, "pm_card_chargeCustomerFail"), make_price(client)
    with pytest.raises(stripe.CardError):
        create(client, customer, price, payment_behavior="error_if_incomplete")
    assert client.v1.invoices.list().data == []

    left = create(client, customer, price)

    assert left.status == "incomplete"
    with pytest.raises(stripe.InvalidRequestError, match="incomplete"):
        client.v1.subscriptions.update(left.id, {"cancel_at_period_end": True})


def test_a_foreign_subscription_is_paid_by_the_customers_default_and_has_no_metadata_of_ours(client: Any) -> None:
    customer, price = make_customer(client), make_price(client, 1200)
    made = create(client, customer, price, description="A foreign product")
    assert (made.status, made.metadata.to_dict(), made.default_payment_method, made.description) == (
        *("active", {}),
        *(None, "A foreign product"),
    )
    assert client.v1.invoices.retrieve(str(made.latest_invoice)).amount_paid == 1200


def test_a_subscription_keeps_the_method_and_metadata_it_was_given(client: Any) -> None:
    customer = client.v1.customers.create({})
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    made = create(client, customer, make_price(client), default_payment_method=method.id, metadata={"a": "1"}, off_session=True)
    assert (made.status, made.default_payment_method, made.metadata.to_dict()) == ("active", method.id, {"a": "1"})


def test_cards_that_cannot_be_attached(client: Any) -> None:
    customer, other = make_customer(client), make_customer(client)
    theirs = str(other.invoice_settings.default_payment_method)
    with pytest.raises(stripe.CardError, match="declined"):
        client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    for key in ("pm_none", theirs):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.payment_methods.attach(key, {"customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": theirs}})
    assert caught.value.param == "invoice_settings[default_payment_method]"


def test_a_detached_card_pays_nothing_any_more(standin: StandInServer, client: Any) -> None:
    customer = client.v1.customers.create({})
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    made = create(client, customer, make_price(client), default_payment_method=method.id)

    client.v1.payment_methods.detach(method.id)
    standin.control("renew", id=made.id)

    left = client.v1.subscriptions.retrieve(made.id)
    assert (left.status, left.default_payment_method) == ("past_due", None)
    assert client.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    assert client.v1.customers.payment_methods.list(customer.id).data == []
    for again in (client.v1.payment_methods.detach, lambda key: client.v1.payment_methods.attach(key, {"customer": customer.id})):
        with pytest.raises(stripe.InvalidRequestError):
            again(method.id)
    with pytest.raises(stripe.InvalidRequestError, match="default_payment_method"):
        client.v1.invoices.pay(str(left.latest_invoice))
