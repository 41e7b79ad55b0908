"""Pages, filters and expansion."""

from typing import Any

import pytest
import stripe

from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.conftest import FixedClock, Receiver
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


def test_a_cursor_that_has_left_the_list_still_says_where_to_go_on(client: Any) -> None:
    first, second, third = (client.v1.products.create({"name": name}).id for name in ("One", "Two", "Three"))
    client.v1.products.update(second, {"active": False})

    after = client.v1.products.list({"active": True, "starting_after": second})
    before = client.v1.products.list({"active": True, "ending_before": second})

    assert ([each.id for each in after.data], [each.id for each in before.data]) == ([first], [third])


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


def test_events_are_listed_newest_first_by_time_and_by_delivery(
    client: Any, clock: FixedClock, receiver: Receiver, standin: StandInServer
) -> None:
    old = client.v1.customers.create({"email": "old@example.org"})
    standin.set_webhook(receiver.url)
    clock.move(days=1)
    delivered = client.v1.customers.create({})
    standin.deliver()
    receiver.statuses = [500, 500]
    failed = client.v1.customers.create({})
    clock.move(days=1)
    client.v1.customers.update(failed.id, {"name": "A Reader"})
    standin.deliver()
    at = client.v1.customers.retrieve(failed.id).created

    def subjects(**params: object) -> list[str]:
        listed = client.v1.events.list({"types": ["customer.created", "customer.updated"], **params}).data
        return [event.to_dict()["data"]["object"]["id"] for event in listed]

    assert subjects(delivery_success=False) == [failed.id, failed.id]
    assert subjects(delivery_success=True) == [delivered.id, old.id]
    assert subjects(delivery_success=False, created={"gte": at, "lt": at + 1}) == [failed.id]
    assert subjects(created={"lt": at}) == [old.id]
    everything = [event.id for event in client.v1.events.list({"limit": 2}).auto_paging_iter()]
    assert everything == [event.id for event in client.v1.events.list({"limit": 100}).data]


def test_subscriptions_are_listed_by_status_customer_price_and_time(standin: StandInServer, client: Any, clock: FixedClock) -> None:
    price = make_price(client)
    first = make_subscription(standin, client, price)
    client.v1.subscriptions.cancel(first.id)
    clock.move(days=1)
    second, third = make_subscription(standin, client), make_subscription(standin, client, price)
    standin.control("fail", id=second.id)

    def found(**params: object) -> list[str]:
        return [subscription.id for subscription in client.v1.subscriptions.list(params).data]

    assert found() == [third.id, second.id]
    assert found(status="all") == [third.id, second.id, first.id]
    assert [found(status=status) for status in ("active", "past_due", "canceled", "ended", "unpaid")] == [
        *([third.id], [second.id]),
        *([first.id], [first.id], []),
    ]
    assert found(customer=second.customer) == [second.id]
    assert found(price=price.id) == [third.id]
    assert found(status="all", created={"lt": second.created}) == [first.id]
    assert found(status="all", limit=1, starting_after=third.id) == [second.id]


def test_invoices_are_listed_by_subscription_customer_status_and_time(
    standin: StandInServer, client: Any, clock: FixedClock
) -> None:
    mine, other = make_subscription(standin, client), make_subscription(standin, client)
    clock.move(days=1)
    standin.control("fail", id=mine.id)

    def found(**params: object) -> list[str]:
        return [invoice.id for invoice in client.v1.invoices.list(params).data]

    latest = str(client.v1.subscriptions.retrieve(mine.id).latest_invoice)
    assert found(subscription=mine.id) == found(customer=mine.customer) == [latest, mine.latest_invoice]
    assert found(status="open") == found(created={"gt": mine.created}) == [latest]
    assert found(subscription=other.id, status="paid") == [other.latest_invoice]


def test_money_and_sessions_are_listed_by_time_and_by_what_they_belong_to(
    standin: StandInServer, client: Any, clock: FixedClock
) -> None:
    old = make_charge(standin, client)
    client.v1.refunds.create({"charge": old.id})
    clock.move(days=1)
    now = int(clock().timestamp())
    new = make_subscription(standin, client)
    charge = client.v1.charges.list({"customer": new.customer}).data[0]
    refund = client.v1.refunds.create({"charge": charge.id, "amount": 100})
    left = make_session(client)

    def found(noun: Any, **params: object) -> list[str]:
        return [row.id for row in noun.list(params).data]

    v1 = client.v1
    since = {"gte": now}
    assert [found(noun, created=since) for noun in (v1.charges, v1.refunds)] == [[charge.id], [refund.id]]
    assert found(v1.customers, created=since) == [new.customer]
    booked = [str(charge.balance_transaction), str(refund.balance_transaction)]
    assert sorted(found(v1.balance_transactions, created=since)) == sorted(booked)
    assert found(v1.checkout.sessions, created=since, status="open") == [left.id]
    assert found(v1.checkout.sessions, created={"lt": now}, payment_intent=str(old.payment_intent)) != []
    assert found(v1.checkout.sessions, subscription=new.id) == found(v1.checkout.sessions, customer=new.customer)


def test_products_and_prices_change_what_may_change(client: Any) -> None:
    product = client.v1.products.create({"name": "Patron"})
    price = make_price(client, product=product.id, lookup_key="old")

    changes = {"name": "Reader", "statement_descriptor": "NEWSROOM", "active": False}
    client.v1.products.update(product.id, changes)
    client.v1.prices.update(price.id, {"active": False, "lookup_key": "new", "nickname": "Put away"})

    changed, put_away = client.v1.products.retrieve(product.id), client.v1.prices.list({"lookup_keys": ["new"]}).data[0]
    assert (changed.name, changed.statement_descriptor, changed.active) == ("Reader", "NEWSROOM", False)
    assert (put_away.id, put_away.active, put_away.nickname) == (price.id, False, "Put away")
    assert client.v1.prices.list({"lookup_keys": ["old"]}).data == []
    assert [p.id for p in client.v1.prices.list({"product": product.id, "active": False}).data] == [price.id]
    assert client.v1.prices.list({"lookup_keys": ["new"], "active": True}).data == []
