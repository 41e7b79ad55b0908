"""The hosted pages of the customer portal: the flow for another card, and the portal's first page."""

from flask import Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from membership.stripe_standin.cards import CARDS, PAYS
from membership.stripe_standin.cards import written as in_fours
from membership.stripe_standin.declines import DECLINES
from membership.stripe_standin.endings import cancel_at_period_end, end
from membership.stripe_standin.engine import Engine
from membership.stripe_standin.errors import Json
from membership.stripe_standin.portal_cards import save_card
from membership.stripe_standin.portal_configurations import KIND as CONFIGURATION
from membership.stripe_standin.portal_sessions import KIND, is_expired
from membership.stripe_standin.render import public
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import LIVE, period_end
from membership.stripe_standin.web import allow_form_target

MOST_INVOICES = 20


def register(app: Flask, engine: Engine) -> None:
    """Add the portal's pages."""

    @app.get("/p/session/<session_id>", endpoint="portal_page")
    def show_portal(session_id: str) -> ResponseReturnValue:
        with engine.ledger(write=True) as ledger:
            session = ledger.find(KIND, session_id)
            return _closed(ledger, session) or _page(ledger, session or {})

    @app.post("/p/session/<session_id>/card", endpoint="portal_card")
    def submit_card(session_id: str) -> ResponseReturnValue:
        with engine.ledger(write=True) as ledger:
            session = ledger.find(KIND, session_id)
            return _closed(ledger, session, "payment_method_update") or _submit_card(ledger, session or {})

    @app.post("/p/session/<session_id>/cancel", endpoint="portal_cancel")
    def submit_cancel(session_id: str) -> ResponseReturnValue:
        with engine.ledger(write=True) as ledger:
            session = ledger.find(KIND, session_id)
            return _closed(ledger, session, "subscription_cancel") or _submit_cancel(ledger, session or {})


def _closed(ledger: Ledger, session: Json | None, feature: str | None = None) -> ResponseReturnValue | None:
    """Return the page of a session that no longer opens or never had the feature, else None; note that it was seen."""
    if session is None:
        return _message("There is no such page", "The address is not complete, or the demo was reset.", None), 404
    link = (session["return_url"], "Go back") if session["return_url"] else None
    gone = ledger.get("customer", session["customer"]).get("deleted")
    if gone or is_expired(ledger, session):
        return _message("This link has expired", "Nothing was changed. Go back and ask for a new one.", link), 410
    if feature and not _features(ledger, session)[feature]["enabled"]:
        return _message("This is switched off", "Nothing was changed.", link), 403
    ledger.remember(session["id"], last_seen=ledger.now)
    return None


def _message(title: str, text: str, link: tuple[str, str] | None) -> str:
    return render_template("message.html", title=title, text=text, link=link)


def _features(ledger: Ledger, session: Json) -> Json:
    return dict(ledger.get(CONFIGURATION, session["configuration"])["features"])


def _submit_card(ledger: Ledger, session: Json) -> ResponseReturnValue:
    number = request.form.get("card", "")
    if number not in CARDS:
        return _page(ledger, session, card=number, error="Choose one of the test cards."), 422
    decline = DECLINES.get(CARDS[number].saved)
    if decline:
        return _page(ledger, session, card=number, error=f"{decline.message} Nothing was changed. Choose another card."), 402
    save_card(ledger, ledger.get("customer", session["customer"]), number)
    after = (session["flow"] or {}).get("after_completion", {"type": "portal_homepage"})
    if after["type"] == "redirect":
        return redirect(after["redirect"]["return_url"], code=303)
    text = (after.get("hosted_confirmation") or {}).get("custom_message") or "The next payments use this card."
    link = (session["return_url"], "Go back") if session["return_url"] else None
    return _message("Your card was saved", text, link)


def _submit_cancel(ledger: Ledger, session: Json) -> ResponseReturnValue:
    subscription = ledger.find("subscription", request.form.get("id", ""))
    if subscription and subscription["customer"] == session["customer"] and subscription["status"] in LIVE:
        mode = _features(ledger, session)["subscription_cancel"]["mode"]
        (end if mode == "immediately" else cancel_at_period_end)(ledger, subscription)
    return redirect(url_for("portal_page", session_id=session["id"]), code=303)


def _page(ledger: Ledger, session: Json, *, card: str = PAYS, error: str = "") -> str:
    flow = session["flow"]
    allow_form_target(flow["after_completion"]["redirect"]["return_url"] if flow and flow["after_completion"]["redirect"] else None)
    customer = ledger.get("customer", session["customer"])
    return render_template(
        "portal.html",
        session=session,
        cards=[(number, in_fours(number), each.effect) for number, each in CARDS.items()],
        card=card,
        current=_current_card(ledger, customer),
        email=customer["email"],
        error=error,
        features=_features(ledger, session) | ({"invoice_history": {"enabled": False}} if flow else {}),
        subscriptions=[] if flow else _subscriptions(ledger, customer["id"]),
        invoices=ledger.select("invoice", {"customer": customer["id"]})[:MOST_INVOICES],
    )


def _current_card(ledger: Ledger, customer: Json) -> str | None:
    """Return the last four digits of what the customer pays with."""
    key = customer["invoice_settings"]["default_payment_method"]
    for subscription in ledger.select("subscription", {"customer": customer["id"]}):
        if subscription["ended_at"] is None:
            key = subscription["default_payment_method"] or key
    method = ledger.find("payment_method", key) if key else None
    return str(method[method["type"]]["last4"]) if method else None


def _subscriptions(ledger: Ledger, customer_id: str) -> list[Json]:
    live = [row for row in ledger.select("subscription", {"customer": customer_id}) if row["status"] in LIVE]
    return [{**public(ledger, row), "period_end": period_end(row)} for row in live]
