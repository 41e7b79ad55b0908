"""Stripe objects that are valid by default, made through the official client."""

from typing import Any

from membership.stripe_standin.server import StandInServer

SUCCESS = "http://localhost:8000/support/return?session_id={CHECKOUT_SESSION_ID}"
CANCEL = "http://localhost:8000/articles/water#support"


def make_price(client: Any, amount: int = 500, currency: str = "eur", interval: str | None = "month", **more: Any) -> Any:
    recurring = {"recurring": {"interval": interval}} if interval else {}
    product = {} if "product" in more else {"product_data": {"name": "Patron"}}
    return client.v1.prices.create({"currency": currency, "unit_amount": amount, **recurring, **product, **more})


def make_session(client: Any, price: Any = None, **more: Any) -> Any:
    """Open a session in subscription mode unless told otherwise."""
    if price is None:
        price = make_price(client, interval=None if more.get("mode") == "payment" else "month")
    return client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": price.id, "quantity": 1}],
            "success_url": SUCCESS,
            "cancel_url": CANCEL,
            **more,
        }
    )


def make_subscription(standin: StandInServer, client: Any, price: Any = None, **more: Any) -> Any:
    """Pay a session on the hosted page and return its subscription."""
    session = make_session(client, price, **more)
    standin.pay(session.id)
    paid = client.v1.checkout.sessions.retrieve(session.id)
    return client.v1.subscriptions.retrieve(paid.subscription)


def make_charge(standin: StandInServer, client: Any, amount: int = 1000, currency: str = "eur") -> Any:
    """Pay once on the hosted page and return the charge."""
    session = make_session(client, make_price(client, amount, currency, None), mode="payment")
    standin.pay(session.id)
    paid = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    return paid.payment_intent.latest_charge


def make_customer(client: Any, card: str = "pm_card_visa", **more: Any) -> Any:
    """Create a customer who has a test card as default."""
    settings = {"default_payment_method": card}
    return client.v1.customers.create({"email": "reader@example.org", "payment_method": card, "invoice_settings": settings, **more})


def item_of(subscription: Any) -> str:
    """Return the id of a subscription's one item."""
    key: str = subscription.to_dict()["items"]["data"][0]["id"]
    return key


def make_configuration(client: Any, **features: Any) -> Any:
    """Create a portal configuration that allows another card, and whatever else is named."""
    return client.v1.billing_portal.configurations.create({"features": {"payment_method_update": {"enabled": True}, **features}})


def make_portal(client: Any, customer: str, **more: Any) -> str:
    """Open the portal's card flow for a customer and return its address."""
    flow = {
        "type": "payment_method_update",
        "after_completion": {"type": "redirect", "redirect": {"return_url": "http://localhost:8000/account?card=saved"}},
    }
    params = {"customer": customer, "flow_data": flow, "return_url": "http://localhost:8000/account", **more}
    configuration = params.pop("configuration", None) or make_configuration(client).id
    return str(client.v1.billing_portal.sessions.create({**params, "configuration": configuration}).url)
