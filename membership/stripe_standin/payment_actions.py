"""Control actions on payments under way: what a bank answers to a debit, and customers who are deleted."""

from membership.stripe_standin.actions import Wish, action
from membership.stripe_standin.collection import intent_of
from membership.stripe_standin.customers import delete_customer
from membership.stripe_standin.errors import Json
from membership.stripe_standin.settlement import settle
from membership.stripe_standin.store import Ledger


@action("settle")
def settle_now(ledger: Ledger, wish: Wish) -> Json:
    """Let the bank answer for a debit in process, named by its session, subscription, invoice or payment intent."""
    comes = wish.choice("outcome", ("succeeded", "failed")) == "succeeded"
    return settle(ledger, intent_named(ledger, wish.id), comes=comes)


def intent_named(ledger: Ledger, key: str) -> Json:
    """Return the payment intent behind a session, a subscription's latest invoice, an invoice, or of this id."""
    if session := ledger.find("checkout.session", key):
        key = str(session["payment_intent"] or session["invoice"])
    if subscription := ledger.find("subscription", key):
        key = str(subscription["latest_invoice"])
    invoice = ledger.find("invoice", key)
    return intent_of(ledger, invoice) if invoice else ledger.get("payment_intent", key)


@action("delete-customer")
def delete_customer_now(ledger: Ledger, wish: Wish) -> Json:
    """Delete a customer, as the dashboard does."""
    return delete_customer(ledger, wish.id)
