"""Collect invoices: try to take the money, and let invoice and subscription follow what became of it."""

from dataclasses import dataclass

from membership.stripe_standin.cards import outcome_of
from membership.stripe_standin.confirmation import confirm
from membership.stripe_standin.dunning import exhaust, has_waited, plan_retry, wait_for_payer
from membership.stripe_standin.endings import UPDATED
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.invoices import SUBSCRIPTION, finalize, mark_failed, mark_paid, payment_of, void
from membership.stripe_standin.pending_updates import apply_pending_update, is_pending_update
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import look_again, paying_method

UNPAID = frozenset({"incomplete", "past_due", "unpaid"})


@dataclass(frozen=True)
class Attempt:
    """How an invoice is tried: by another method or outcome than usual, by the schedule or by hand, with the payer there."""

    method: Json | None = None
    outcome: str | None = None
    is_automatic: bool = True
    off_session: bool = True


AUTOMATIC = Attempt()


def collect(ledger: Ledger, invoice: Json, attempt: Attempt = AUTOMATIC) -> Json:
    """Try an open invoice and return it; one with a debit in process is left alone."""
    if not invoice["amount_due"]:
        return _paid(ledger, invoice, counts=False)
    intent = intent_of(ledger, invoice)
    if intent["status"] == "processing":
        return invoice
    subscription = ledger.get("subscription", subscription_of(invoice))
    method = attempt.method or paying_method(ledger, subscription)
    if method is not None:
        outcome = attempt.outcome or outcome_of(ledger, method)
        intent = confirm(ledger, intent, method, outcome, off_session=attempt.off_session)
    if intent["status"] == "requires_action" and not attempt.off_session:
        # The payer is there and will answer: nothing has failed yet.
        return invoice
    return follow(ledger, invoice, intent, counts=attempt.is_automatic or not invoice["attempted"])


def follow(ledger: Ledger, invoice: Json, intent: Json, *, counts: bool, settles: bool = False) -> Json:
    """Let the invoice and its subscription follow the payment intent, which a bank may have settled days after the attempt."""
    if intent["status"] == "succeeded":
        return _paid(ledger, invoice, counts=counts)
    if intent["status"] == "processing":
        return change(ledger, invoice, None, attempt_count=invoice["attempt_count"] + counts, attempted=True)
    if intent["status"] == "requires_action":
        return _asked(ledger, invoice, counts=counts)
    return _failed(ledger, invoice, counts=counts, is_scheduled=counts or settles)


def subscription_of(invoice: Json) -> str:
    """Return the id of the subscription that the invoice bills."""
    return str(invoice["parent"]["subscription_details"]["subscription"])


def intent_of(ledger: Ledger, invoice: Json) -> Json:
    """Return the payment intent that pays the invoice."""
    return ledger.get("payment_intent", payment_of(ledger, invoice)["payment"]["payment_intent"])


def _paid(ledger: Ledger, invoice: Json, *, counts: bool) -> Json:
    ledger.schedule(invoice["id"], None)
    paid = mark_paid(ledger, invoice, counts=counts)
    subscription = apply_pending_update(ledger, ledger.get("subscription", subscription_of(invoice)), invoice)
    restore(ledger, subscription)
    return paid


def restore(ledger: Ledger, subscription: Json) -> None:
    """Make a subscription active again whose latest invoice that stands is paid; older ones may still be open."""
    latest = latest_standing(ledger, subscription["id"])
    if subscription["status"] in UNPAID and (latest is None or latest["status"] != "open"):
        look_again(ledger, change(ledger, subscription, UPDATED, status="active"))


def latest_standing(ledger: Ledger, subscription_id: str) -> Json | None:
    """Return the subscription's latest invoice that is neither a draft nor void."""
    for invoice in ledger.select("invoice", {SUBSCRIPTION: subscription_id}):
        if invoice["status"] not in {"draft", "void"} and not is_pending_update(ledger, invoice):
            return invoice
    return None


def _asked(ledger: Ledger, invoice: Json, *, counts: bool) -> Json:
    """Let the invoice wait for the payer's yes; Stripe tries nothing by itself meanwhile."""
    asked = mark_failed(ledger, invoice, None, counts=counts)
    emit(ledger, "invoice.payment_action_required", asked)
    if _owes(ledger, asked):
        wait_for_payer(ledger, asked)
    return asked


def _failed(ledger: Ledger, invoice: Json, *, counts: bool, is_scheduled: bool) -> Json:
    """Write the failure down and plan the next attempt; a try by hand leaves the schedule as it is."""
    is_dunned = ledger.get("subscription", subscription_of(invoice))["status"] in {"active", "past_due"}
    plans = is_scheduled and is_dunned and not is_pending_update(ledger, invoice)
    at = plan_retry(ledger, invoice) if plans else invoice["next_payment_attempt"]
    failed = mark_failed(ledger, invoice, at, counts=counts)
    subscription = _owes(ledger, failed)
    if subscription and plans and at is None:
        exhaust(ledger, subscription)
    return failed


def _owes(ledger: Ledger, invoice: Json) -> Json | None:
    """Let an active subscription be past due if this is its latest invoice; return it while it is dunned."""
    subscription = ledger.get("subscription", subscription_of(invoice))
    if is_pending_update(ledger, invoice) or subscription["status"] not in {"active", "past_due"}:
        return None
    latest = latest_standing(ledger, subscription["id"])
    if latest and latest["id"] == invoice["id"]:
        return change(ledger, subscription, UPDATED, status="past_due")
    return subscription


def retry(ledger: Ledger, invoice: Json) -> Json:
    """Do what is due for an invoice: the next automatic attempt, or the end of waiting for the payer."""
    ledger.schedule(invoice["id"], None)
    if invoice["status"] != "open":
        return invoice
    if not has_waited(ledger, invoice):
        return collect(ledger, invoice)
    exhaust(ledger, ledger.get("subscription", subscription_of(invoice)))
    return ledger.get("invoice", invoice["id"])


def collect_draft(ledger: Ledger, invoice: Json, attempt: Attempt = AUTOMATIC) -> Json:
    """Finalize a draft that waits, as the ones of an unpaid subscription do, and try it."""
    return collect(ledger, finalize(ledger, invoice, "Subscription update"), attempt)


def first_debit_failed(ledger: Ledger, invoice: Json) -> Json:
    """Void the first invoice of a subscription whose bank debit did not come; the subscription stays as it is."""
    return void(ledger, mark_failed(ledger, invoice, None, counts=False))
