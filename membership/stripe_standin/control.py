"""The control page: let time pass, cards fail, people cancel and money go back."""

from datetime import UTC, datetime
from functools import partial

from flask import Flask, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from membership.stripe_standin.actions import ACTIONS, Wish, action
from membership.stripe_standin.checkout_page import interval_words
from membership.stripe_standin.control_view import overview
from membership.stripe_standin.engine import Engine
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import queue
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


def _carry_out(engine: Engine, name: str) -> Json:
    wish = Wish(request.values)
    if name == "deliver":
        return {"attempts": engine.courier.deliver_due()}
    if name == "advance":
        engine.advance(wish.number("days", 1, MOST_DAYS) * DAY)
        return {"object": "advanced"}
    act = ACTIONS.get(name)
    if act is None:
        raise ApiError(f"There is no action '{name}'.", status=404)
    with engine.ledger(write=True) as ledger:
        done = act(ledger, wish)
    if name == "calm":
        engine.waiting_room.release()
    return done


@action("resend")
def resend(ledger: Ledger, wish: Wish) -> Json:
    """Send an event once more, also one that was delivered, to every endpoint that is switched on."""
    event = ledger.get("event", wish.id)
    for endpoint in ledger.select("webhook_endpoint", {"status": "enabled"}):
        queue(ledger, event["id"], endpoint["id"])
    return event
