"""Customers who are deleted."""

from typing import Any

import pytest
import stripe

from membership.stripe_standin.loopback import request
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import make_customer, make_session, make_subscription
from tests.stripe_standin.test_checkout import event_types


def test_a_deleted_customer_is_not_deleted_again_changed_or_sold_to(standin: StandInServer, client: Any) -> None:
    customer = make_customer(client)
    standin.control("delete-customer", id=customer.id)
    with pytest.raises(ValueError, match=r"delete-customer: 400 .*No such customer"):
        standin.control("delete-customer", id=customer.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.update(customer.id, {"name": "Gone"})
    with pytest.raises(stripe.InvalidRequestError, match="No such customer") as caught:
        make_session(client, customer=customer.id)
    assert (caught.value.code, caught.value.param) == ("resource_missing", "customer")


def test_a_page_that_is_open_closes_with_its_customer(standin: StandInServer, client: Any) -> None:
    customer = make_customer(client)
    session = make_session(client, customer=customer.id)
    client.v1.customers.delete(customer.id)
    assert (request("GET", session.url.partition("#")[0]).status, standin.submit(session.id).status) == (410, 410)
    assert client.v1.subscriptions.list({"status": "all"}).data == []


def test_deleting_a_customer_ends_the_subscriptions_at_once(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    standin.control("fail", id=subscription.id)
    invoice = client.v1.invoices.list({"status": "open"}).data[0]

    standin.control("delete-customer", id=subscription.customer)

    gone = client.v1.customers.retrieve(subscription.customer)
    assert (gone.id, gone.deleted, client.v1.customers.list().data) == (subscription.customer, True, [])
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert event_types(client)[-3:] == ["invoice.updated", "customer.subscription.deleted", "customer.deleted"]
    # What was paid stays on the books and can be given back; what is open can no longer be paid.
    assert standin.control("refund", id=subscription.id)["amount"] == 500
    assert standin.pay_invoice(invoice.id).status == 410
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.invoices.pay(invoice.id)
    standin.advance(days=40)
    assert request("GET", f"{standin.url}/_control").status == 200
