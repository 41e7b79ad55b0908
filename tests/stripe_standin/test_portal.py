"""The customer portal: configurations, sessions, and the page for another card."""

import json
from typing import Any

import pytest
import stripe

from membership.stripe_standin.loopback import request
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.annotation_check import faults
from tests.stripe_standin.conftest import FixedClock
from tests.stripe_standin.factories import (
    make_configuration,
    make_customer,
    make_portal,
    make_price,
    make_session,
    make_subscription,
)

FAILS_LATER, DECLINES = "4000000000000341", "4000000000000002"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def shown(url: str) -> tuple[int, str]:
    reply = request("GET", url)
    return reply.status, reply.body.decode()


def charged_with(client: Any, subscription: Any) -> str:
    """Return the last four digits of the card that paid the subscription's latest charge."""
    charge = client.v1.charges.list({"customer": subscription.customer, "limit": 1}).data[0].to_dict()
    return str(charge["payment_method_details"]["card"]["last4"])


def test_sessions_that_are_refused(client: Any) -> None:
    customer = make_customer(client).id
    allowed, bare = make_configuration(client).id, make_configuration(client, payment_method_update={"enabled": False}).id
    inactive = make_configuration(client).id
    client.v1.billing_portal.configurations.update(inactive, {"active": False})
    deleted = client.v1.customers.create({}).id
    client.v1.customers.delete(deleted)
    card: Any = {"type": "payment_method_update"}
    back = {"type": "redirect", "redirect": {"return_url": "javascript:alert(1)"}}
    wrong: list[tuple[dict[str, Any], str | None]] = [
        ({"configuration": allowed}, "customer"),
        ({"customer": "cus_none", "configuration": allowed}, "customer"),
        ({"customer": deleted, "configuration": allowed}, "customer"),
        ({"customer": customer}, None),
        ({"customer": customer, "configuration": "bpc_none"}, "configuration"),
        ({"customer": customer, "configuration": inactive}, "configuration"),
        ({"customer": customer, "configuration": bare, "flow_data": card}, "flow_data[type]"),
        ({"customer": customer, "configuration": allowed, "return_url": "here"}, "return_url"),
        (
            {"customer": customer, "configuration": allowed, "flow_data": {**card, "after_completion": back}},
            "flow_data[after_completion][redirect][return_url]",
        ),
        (
            {"customer": customer, "configuration": allowed, "flow_data": {**card, "after_completion": {"type": "redirect"}}},
            "flow_data[after_completion][redirect]",
        ),
        (
            {"customer": customer, "configuration": allowed, "flow_data": {"type": "customer_update"}},
            "flow_data[type]=customer_update",
        ),
    ]
    for params, param in wrong:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.billing_portal.sessions.create(params)
        assert (params, caught.value.http_status, caught.value.param) == (params, 400, param)


def test_configurations_that_are_refused(client: Any) -> None:
    for features in (
        {"customer_update": {"enabled": True}},
        {"subscription_update": {"enabled": True}},
        {"subscription_pause": {"enabled": True}},
    ):
        with pytest.raises(stripe.InvalidRequestError):
            make_configuration(client, **features)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.billing_portal.configurations.create({"features": {}, "default_return_url": "nowhere"})


def test_a_configuration_says_what_is_allowed_and_is_found_by_activity(client: Any) -> None:
    made = client.v1.billing_portal.configurations.create(
        {
            "features": {
                "payment_method_update": {"enabled": True},
                "customer_update": {"enabled": True, "allowed_updates": ["email"]},
            },
            "business_profile": {"headline": "A newsroom"},
            "default_return_url": "http://localhost:8000/account",
            "metadata": {"membership": "card"},
            "name": "Card only",
        }
    )
    other = make_configuration(client, subscription_cancel={"enabled": True, "mode": "immediately"})

    changed = client.v1.billing_portal.configurations.update(
        made.id, {"metadata": {"v": "2"}, "features": {"invoice_history": {"enabled": True}}}
    )
    client.v1.billing_portal.configurations.update(other.id, {"active": False})

    enabled = {name: feature["enabled"] for name, feature in changed.to_dict()["features"].items()}
    assert enabled == {
        "customer_update": True,
        "invoice_history": True,
        "payment_method_update": True,
        "subscription_cancel": False,
        "subscription_pause": False,
        "subscription_update": False,
    }
    assert (changed.metadata.to_dict(), changed.business_profile.headline) == ({"membership": "card", "v": "2"}, "A newsroom")
    assert [c.id for c in client.v1.billing_portal.configurations.list({"active": True}).data] == [made.id]
    assert [c.id for c in client.v1.billing_portal.configurations.list({"is_default": False}).data] == [other.id, made.id]
    for body in client.v1.billing_portal.configurations.list().data:
        assert faults(json.loads(str(body))) == []
    assert client.v1.billing_portal.configurations.retrieve(made.id) == changed


def test_a_session_names_its_flow_and_its_way_back(client: Any) -> None:
    configuration = make_configuration(client)
    session = client.v1.billing_portal.sessions.create(
        {
            "customer": make_customer(client).id,
            "configuration": configuration.id,
            "flow_data": {"type": "payment_method_update"},
            "locale": "en",
            "return_url": "http://localhost:8000/account",
        }
    )
    body = json.loads(str(session))
    assert faults(body) == []
    assert (body["flow"]["type"], body["flow"]["after_completion"]["type"], body["return_url"], body["configuration"]) == (
        *("payment_method_update", "portal_homepage", "http://localhost:8000/account"),
        configuration.id,
    )


def test_an_address_that_leads_nowhere_says_so(standin: StandInServer) -> None:
    status, text = shown(f"{standin.url}/p/session/bps_none")
    assert (status, "There is no such page" in text) == (404, True)


def test_a_session_expires_when_nobody_comes_or_goes_on(standin: StandInServer, client: Any, clock: FixedClock) -> None:
    customer = make_customer(client).id
    unopened, opened = make_portal(client, customer), make_portal(client, customer)
    assert shown(opened)[0] == 200
    clock.move(minutes=6)
    late, early = shown(unopened), shown(opened)
    clock.move(minutes=61)

    assert (late[0], "This link has expired" in late[1], 'href="http://localhost:8000/account"' in late[1]) == (410, True, True)
    assert (early[0], shown(opened)[0], standin.save_card(opened).status) == (200, 410, 410)
    assert len(client.v1.payment_methods.list({"customer": customer}).data) == 1


def test_a_deleted_customer_has_no_portal(standin: StandInServer, client: Any) -> None:
    customer = make_customer(client).id
    url = make_portal(client, customer)
    client.v1.customers.delete(customer)
    assert (shown(url)[0], standin.save_card(url).status) == (410, 410)


@pytest.mark.parametrize(
    ("card", "status", "words"), [("", 422, "Choose one of the test cards."), (DECLINES, 402, "Your card was declined.")]
)
def test_a_card_that_cannot_be_saved_changes_nothing(
    standin: StandInServer, client: Any, card: str, status: int, words: str
) -> None:
    subscription = make_subscription(standin, client)
    url = make_portal(client, subscription.customer)
    events = len(client.v1.events.list({"limit": 100}).data)

    reply = standin.save_card(url, card)

    with pytest.raises(ValueError, match=f"the card was not saved: {status}"):
        standin.change_card(url, card)
    assert (reply.status, words in reply.body.decode(), "<title>Error: " in reply.body.decode()) == (status, True, True)
    assert len(client.v1.events.list({"limit": 100}).data) == events


def test_a_form_from_elsewhere_is_refused(client: Any) -> None:
    url = make_portal(client, make_customer(client).id)
    assert request("POST", f"{url}/card", b"card=4242424242424242", {**FORM, "Sec-Fetch-Site": "cross-site"}).status == 403


def test_the_page_offers_cards_and_the_way_back_and_shows_no_invoice(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    reply = request("GET", make_portal(client, subscription.customer))
    text = reply.body.decode()
    assert (reply.status, "card ending in 4242" in text, "Invoices" in text, "€5.00" in text) == (200, True, False, False)
    assert '<a class="button quiet" href="http://localhost:8000/account">Go back</a>' in text
    assert "form-action 'self' http://localhost:8000;" in reply.headers["content-security-policy"]


def test_a_saved_card_becomes_the_default_and_pays_from_then_on(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    url = make_portal(client, subscription.customer)
    seen = len(client.v1.events.list({"limit": 100}).data)

    back = standin.change_card(url, FAILS_LATER)

    customer = client.v1.customers.retrieve(str(subscription.customer))
    method = client.v1.payment_methods.retrieve(str(customer.invoice_settings.default_payment_method))
    events = [event.to_dict() for event in client.v1.events.list({"limit": 100}).data][::-1][seen:]
    assert back == "http://localhost:8000/account?card=saved"
    assert (method.customer, method.card.last4) == (customer.id, "0341")
    assert client.v1.subscriptions.retrieve(subscription.id).default_payment_method is None
    assert [event["type"] for event in events] == ["payment_method.attached", "customer.updated", "customer.subscription.updated"]
    assert events[2]["data"]["previous_attributes"] == {"default_payment_method": subscription.default_payment_method}
    standin.control("renew", id=subscription.id, outcome="paid")
    assert charged_with(client, subscription) == "0341"


def test_a_portal_that_keeps_the_subscriptions_own_card_goes_on_charging_it(standin: StandInServer, client: Any) -> None:
    standin.control("portal-cards", then="keep")
    subscription = make_subscription(standin, client)

    standin.change_card(make_portal(client, subscription.customer), FAILS_LATER)
    standin.control("renew", id=subscription.id)
    kept = charged_with(client, subscription)
    default = client.v1.customers.retrieve(str(subscription.customer)).invoice_settings.default_payment_method
    client.v1.subscriptions.update(subscription.id, {"default_payment_method": str(default)})
    standin.control("renew", id=subscription.id)
    named = charged_with(client, subscription)
    cleared = client.v1.subscriptions.update(subscription.id, {"default_payment_method": ""})

    assert (kept, named, cleared.default_payment_method) == ("4242", "0341", None)


def test_an_open_invoice_waits_until_it_is_asked_for_again(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    standin.control("fail", id=subscription.id)
    standin.change_card(make_portal(client, subscription.customer))
    before = client.v1.subscriptions.retrieve(subscription.id)
    client.v1.invoices.pay(str(before.latest_invoice))
    assert (before.status, client.v1.subscriptions.retrieve(subscription.id).status) == ("past_due", "active")


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"type": "portal_homepage"}, "The next payments use this card."),
        ({"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "All is well."}}, "All is well."),
    ],
)
def test_a_flow_without_a_way_back_ends_on_a_page(standin: StandInServer, client: Any, after: Any, words: str) -> None:
    flow = {"type": "payment_method_update", "after_completion": after}
    reply = standin.save_card(make_portal(client, make_customer(client).id, flow_data=flow))
    assert (reply.status, words in reply.body.decode()) == (200, True)


def test_the_first_page_shows_what_the_configuration_allows(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    cancel = {"enabled": True, "mode": "at_period_end"}
    allowed = make_configuration(client, invoice_history={"enabled": True}, subscription_cancel=cancel).id
    make = client.v1.billing_portal.sessions.create
    url = make({"customer": subscription.customer, "configuration": allowed}).url

    status, text = shown(url)
    request("POST", f"{url}/cancel", f"id={subscription.id}".encode(), FORM)

    ended = client.v1.subscriptions.retrieve(subscription.id).to_dict()
    assert (status, "Invoices" in text, "€5.00 every month" in text, "Cancel this subscription" in text) == (200, True, True, True)
    assert (ended["cancel_at"], ended["cancel_at_period_end"]) == (ended["items"]["data"][0]["current_period_end"], False)
    assert "Cancel this subscription" not in shown(url)[1]


def test_the_first_page_does_nothing_that_is_switched_off_or_not_ones_own(standin: StandInServer, client: Any) -> None:
    mine, other = make_subscription(standin, client), make_subscription(standin, client)
    allowed = make_configuration(client, subscription_cancel={"enabled": True, "mode": "immediately"}).id
    bare = make_configuration(client, payment_method_update={"enabled": False}).id
    make = client.v1.billing_portal.sessions.create
    open_url = make({"customer": mine.customer, "configuration": allowed}).url
    bare_url = make({"customer": mine.customer, "configuration": bare, "return_url": "http://localhost:8000/"}).url

    assert request("POST", f"{bare_url}/cancel", f"id={mine.id}".encode(), FORM).status == 403
    assert (standin.save_card(bare_url).status, "New test card" in shown(bare_url)[1]) == (403, False)
    request("POST", f"{open_url}/cancel", f"id={other.id}".encode(), FORM)
    statuses = [client.v1.subscriptions.retrieve(each.id).status for each in (mine, other)]
    request("POST", f"{open_url}/cancel", f"id={mine.id}".encode(), FORM)

    assert statuses == ["active", "active"]
    assert client.v1.subscriptions.retrieve(mine.id).status == "canceled"


def test_the_control_page_leads_to_the_newest_portal_that_opens(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    make_portal(client, subscription.customer)
    newest = make_portal(client, subscription.customer)
    assert f'<a href="{newest}">Customer portal</a>' in request("GET", f"{standin.url}/_control").body.decode()
    standin.advance(days=1)
    assert standin.overview()["subscriptions"][0]["portal"] is None


def test_a_portal_and_a_checkout_at_once_leave_both_their_marks(standin: StandInServer, client: Any) -> None:
    subscription = make_subscription(standin, client)
    url = make_portal(client, subscription.customer)
    session = make_session(client, make_price(client, 900), customer=subscription.customer)
    standin.change_card(url)
    standin.pay(session.id)
    assert len(client.v1.subscriptions.list({"customer": subscription.customer}).data) == 2
