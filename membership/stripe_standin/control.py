"""The control page: let time pass, cards fail, people cancel and money go back."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from flask import Flask, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from membership.stripe_standin.billing import cancel_at_period_end, end, recover, renew, set_declining
from membership.stripe_standin.checkout_page import interval_words
from membership.stripe_standin.control_view import overview
from membership.stripe_standin.engine import Engine
from membership.stripe_standin.errors import ApiError, Json, parameter_missing, resource_missing
from membership.stripe_standin.events import queue
from membership.stripe_standin.refunds import refund
from membership.stripe_standin.store import Ledger

DAY = 24 * 3600
MOST_DAYS = 3660


def register(app: Flask, engine: Engine) -> None:
    """Add the control page and one POST address for each action."""
    app.jinja_env.filters["instant"] = _instant
    app.jinja_env.filters["interval"] = interval_words
    app.add_url_rule("/_control", "control", partial(_show, engine))
    app.add_url_rule("/_control/<action>", "control_act", partial(_act, engine), methods=["POST"])


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y, %H:%M:%S UTC")


def _wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def _show(engine: Engine) -> ResponseReturnValue:
    with engine.ledger(write=False) as ledger:
        seen = overview(ledger)
    return jsonify(seen) if _wants_json() else render_template("control.html", **seen, done=request.args.get("done"))


def _act(engine: Engine, action: str) -> ResponseReturnValue:
    """Carry one action out; answer with JSON where asked, else lead back to the page."""
    try:
        result = _carry_out(engine, action)
    except ApiError as error:
        if _wants_json():
            return {"error": error.error}, error.status
        page = render_template("message.html", title="Not done", text=str(error), link=(url_for("control"), "Go back"))
        return page, error.status
    answer: Response | ResponseReturnValue = redirect(url_for("control", done=action), code=303)
    return jsonify(result) if _wants_json() else answer


def _carry_out(engine: Engine, action: str) -> Json:
    if action == "deliver":
        return {"attempts": engine.courier.deliver_due()}
    if action == "advance":
        engine.advance(_number("days", 1, MOST_DAYS) * DAY)
        return {"object": "advanced"}
    act = _ACTIONS.get(action)
    if act is None:
        raise ApiError(f"There is no action '{action}'.", status=404)
    key = request.values.get("id")
    if not key:
        raise parameter_missing("id")
    with engine.ledger(write=True) as ledger:
        return act(ledger, key)


def _number(name: str, least: int, most: int) -> int:
    text = request.values.get(name, "")
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise ApiError(f"Give {name} as a whole number from {least} to {most}.", param=name)
    return int(text)


def _renew(ledger: Ledger, key: str) -> Json:
    subscription = ledger.get("subscription", key)
    set_declining(ledger, subscription, declines=False)
    return renew(ledger, subscription)


def _fail(ledger: Ledger, key: str) -> Json:
    subscription = ledger.get("subscription", key)
    set_declining(ledger, subscription, declines=True)
    return renew(ledger, subscription)


def _recover(ledger: Ledger, key: str) -> Json:
    return recover(ledger, ledger.get("subscription", key))


def _cancel(ledger: Ledger, key: str) -> Json:
    return end(ledger, ledger.get("subscription", key))


def _cancel_at_period_end(ledger: Ledger, key: str) -> Json:
    return cancel_at_period_end(ledger, ledger.get("subscription", key))


def _refund(ledger: Ledger, key: str) -> Json:
    """Refund a charge, or the latest paid charge of a subscription, in full or by the amount given."""
    charge = ledger.find("charge", key) or _latest_charge(ledger, key)
    amount = _number("amount", 1, charge["amount"]) if request.values.get("amount") else None
    return refund(ledger, charge, amount, "requested_by_customer", {})


def _latest_charge(ledger: Ledger, subscription_id: str) -> Json:
    customer = ledger.get("subscription", subscription_id)["customer"]
    for invoice in ledger.select("invoice", {"customer": customer, "status": "paid"}):
        if invoice["parent"]["subscription_details"]["subscription"] == subscription_id:
            payment = ledger.select("invoice_payment", {"invoice": invoice["id"]})[0]["payment"]
            return ledger.get("charge", ledger.get("payment_intent", payment["payment_intent"])["latest_charge"])
    raise resource_missing("charge", subscription_id)


def _resend(ledger: Ledger, key: str) -> Json:
    """Send an event once more, also one that was delivered, to every endpoint that is switched on."""
    event = ledger.get("event", key)
    for endpoint in ledger.select("webhook_endpoint", {"status": "enabled"}):
        queue(ledger, event["id"], endpoint["id"])
    return event


_ACTIONS: dict[str, Callable[[Ledger, str], Json]] = {
    "renew": _renew,
    "fail": _fail,
    "recover": _recover,
    "cancel": _cancel,
    "cancel-at-period-end": _cancel_at_period_end,
    "refund": _refund,
    "resend": _resend,
}
