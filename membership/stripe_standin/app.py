"""Build the stand-in's Flask app; the only place where its parts meet."""

from pathlib import Path
from typing import cast

from flask import Flask
from jinja2 import StrictUndefined

from membership.stripe_standin import (
    account,
    api,
    balance,
    billing_actions,
    cards,
    chaos_actions,
    charges,
    checkout_page,
    checkout_sessions,
    collection_api,
    control,
    customer_balance,
    customers,
    dispute_api,
    endpoints,
    event_api,
    invoice_api,
    invoice_items,
    invoice_page,
    invoice_preview,
    payment_actions,
    payment_methods,
    payments,
    portal_cards,
    portal_configurations,
    portal_page,
    portal_sessions,
    prices,
    products,
    refund_actions,
    refund_api,
    subscription_actions,
    subscription_api,
    subscription_create,
)
from membership.stripe_standin.clock import Clock, system_clock
from membership.stripe_standin.engine import Engine
from membership.stripe_standin.money import written
from membership.stripe_standin.web import guard

# Imported because each registers its operations or its control actions.
NOUNS = (
    *(billing_actions, chaos_actions, payment_actions, refund_actions),
    *(charges, collection_api, dispute_api),
    *(balance, cards, checkout_sessions, customers, endpoints, event_api),
    *(customer_balance, invoice_api, invoice_items, invoice_preview, payments, prices, products, refund_api),
    *(account, payment_methods, portal_cards, portal_configurations, portal_sessions),
    *(subscription_actions, subscription_api, subscription_create),
)
_EXTENSION = "stripe_standin"


def create_standin(
    state_path: Path,
    *,
    clock: Clock = system_clock,
    public_url: str = "http://127.0.0.1:8001",
    product_url: str | None = None,
) -> Flask:
    """Build one stand-in on its state file; nothing is delivered until its courier is started or told to."""
    app = Flask(__name__, static_url_path="/assets")
    app.jinja_options = {"undefined": StrictUndefined}
    app.jinja_env.filters["money"] = written
    engine = Engine(state_path, clock, public_url, product_url)
    app.extensions[_EXTENSION] = engine
    guard(app, engine)
    api.register(app, engine)
    checkout_page.register(app, engine)
    invoice_page.register(app, engine)
    portal_page.register(app, engine)
    control.register(app, engine)
    return app


def engine_of(app: Flask) -> Engine:
    """Return the engine of an app that create_standin built."""
    return cast("Engine", app.extensions[_EXTENSION])
