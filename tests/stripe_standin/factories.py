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
