"""The hosted page of an invoice: confirm its payment with the bank, or pay it with another card."""

from flask import Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from membership.stripe_standin.cards import CARDS, PAYS, new_payment_method
from membership.stripe_standin.cards import written as in_fours
from membership.stripe_standin.collection import Attempt, collect, intent_of, subscription_of
from membership.stripe_standin.confirmation import refuse_authentication
from membership.stripe_standin.endings import UPDATED
from membership.stripe_standin.engine import Engine
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change
from membership.stripe_standin.invoices import mark_failed
from membership.stripe_standin.money import written
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import LIVE

_CLOSED = {
    "draft": "This invoice is not ready yet.",
    "paid": "This invoice is paid. Thank you.",
    "uncollectible": "Nobody asks for this payment any more.",
    "void": "This invoice is no longer valid. There is nothing to pay.",
}


def register(app: Flask, engine: Engine) -> None:
    """Add the hosted invoice page."""

    @app.get("/i/<invoice_id>", endpoint="invoice_page")
    def show_invoice(invoice_id: str) -> ResponseReturnValue:
        with engine.ledger(write=False) as ledger:
            invoice = ledger.find("invoice", invoice_id)
            return _closed(ledger, invoice) or _page(ledger, invoice or {})

    @app.post("/i/<invoice_id>/pay", endpoint="invoice_pay")
    def pay_invoice(invoice_id: str) -> ResponseReturnValue:
        with engine.ledger(write=True) as ledger:
            invoice = ledger.find("invoice", invoice_id)
            return _closed(ledger, invoice) or _pay(ledger, invoice or {}, request.form.get("card", ""))

    @app.post("/i/<invoice_id>/confirm", endpoint="invoice_confirm")
    def answer_bank(invoice_id: str) -> ResponseReturnValue:
        with engine.ledger(write=True) as ledger:
            invoice = ledger.find("invoice", invoice_id)
            return _closed(ledger, invoice) or _answer(ledger, invoice or {}, request.form.get("accept") == "yes")


def _closed(ledger: Ledger, invoice: Json | None) -> ResponseReturnValue | None:
    """Return the page of an invoice that asks for nothing, None for one that can be paid."""
    if invoice is None:
        return _message("There is no such invoice", "The address is not complete, or the demo was reset."), 404
    title = f"Invoice {invoice['number'] or ''}".strip()
    if invoice["status"] in _CLOSED:
        return _message(title, _CLOSED[invoice["status"]])
    if ledger.anything(invoice["customer"]).get("deleted"):
        return _message(title, "The customer it was for is gone. There is nothing to pay."), 410
    if intent_of(ledger, invoice)["status"] == "processing":
        return _message(title, "Your bank is working on this payment. That takes some days.")
    return None


def _message(title: str, text: str) -> str:
    return render_template("message.html", title=title, text=text, link=None)


def _page(ledger: Ledger, invoice: Json, error: str = "", card: str = PAYS) -> str:
    intent = intent_of(ledger, invoice)
    failed = (intent["last_payment_error"] or {}).get("message")
    return render_template(
        "invoice.html",
        invoice=invoice,
        amount=written(invoice["amount_remaining"], invoice["currency"]),
        asks=intent["status"] == "requires_action",
        failed=None if intent["status"] == "requires_action" else failed,
        error=error,
        card=card,
        cards=[(number, in_fours(number), each.effect) for number, each in CARDS.items()],
    )


def _pay(ledger: Ledger, invoice: Json, number: str) -> ResponseReturnValue:
    """Charge another card; if it pays, the subscription keeps it."""
    if number not in CARDS:
        return _page(ledger, invoice, "Choose one of the test cards."), 422
    customer = ledger.get("customer", invoice["customer"])
    method = new_payment_method(ledger, number, customer["id"], customer["email"], customer["name"])
    return _tried(ledger, invoice, Attempt(method, is_automatic=False, off_session=False), number)


def _answer(ledger: Ledger, invoice: Json, accepted: bool) -> ResponseReturnValue:
    """Take the payment that waited for the payer's yes, or let it fail."""
    intent = intent_of(ledger, invoice)
    if intent["status"] != "requires_action":
        return redirect(url_for("invoice_page", invoice_id=invoice["id"]), code=303)
    if not accepted:
        refused = refuse_authentication(ledger, intent)
        mark_failed(ledger, invoice, invoice["next_payment_attempt"], counts=False)
        return _page(ledger, invoice, f"{refused['last_payment_error']['message']} Nothing was taken."), 402
    method = ledger.get("payment_method", intent["payment_method"])
    return _tried(ledger, invoice, Attempt(method, "paid", is_automatic=False, off_session=False), PAYS)


def _tried(ledger: Ledger, invoice: Json, attempt: Attempt, number: str) -> ResponseReturnValue:
    outcome = collect(ledger, invoice, attempt)
    if outcome["status"] == "paid" and attempt.method:
        _keep(ledger, ledger.get("subscription", subscription_of(invoice)), attempt.method)
    intent = intent_of(ledger, invoice)
    if outcome["status"] == "paid" or intent["status"] == "requires_action":
        return redirect(url_for("invoice_page", invoice_id=invoice["id"]), code=303)
    return _page(ledger, invoice, f"{intent['last_payment_error']['message']} Nothing was taken.", number), 402


def _keep(ledger: Ledger, subscription: Json, method: Json) -> None:
    """Let the subscription be charged with the card that paid."""
    if subscription["status"] in LIVE:
        change(ledger, subscription, UPDATED, default_payment_method=method["id"])
