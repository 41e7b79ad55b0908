"""The API of paying an invoice, and of giving it up."""

from stripe import params as p

from membership.stripe_standin.collection import Attempt, collect, collect_draft, intent_of, restore, subscription_of
from membership.stripe_standin.customers import living
from membership.stripe_standin.declines import refused
from membership.stripe_standin.endings import give_up_first
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.invoices import mark_uncollectible, void
from membership.stripe_standin.operations import operation
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import own_method, paying_method


@operation("POST", "/v1/invoices/<invoice_id>/pay", p.InvoicePayParams, "invoice", "off_session payment_method")
def pay(ledger: Ledger, values: Json, invoice_id: str) -> Json:
    """Collect an invoice from the subscription's method or the one named; a decline is a 402 that stays on the books."""
    invoice = ledger.get("invoice", invoice_id)
    attempt = _attempt(ledger, invoice, values)
    outcome = collect_draft(ledger, invoice, attempt) if invoice["status"] == "draft" else collect(ledger, invoice, attempt)
    intent = intent_of(ledger, outcome) if outcome["amount_due"] else None
    if outcome["status"] == "paid" or intent is None or intent["status"] == "processing":
        return ledger.get("invoice", invoice_id)
    raise refused(intent, keep=True)


def _attempt(ledger: Ledger, invoice: Json, values: Json) -> Attempt:
    """Return how the invoice is to be tried; raises for one that cannot be paid, or by nothing."""
    if invoice["status"] == "paid":
        raise ApiError("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in {"draft", "open"}:
        raise ApiError(f"The invoice is {invoice['status']} and cannot be paid: {invoice['id']}")
    living(ledger, invoice["customer"])
    key = own_method(ledger, invoice["customer"], values.get("payment_method", ""), "payment_method")
    method = ledger.get("payment_method", key) if key else None
    if method is None and paying_method(ledger, ledger.get("subscription", subscription_of(invoice))) is None:
        raise ApiError(
            "There is no `default_payment_method` set on this Customer or Invoice. Please create a PaymentMethod, attach it "
            "to the Customer and set it as the default.",
            code="resource_missing",
        )
    return Attempt(method, is_automatic=False, off_session=values.get("off_session", True))


@operation("POST", "/v1/invoices/<invoice_id>/void", p.InvoiceVoidInvoiceParams, "invoice")
def void_invoice(ledger: Ledger, values: Json, invoice_id: str) -> Json:
    """Void an open invoice; a subscription that was past due for it alone is active again."""
    invoice = _closable(ledger, invoice_id, {"open", "uncollectible"})
    return _closed(ledger, void(ledger, invoice))


@operation("POST", "/v1/invoices/<invoice_id>/mark_uncollectible", p.InvoiceMarkUncollectibleParams, "invoice")
def mark_invoice_uncollectible(ledger: Ledger, values: Json, invoice_id: str) -> Json:
    """Give an open invoice up as a bad debt; its subscription is active again."""
    return _closed(ledger, mark_uncollectible(ledger, _closable(ledger, invoice_id, {"open"})))


def _closable(ledger: Ledger, invoice_id: str, statuses: set[str]) -> Json:
    invoice = ledger.get("invoice", invoice_id)
    if invoice["status"] not in statuses:
        raise ApiError("You can only pass in open invoices. This invoice isn't open.")
    for payment in ledger.select("invoice_payment", {"invoice": invoice_id}):
        if ledger.get("payment_intent", payment["payment"]["payment_intent"])["status"] == "processing":
            raise ApiError("This invoice has a payment in process and cannot be closed.")
    return invoice


def _closed(ledger: Ledger, invoice: Json) -> Json:
    """Let the subscription follow: without its first payment it never begins."""
    subscription = ledger.get("subscription", subscription_of(invoice))
    if subscription["status"] == "incomplete":
        give_up_first(ledger, subscription)
    else:
        restore(ledger, subscription)
    return ledger.get("invoice", invoice["id"])
