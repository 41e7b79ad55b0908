"""The hosted payment page of a Checkout Session."""

from flask import Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from membership.stripe_standin.bank_debits import CURRENCY, EFFECTS, is_account
from membership.stripe_standin.cards import CARDS, PAYS
from membership.stripe_standin.cards import written as in_fours
from membership.stripe_standin.checkout_payment import Buyer, ask, decline, pay, refuse, waiting_buyer
from membership.stripe_standin.customers import is_email
from membership.stripe_standin.engine import Engine
from membership.stripe_standin.errors import Json
from membership.stripe_standin.money import written
from membership.stripe_standin.render import public
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.web import allow_form_target

LONGEST_FIELD = 512


def register(app: Flask, engine: Engine) -> None:
    """Add the hosted page, and the bank's question behind it."""

    @app.get("/c/pay/<session_id>", endpoint="checkout_page")
    def show_page(session_id: str) -> ResponseReturnValue:
        with engine.ledger(write=False) as ledger:
            session = ledger.find("checkout.session", session_id)
            return _closed(ledger, session) or _page(ledger, session or {}, {}, {})

    @app.post("/c/pay/<session_id>")
    def submit_payment(session_id: str) -> ResponseReturnValue:
        with engine.ledger(write=True) as ledger:
            session = ledger.find("checkout.session", session_id)
            if session is not None and session["status"] == "complete":
                return redirect(success_url(session), code=303)
            return _closed(ledger, session) or _submit(ledger, session or {})

    @app.get("/c/confirm/<session_id>", endpoint="checkout_confirm")
    def ask_to_confirm(session_id: str) -> ResponseReturnValue:
        with engine.ledger(write=False) as ledger:
            session = ledger.find("checkout.session", session_id)
            return _closed(ledger, session) or _question(ledger, session or {})

    @app.post("/c/confirm/<session_id>")
    def answer_bank(session_id: str) -> ResponseReturnValue:
        with engine.ledger(write=True) as ledger:
            session = ledger.find("checkout.session", session_id)
            if session is not None and session["status"] == "complete":
                return redirect(success_url(session), code=303)
            return _closed(ledger, session) or _answer(ledger, session or {})


def _closed(ledger: Ledger, session: Json | None) -> ResponseReturnValue | None:
    """Return the page of a session that can no longer be paid, None while it is open."""
    if session is None:
        return _message("There is no such payment page", "The address is not complete, or the demo was reset.", None), 404
    if session["status"] == "complete":
        onward = (success_url(session), "Continue")
        return _message("Already paid", "This payment has gone through. Nothing more is taken.", onward), 200
    if session["status"] == "expired":
        link = (session["cancel_url"], "Go back") if session["cancel_url"] else None
        return _message("This payment page has expired", "Nothing was taken. Go back and start again.", link), 410
    if session["customer"] and ledger.anything(session["customer"]).get("deleted"):
        return _message("This payment page is closed", "Nothing was taken. The customer it was for is gone.", None), 410
    return None


def _message(title: str, text: str, link: tuple[str, str] | None) -> str:
    return render_template("message.html", title=title, text=text, link=link)


def success_url(session: Json) -> str:
    """Return where the buyer goes after paying."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _submit(ledger: Ledger, session: Json) -> ResponseReturnValue:
    typed = {name: request.form.get(name, "").strip()[:LONGEST_FIELD] for name in ("email", "name", "card")}
    known = (session["customer_details"] or {}).get("email") if session["customer"] or session["customer_email"] else None
    email = known or typed["email"]
    errors = {}
    if not is_email(email):
        errors["email"] = "Enter an e-mail address, such as name@example.org."
    if typed["card"] not in (number for number, _, _ in choices(session["currency"])):
        errors["card"] = "Choose one of the test cards."
    if errors:
        return _page(ledger, session, typed, errors), 422
    return _try(ledger, session, Buyer(email, typed["name"] or None, typed["card"]), typed)


def _try(ledger: Ledger, session: Json, buyer: Buyer, typed: dict[str, str]) -> ResponseReturnValue:
    outcome = "paid" if is_account(buyer.card) else CARDS[buyer.card].charged
    if outcome == "paid":
        return redirect(success_url(pay(ledger, session, buyer)), code=303)
    if outcome == "authentication":
        ask(ledger, session, buyer)
        return redirect(url_for("checkout_confirm", session_id=session["id"]), code=303)
    why = decline(ledger, session, buyer)
    return _page(ledger, session, typed, {"card": f"{why} Nothing was taken. Choose another card."}), 402


def _question(ledger: Ledger, session: Json) -> ResponseReturnValue:
    back = url_for("checkout_page", session_id=session["id"])
    if waiting_buyer(ledger, session) is None:
        return redirect(back, code=303)
    allow_form_target(session["success_url"])
    amount = written(session["amount_total"], session["currency"])
    return render_template("confirm.html", amount=amount, action=url_for("checkout_confirm", session_id=session["id"]), back=back)


def _answer(ledger: Ledger, session: Json) -> ResponseReturnValue:
    """Take the payment if the buyer said yes; else ask for another card."""
    buyer = waiting_buyer(ledger, session)
    if buyer is None:
        return redirect(url_for("checkout_page", session_id=session["id"]), code=303)
    if request.form.get("accept") == "yes":
        return redirect(success_url(pay(ledger, session, buyer)), code=303)
    typed = {"email": buyer.email, "name": buyer.name or "", "card": buyer.card}
    return _page(ledger, session, typed, {"card": f"{refuse(ledger, session)} Nothing was taken."}), 402


def choices(currency: str) -> list[tuple[str, str, str]]:
    """Return what can be chosen to pay with: number, how it reads, what it does."""
    found = [(number, in_fours(number), card.effect) for number, card in CARDS.items()]
    if currency == CURRENCY:
        found += [(number, in_fours(number), f"bank debit, {effect}") for number, effect in EFFECTS.items()]
    return found


def _page(ledger: Ledger, session: Json, typed: dict[str, str], errors: dict[str, str]) -> str:
    allow_form_target(session["success_url"])
    known = session["customer_details"] or {}
    lines = [public(ledger, ledger.get("item", key)) for key in ledger.private(session["id"])["line_items"]]
    return render_template(
        "checkout.html",
        session=session,
        lines=lines,
        interval=interval_words(lines[0]["price"]["recurring"]),
        amount=written(session["amount_total"], session["currency"]),
        email=typed.get("email") or known.get("email") or "",
        email_is_given=bool(known.get("email")),
        name=typed.get("name") or known.get("name") or "",
        card=typed.get("card") or PAYS,
        cards=choices(session["currency"]),
        errors={"email": "", "card": "", **errors},
        failed=bool(errors),
        action=url_for("checkout_page", session_id=session["id"]),
        verb={"book": "Book", "donate": "Donate"}.get(session["submit_type"] or "", "Pay"),
    )


def interval_words(recurring: Json | None) -> str:
    """Return how often is paid: 'once', 'every month', 'every 3 months'."""
    if recurring is None:
        return "once"
    count, interval = recurring["interval_count"], recurring["interval"]
    return f"every {interval}" if count == 1 else f"every {count} {interval}s"
