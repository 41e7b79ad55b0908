"""Invoices of subscriptions: drawn up, finalized, paid, voided."""

from membership.stripe_standin import customer_balance
from membership.stripe_standin.debits import forget_lines, remember_lines
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.invoice_items import pending_lines, take_up
from membership.stripe_standin.invoice_lines import period_line
from membership.stripe_standin.payments import Payable, cancel_intent, new_payment_intent
from membership.stripe_standin.store import Ledger

SUBSCRIPTION = "parent.subscription_details.subscription"


def new_invoice(ledger: Ledger, subscription: Json, reason: str, lines: list[Json] | None = None) -> Json:
    """Draw up a draft with these lines; unless given, the whole current period and every proration that waits."""
    key = new_id("invoice")
    invoice = ledger.add(draft(ledger, subscription, reason, next_lines(ledger, subscription) if lines is None else lines, key))
    take_up(ledger, invoice["lines"]["data"], key)
    remember_lines(ledger, invoice["lines"]["data"])
    return invoice


def next_lines(ledger: Ledger, subscription: Json) -> list[Json]:
    """Return the lines of an invoice for the current period: first the prorations that wait, then each item."""
    items = subscription["items"]["data"]
    return [*pending_lines(ledger, subscription["id"]), *(period_line(ledger, subscription, item) for item in items)]


def draft(ledger: Ledger, subscription: Json, reason: str, lines: list[Json], key: str) -> Json:
    """Return an invoice that is not stored: what a preview shows, and what is billed."""
    customer = ledger.get("customer", subscription["customer"])
    begin, end = _looks_back(ledger, subscription, reason)
    return {
        "id": key,
        **_constant(),
        **_amounts(sum(line["amount"] for line in lines), customer["balance"]),
        "billing_reason": reason,
        "created": ledger.now,
        "currency": subscription["currency"],
        "customer": customer["id"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "lines": {
            "object": "list",
            "data": [{**line, "invoice": key} for line in lines],
            "has_more": False,
            "url": f"/v1/invoices/{key}/lines",
        },
        "metadata": {},
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": subscription["metadata"],
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
        "period_end": end,
        "period_start": begin,
    }


def _looks_back(ledger: Ledger, subscription: Json, reason: str) -> tuple[int, int]:
    """Return the invoice's own period, which looks back; the one that is paid for is the line's."""
    start = subscription["items"]["data"][0]["current_period_start"]
    if reason == "subscription_create":
        return start, start
    if reason == "subscription_update":
        return start, ledger.now
    return ledger.private(subscription["id"])["previous_start"], start


def _constant() -> Json:
    """Return what is the same in every new invoice."""
    return {
        "object": "invoice",
        "account_country": "IE",
        "account_name": "Stand-in demo",
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
        "collection_method": "charge_automatically",
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
    }


def _amounts(total: int, balance: int) -> Json:
    due, _ = customer_balance.split(total, balance)
    return {
        "amount_due": due,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": due,
        "amount_shipping": 0,
        "starting_balance": balance,
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def finalize(ledger: Ledger, invoice: Json, description: str) -> Json:
    """Open the draft, settle the customer's balance and, if anything is due, create what will pay it."""
    balance = ledger.get("customer", invoice["customer"])["balance"]
    _, ending = customer_balance.split(invoice["total"], balance)
    opened = number(ledger, invoice, **_amounts(invoice["total"], balance), ending_balance=ending)
    customer_balance.apply_to(ledger, opened)
    if opened["amount_due"]:
        _ask_for_payment(ledger, opened, description)
    return opened


def number(ledger: Ledger, invoice: Json, **amounts: int) -> Json:
    """Open a draft under the customer's next number; what is due is left as it is unless given."""
    emit(ledger, "invoice.created", invoice)
    customer = ledger.get("customer", invoice["customer"])
    sequence = customer["next_invoice_sequence"]
    change(ledger, customer, None, next_invoice_sequence=sequence + 1)
    opened = change(
        ledger,
        invoice,
        None,
        **amounts,
        effective_at=ledger.now,
        hosted_invoice_url=f"{ledger.public_url}/i/{invoice['id']}",
        number=f"{customer['invoice_prefix']}-{sequence:04d}",
        status="open",
        status_transitions={**invoice["status_transitions"], "finalized_at": ledger.now},
    )
    emit(ledger, "invoice.finalized", opened)
    return opened


def _ask_for_payment(ledger: Ledger, invoice: Json, description: str) -> None:
    """Create the payment intent, under the statement descriptor of the product, and the invoice payment."""
    product = invoice["lines"]["data"][-1]["pricing"]["price_details"]["product"]
    payable = Payable(
        invoice["amount_due"],
        invoice["currency"],
        invoice["customer"],
        {},
        description,
        invoice["customer_email"],
        statement_descriptor=ledger.get("product", product)["statement_descriptor"],
    )
    intent = new_payment_intent(ledger, payable)
    ledger.add(_invoice_payment(ledger, invoice, intent["id"]))


def _invoice_payment(ledger: Ledger, invoice: Json, intent_id: str) -> Json:
    return {
        "id": new_id("invoice_payment"),
        "object": "invoice_payment",
        "amount_requested": invoice["amount_due"],
        "created": ledger.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "payment": {"payment_intent": intent_id, "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


def mark_paid(ledger: Ledger, invoice: Json, *, counts: bool) -> Json:
    """Write down that the invoice was paid in full; one that asks for nothing is paid without a payment."""
    due = invoice["amount_due"]
    paid = change(
        ledger,
        invoice,
        None,
        amount_paid=due,
        amount_remaining=0,
        attempt_count=invoice["attempt_count"] + counts,
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
        status="paid",
        status_transitions={**invoice["status_transitions"], "paid_at": ledger.now},
    )
    emit(ledger, "invoice.paid", paid)
    emit(ledger, "invoice.payment_succeeded", paid)
    if due:
        payment = payment_of(ledger, invoice)
        transitions = {**payment["status_transitions"], "paid_at": ledger.now}
        settled = change(ledger, payment, None, amount_paid=due, status="paid", status_transitions=transitions)
        emit(ledger, "invoice_payment.paid", settled)
    return paid


def mark_failed(ledger: Ledger, invoice: Json, next_attempt: int | None, *, counts: bool) -> Json:
    """Write down one failed attempt, and when the next one is due; tries by hand after the first do not count."""
    count = invoice["attempt_count"] + counts
    failed = change(ledger, invoice, "invoice.updated", attempt_count=count, attempted=True, next_payment_attempt=next_attempt)
    emit(ledger, "invoice.payment_failed", failed)
    return failed


def void(ledger: Ledger, invoice: Json) -> Json:
    """Void an open invoice for good: it is owed no more, gives its balance back, and its time gives no credit."""
    for payment in ledger.select("invoice_payment", {"invoice": invoice["id"], "status": "open"}):
        transitions = {**payment["status_transitions"], "canceled_at": ledger.now}
        change(ledger, payment, None, status="canceled", status_transitions=transitions)
        cancel_intent(ledger, ledger.get("payment_intent", payment["payment"]["payment_intent"]), "void_invoice")
    forget_lines(ledger, invoice["lines"]["data"])
    customer_balance.take_back(ledger, invoice)
    return _closed(ledger, invoice, "invoice.voided", "void", "voided_at")


def mark_uncollectible(ledger: Ledger, invoice: Json) -> Json:
    """Give an open invoice up: it can still be paid, but nobody asks for it."""
    return _closed(ledger, invoice, "invoice.marked_uncollectible", "uncollectible", "marked_uncollectible_at")


def _closed(ledger: Ledger, invoice: Json, type_: str, status: str, at: str) -> Json:
    transitions = {**invoice["status_transitions"], at: ledger.now}
    ledger.schedule(invoice["id"], None)
    changes = {"auto_advance": False, "next_payment_attempt": None, "status": status, "status_transitions": transitions}
    closed = change(ledger, invoice, None, **changes)
    emit(ledger, type_, closed)
    return closed


def payment_of(ledger: Ledger, invoice: Json) -> Json:
    """Return the invoice's one invoice payment."""
    return ledger.select("invoice_payment", {"invoice": invoice["id"]})[0]


def open_invoices(ledger: Ledger, subscription_id: str) -> list[Json]:
    """Return what the subscription owes, oldest first; an update that waits to be paid is no debt."""
    waiting = (ledger.private(subscription_id).get("pending_update") or {}).get("invoice")
    found = ledger.select("invoice", {SUBSCRIPTION: subscription_id, "status": "open"}, oldest_first=True)
    return [invoice for invoice in found if invoice["id"] != waiting]
