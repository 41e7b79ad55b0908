"""What happens when a buyer presses the button of the hosted page."""

from dataclasses import asdict, dataclass

from membership.stripe_standin.bank_debits import is_debit
from membership.stripe_standin.billing import subscribe
from membership.stripe_standin.cards import CARDS, new_payment_method, outcome_of
from membership.stripe_standin.checkout_sessions import details
from membership.stripe_standin.collection import Attempt
from membership.stripe_standin.confirmation import confirm, refuse_authentication
from membership.stripe_standin.customers import new_customer
from membership.stripe_standin.declines import DECLINES, NOT_AUTHENTICATED
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.operations import merged_metadata
from membership.stripe_standin.payments import Payable, new_payment_intent
from membership.stripe_standin.store import Ledger


@dataclass(frozen=True)
class Buyer:
    """What the buyer typed."""

    email: str
    name: str | None
    card: str


def decline(ledger: Ledger, session: Json, buyer: Buyer) -> str:
    """Let the card fail and return why; a subscription leaves no trace, a payment its failed intent, used again later."""
    outcome = CARDS[buyer.card].charged
    if session["mode"] == "payment":
        _try(ledger, session, buyer, outcome)
    return DECLINES[outcome].message


def ask(ledger: Ledger, session: Json, buyer: Buyer) -> None:
    """Wait until the buyer has confirmed with the bank."""
    if session["mode"] == "payment":
        _try(ledger, session, buyer, "authentication")
    ledger.remember(session["id"], waiting=asdict(buyer))


def waiting_buyer(ledger: Ledger, session: Json) -> Buyer | None:
    """Return who was asked to confirm, if anybody."""
    waiting = ledger.private(session["id"]).get("waiting")
    return Buyer(**waiting) if waiting else None


def refuse(ledger: Ledger, session: Json) -> str:
    """Let the bank or the buyer say no, and return what the buyer is told."""
    ledger.remember(session["id"], waiting=None)
    if session["mode"] == "payment":
        refuse_authentication(ledger, ledger.get("payment_intent", session["payment_intent"]))
    return NOT_AUTHENTICATED.message


def _try(ledger: Ledger, session: Json, buyer: Buyer, outcome: str) -> None:
    method = new_payment_method(ledger, buyer.card, None, buyer.email, buyer.name)
    intent = confirm(ledger, _intent(ledger, session, session["customer"]), method, outcome)
    change(ledger, session, None, payment_intent=intent["id"])


def pay(ledger: Ledger, session: Json, buyer: Buyer) -> Json:
    """Take the payment, which the buyer confirmed where the bank asked, and complete the session; a debit stays unpaid."""
    customer: str | None = session["customer"] or _customer(ledger, session, buyer)
    method = new_payment_method(ledger, buyer.card, customer, buyer.email, buyer.name)
    outcome = outcome_of(ledger, method) if is_debit(method) else "paid"
    if customer and session["mode"] == "subscription":
        made = _subscribe(ledger, session, customer, method, outcome)
    else:
        intent = confirm(ledger, _intent(ledger, session, customer), method, outcome)
        made = {"payment_intent": intent["id"]}
    ledger.schedule(session["id"], None)
    completed = change(
        ledger,
        session,
        None,
        **made,
        customer=customer,
        customer_details=details(buyer.email, buyer.name),
        payment_status="unpaid" if is_debit(method) else "paid",
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


def _subscribe(ledger: Ledger, session: Json, customer: str, method: Json, outcome: str) -> Json:
    private = ledger.private(session["id"])
    lines = [ledger.get("item", key) for key in private["line_items"]]
    data = private["subscription_data"]
    metadata = merged_metadata({}, data.get("metadata"))
    attempt = Attempt(outcome=outcome, off_session=False)
    subscription, invoice = subscribe(ledger, customer, method, lines, metadata, data.get("description"), attempt)
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
