"""What happens when a buyer presses the button of the hosted page."""

from dataclasses import dataclass

from membership.stripe_standin.billing import subscribe
from membership.stripe_standin.cards import DECLINES, new_payment_method
from membership.stripe_standin.checkout_sessions import details
from membership.stripe_standin.customers import new_customer
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.operations import merged_metadata
from membership.stripe_standin.payments import Payable, confirm, new_payment_intent
from membership.stripe_standin.store import Ledger


@dataclass(frozen=True)
class Buyer:
    """What the buyer typed."""

    email: str
    name: str | None
    card: str


def decline(ledger: Ledger, session: Json, buyer: Buyer) -> None:
    """Let the card be declined; a subscription leaves no trace, a payment its failed intent, used again later."""
    if session["mode"] == "subscription":
        return
    method = new_payment_method(ledger, DECLINES, None, buyer.email, buyer.name)
    intent = _intent(ledger, session, session["customer"])
    confirm(ledger, intent, method, declines=True)
    change(ledger, session, None, payment_intent=intent["id"])


def pay(ledger: Ledger, session: Json, buyer: Buyer) -> Json:
    """Take the payment and complete the session."""
    customer: str | None = session["customer"] or _customer(ledger, session, buyer)
    method = new_payment_method(ledger, buyer.card, customer, buyer.email, buyer.name)
    if customer and session["mode"] == "subscription":
        outcome = _subscribe(ledger, session, customer, method)
    else:
        intent = _intent(ledger, session, customer)
        outcome = {"payment_intent": confirm(ledger, intent, method, declines=False)["id"]}
    ledger.schedule(session["id"], None)
    completed = change(
        ledger,
        session,
        None,
        **outcome,
        customer=customer,
        customer_details=details(buyer.email, buyer.name),
        payment_status="paid",
        status="complete",
        url=None,
    )
    emit(ledger, "checkout.session.completed", completed)
    return completed


def _customer(ledger: Ledger, session: Json, buyer: Buyer) -> str | None:
    """Make the customer where the session wants one; else the buyer stays a guest."""
    if session["customer_creation"] != "always":
        return None
    return str(new_customer(ledger, email=buyer.email, name=buyer.name)["id"])


def _subscribe(ledger: Ledger, session: Json, customer: str, method: Json) -> Json:
    private = ledger.private(session["id"])
    lines = [ledger.get("item", key) for key in private["line_items"]]
    data = private["subscription_data"]
    metadata = merged_metadata({}, data.get("metadata"))
    subscription, invoice = subscribe(ledger, customer, method["id"], lines, metadata, data.get("description"))
    return {"subscription": subscription["id"], "invoice": invoice["id"]}


def _intent(ledger: Ledger, session: Json, customer: str | None) -> Json:
    """Return the session's payment intent, the one that an earlier declined card left or a new one."""
    if session["payment_intent"]:
        return change(ledger, ledger.get("payment_intent", session["payment_intent"]), None, customer=customer)
    data = ledger.private(session["id"])["payment_intent_data"]
    named = {
        name: data.get(name)
        for name in ("receipt_email", "statement_descriptor", "statement_descriptor_suffix", "setup_future_usage")
    }
    metadata = merged_metadata({}, data.get("metadata"))
    due = Payable(session["amount_total"], session["currency"], customer, metadata, data.get("description"), **named)
    return new_payment_intent(ledger, due)
