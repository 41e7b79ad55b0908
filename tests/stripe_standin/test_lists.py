"""Pages, filters and expansion."""

from typing import Any

import pytest
import stripe

from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.conftest import FixedClock
from tests.stripe_standin.factories import make_charge, make_price, make_session, make_subscription


@pytest.mark.parametrize("limit", [0, 101, -1])
def test_a_limit_out_of_range_is_refused(client: Any, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.list({"limit": limit})


def test_a_cursor_that_names_nothing_is_refused(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.list({"starting_after": "cus_none"})
    assert (caught.value.http_status, caught.value.param) == (400, "starting_after")


def test_a_filter_that_names_nothing_is_refused(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.subscriptions.list({"customer": "cus_none"})
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, "resource_missing", "customer")


def test_two_cursors_are_refused(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.list({"starting_after": "cus_a", "ending_before": "cus_b"})


def test_pages_run_newest_first_forwards_and_backwards(client: Any) -> None:
    made = [client.v1.customers.create({}).id for _ in range(5)][::-1]

    first = client.v1.customers.list({"limit": 2})
    second = client.v1.customers.list({"limit": 2, "starting_after": made[1]})
    last = client.v1.customers.list({"limit": 2, "starting_after": made[3]})
    back = client.v1.customers.list({"limit": 2, "ending_before": made[3]})
    start = client.v1.customers.list({"limit": 2, "ending_before": made[1]})

    pages = [[[c.id for c in page.data], page.has_more] for page in (first, second, last, back, start)]
    assert pages == [[made[:2], True], [made[2:4], True], [made[4:], False], [made[1:3], True], [made[:1], False]]
    assert first.url == "/v1/customers"
    assert [c.id for c in client.v1.customers.list({"limit": 2}).auto_paging_iter()] == made


def test_customers_are_found_by_exact_address(client: Any) -> None:
    wanted = client.v1.customers.create({"email": "reader@example.org"})
    client.v1.customers.create({"email": "reader@example.com"})
    assert [c.id for c in client.v1.customers.list({"email": "reader@example.org"}).data] == [wanted.id]
    assert client.v1.customers.list({"email": "READER@example.org"}).data == []


def test_lists_are_filtered_by_time(client: Any, clock: FixedClock) -> None:
    old = client.v1.customers.create({})
    clock.move(days=1)
    new = client.v1.customers.create({})

    def ids(created: object) -> list[str]:
        return [c.id for c in client.v1.customers.list({"created": created}).data]

    assert [ids({"gt": old.created}), ids({"lt": new.created}), ids({"gte": old.created, "lte": old.created})] == [
        [new.id],
        [old.id],
        [old.id],
    ]
    assert ids(new.created) == [new.id]


def test_a_lookup_key_is_taken_only_when_handed_over(client: Any) -> None:
    old = make_price(client, lookup_key="monthly-5")
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        make_price(client, lookup_key="monthly-5")

    new = make_price(client, lookup_key="monthly-5", transfer_lookup_key=True)

    assert [p.id for p in client.v1.prices.list({"lookup_keys": ["monthly-5", "none"]}).data] == [new.id]
    assert client.v1.prices.retrieve(old.id).lookup_key is None


def test_prices_are_listed_by_product_and_activity(client: Any) -> None:
    product = client.v1.products.create({"name": "Patron"})
    kept, dropped = make_price(client, product=product.id), make_price(client, product=product.id)
    make_price(client)
    client.v1.prices.update(dropped.id, {"active": False})
    assert [p.id for p in client.v1.prices.list({"product": product.id, "active": True}).data] == [kept.id]


def test_what_cannot_be_expanded_is_refused(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    standin.pay(session.id)
    nested = ("customer.nothing", "subscription.metadata", "total_details.breakdown", "subscription.items.data.metadata")
    for path in ("nothing", "metadata", "amount_total", "custom_text", "data.customer", "created.x", "", *nested):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.checkout.sessions.retrieve(session.id, {"expand": [path]})
        assert (path, caught.value.http_status) == (path, 400)


def test_expansion_has_four_levels_at_most(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        client.v1.subscriptions.list({"expand": ["data.items.data.price.product"]})


def test_lists_need_the_data_prefix(client: Any) -> None:
    client.v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.charges.list({"expand": ["balance_transaction"]})


def test_ids_become_objects_at_every_level(standin: StandInServer, client: Any) -> None:
    session = make_session(client)
    standin.pay(session.id)
    expand = ["subscription.latest_invoice.payments", "line_items.data.price.product", "customer.subscriptions"]

    seen = client.v1.checkout.sessions.retrieve(session.id, {"expand": expand}).to_dict()

    assert seen["line_items"]["data"][0]["price"]["product"]["name"] == "Patron"
    assert seen["subscription"]["latest_invoice"]["payments"]["data"][0]["payment"]["type"] == "payment_intent"
    assert seen["customer"]["subscriptions"]["data"][0]["id"] == seen["subscription"]["id"]
    assert isinstance(seen["invoice"], str)


def test_an_expansion_below_a_null_stays_null(client: Any) -> None:
    session = make_session(client)
    seen = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice"]})
    assert seen.subscription is None


def test_invoices_expand_through_their_parent_and_payments(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    expand = ["data.parent.subscription_details.subscription", "data.payments"]
    invoice = client.v1.invoices.list({"subscription": subscription.id, "expand": expand}).data[0].to_dict()
    assert invoice["parent"]["subscription_details"]["subscription"]["id"] == subscription.id
    payment = client.v1.invoice_payments.list({"invoice": invoice["id"], "expand": ["data.payment.payment_intent"]}).data[0]
    assert payment.to_dict()["payment"]["payment_intent"]["status"] == "succeeded"
    assert payment.id == invoice["payments"]["data"][0]["id"]


def test_fee_and_net_come_with_the_expanded_charge(standin: StandInServer, client: Any) -> None:
    charge = make_charge(standin, client, 1000)
    booked = client.v1.charges.list({"expand": ["data.balance_transaction"]}).data[0].balance_transaction
    assert not isinstance(booked, str)
    assert booked is not None
    assert (booked.amount, booked.fee, booked.net, booked.source) == (1000, 40, 960, charge.id)


def test_what_is_only_included_on_demand_is_absent_otherwise(client: Any) -> None:
    assert "line_items" not in make_session(client).to_dict()
    assert "subscriptions" not in client.v1.customers.create({}).to_dict()


def test_events_are_listed_by_type_and_group(standin: StandInServer, client: Any) -> None:
    make_charge(standin, client)

    def types(**params: object) -> list[str]:
        return [event.type for event in client.v1.events.list(params).data]

    assert types(type="charge.*") == ["charge.succeeded"]
    assert types(types=["price.created", "product.created"]) == ["price.created", "product.created"]
    with pytest.raises(stripe.InvalidRequestError):
        types(type="charge.*", types=["price.created"])
