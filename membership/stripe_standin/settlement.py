"""Settle bank debits: days after the payer left, the money comes or does not."""

from membership.stripe_standin.collection import first_debit_failed, follow, intent_of, subscription_of
from membership.stripe_standin.confirmation import settle_debit
from membership.stripe_standin.endings import give_up_first
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import FIRST_PAYMENT_WITHIN


def settle(ledger: Ledger, intent: Json, *, comes: bool) -> Json:
    """Let the bank answer for a debit in process, and tell it to whatever it pays for."""
    settled = settle_debit(ledger, intent, comes=comes)
    invoice = _invoice_of(ledger, intent["id"])
    if invoice:
        _settle_invoice(ledger, invoice, settled)
    _settle_session(ledger, {"invoice": invoice["id"]} if invoice else {"payment_intent": intent["id"]}, comes=comes)
    return ledger.get("payment_intent", intent["id"])


def settle_as_foreseen(ledger: Ledger, intent: Json) -> Json:
    """Let the bank answer on its day, as the test account says."""
    return settle(ledger, intent, comes=ledger.private(intent["id"])["comes"])


def _invoice_of(ledger: Ledger, intent_id: str) -> Json | None:
    for payment in ledger.select("invoice_payment", {"payment.payment_intent": intent_id}):
        return ledger.get("invoice", payment["invoice"])
    return None


def _settle_invoice(ledger: Ledger, invoice: Json, intent: Json) -> None:
    """Let the invoice follow; a failed first debit voids it, and a subscription that waited for it may be over."""
    subscription = ledger.get("subscription", subscription_of(invoice))
    if intent["status"] == "succeeded" or invoice["billing_reason"] != "subscription_create":
        follow(ledger, invoice, intent, counts=False, settles=True)
    elif subscription["status"] != "incomplete":
        first_debit_failed(ledger, invoice)
    else:
        follow(ledger, invoice, intent, counts=False)
        if ledger.now >= subscription["created"] + FIRST_PAYMENT_WITHIN:
            give_up_first(ledger, subscription)


def _settle_session(ledger: Ledger, wanted: Json, *, comes: bool) -> None:
    """Tell the checkout session that waited for the bank, if one did."""
    for session in ledger.select("checkout.session", {**wanted, "status": "complete", "payment_status": "unpaid"}):
        if comes:
            paid = change(ledger, session, None, payment_status="paid")
            emit(ledger, "checkout.session.async_payment_succeeded", paid)
        else:
            emit(ledger, "checkout.session.async_payment_failed", session)


def first_payment_is_late(ledger: Ledger, subscription: Json) -> Json:
    """Give a subscription up whose first payment is not even in process a day later."""
    invoice = ledger.get("invoice", subscription["latest_invoice"])
    if intent_of(ledger, invoice)["status"] == "processing":
        ledger.schedule(subscription["id"], None)
        return subscription
    return give_up_first(ledger, subscription)
