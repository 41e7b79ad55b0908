"""Invoices of subscriptions, their lines and their payments."""

from stripe import params as p

from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.operations import PAGING, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.payments import Payable, new_payment_intent
from membership.stripe_standin.store import Ledger

SUBSCRIPTION = "parent.subscription_details.subscription"


def new_invoice(ledger: Ledger, subscription: Json, reason: str) -> Json:
    """Draw up the draft for the subscription's current period."""
    customer = ledger.get("customer", subscription["customer"])
    key = new_id("invoice")
    lines = [_line(ledger, key, subscription, item) for item in subscription["items"]["data"]]
    total = sum(line["amount"] for line in lines)
    first = subscription["items"]["data"][0]
    created = reason == "subscription_create"
    return ledger.add(
        {
            "id": key,
            **_constant(),
            **_amounts(total),
            "billing_reason": reason,
            "created": ledger.now,
            "currency": subscription["currency"],
            "customer": customer["id"],
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "customer_phone": customer["phone"],
            "lines": {"object": "list", "data": lines, "has_more": False, "url": f"/v1/invoices/{key}/lines"},
            "metadata": {},
            "parent": {
                "quote_details": None,
                "subscription_details": {
                    "metadata": subscription["metadata"],
                    "subscription": subscription["id"],
                },
                "type": "subscription_details",
            },
            # The invoice's own period looks back; the one that was paid for is the line's.
            "period_end": first["current_period_start"],
            "period_start": first["current_period_start"] if created else ledger.private(subscription["id"])["previous_start"],
        }
    )


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
        "starting_balance": 0,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
    }


def _amounts(total: int) -> Json:
    return {
        "amount_due": total,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": total,
        "amount_shipping": 0,
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def _line(ledger: Ledger, invoice_id: str, subscription: Json, item: Json) -> Json:
    price = ledger.get("price", item["price"])
    name = ledger.get("product", price["product"])["name"]
    amount = price["unit_amount"] * item["quantity"]
    return {
        "id": new_id("line_item"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": f"{item['quantity']} × {name}",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": subscription["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"end": item["current_period_end"], "start": item["current_period_start"]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": subscription["id"],
        "subtotal": amount,
        "taxes": [],
    }


def finalize(ledger: Ledger, invoice: Json, description: str) -> Json:
    """Open the draft, number it, and create its payment intent and invoice payment."""
    customer = ledger.get("customer", invoice["customer"])
    number = customer["next_invoice_sequence"]
    change(ledger, customer, None, next_invoice_sequence=number + 1)
    emit(ledger, "invoice.created", invoice)
    page_url = f"{ledger.public_url}/_control"
    opened = change(
        ledger,
        invoice,
        None,
        effective_at=ledger.now,
        ending_balance=0,
        hosted_invoice_url=page_url,
        number=f"{customer['invoice_prefix']}-{number:04d}",
        status="open",
        status_transitions={**invoice["status_transitions"], "finalized_at": ledger.now},
    )
    emit(ledger, "invoice.finalized", opened)
    payable = Payable(invoice["amount_due"], invoice["currency"], invoice["customer"], {}, description, customer["email"])
    intent = new_payment_intent(ledger, payable)
    ledger.add(_invoice_payment(ledger, opened, intent["id"]))
    return opened


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


def mark_paid(ledger: Ledger, invoice: Json) -> Json:
    """Write down that the invoice was paid in full."""
    total = invoice["amount_due"]
    paid = change(
        ledger,
        invoice,
        None,
        amount_paid=total,
        amount_remaining=0,
        attempt_count=invoice["attempt_count"] + 1,
        attempted=True,
        auto_advance=False,
        status="paid",
        status_transitions={**invoice["status_transitions"], "paid_at": ledger.now},
    )
    payment = payment_of(ledger, invoice)
    transitions = {**payment["status_transitions"], "paid_at": ledger.now}
    settled = change(ledger, payment, None, amount_paid=total, status="paid", status_transitions=transitions)
    emit(ledger, "invoice.paid", paid)
    emit(ledger, "invoice.payment_succeeded", paid)
    emit(ledger, "invoice_payment.paid", settled)
    return paid


def mark_failed(ledger: Ledger, invoice: Json) -> Json:
    """Write down one failed attempt; the stand-in makes no further one by itself."""
    failed = change(ledger, invoice, None, attempt_count=invoice["attempt_count"] + 1, attempted=True)
    emit(ledger, "invoice.payment_failed", failed)
    return failed


def payment_of(ledger: Ledger, invoice: Json) -> Json:
    """Return the invoice's one invoice payment."""
    return ledger.select("invoice_payment", {"invoice": invoice["id"]})[0]


def open_invoices(ledger: Ledger, subscription_id: str) -> list[Json]:
    """Return the subscription's unpaid invoices, oldest first."""
    return ledger.select("invoice", {SUBSCRIPTION: subscription_id, "status": "open"}, oldest_first=True)


@operation("GET", "/v1/invoices/<invoice_id>", p.InvoiceRetrieveParams, "invoice")
def retrieve(ledger: Ledger, values: Json, invoice_id: str) -> Json:
    """Return an invoice."""
    return ledger.get("invoice", invoice_id)


@operation("GET", "/v1/invoices", p.InvoiceListParams, "invoice", f"{PAGING} created customer status subscription")
def list_invoices(ledger: Ledger, values: Json) -> Json:
    """List invoices."""
    wanted = filters(ledger, values, "customer", "status")
    if "subscription" in values:
        wanted[SUBSCRIPTION] = values["subscription"]
    rows = created_within(ledger.select("invoice", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/invoices", "invoice")


@operation("GET", "/v1/invoice_payments/<payment_id>", p.InvoicePaymentRetrieveParams, "invoice_payment")
def retrieve_payment(ledger: Ledger, values: Json, payment_id: str) -> Json:
    """Return an invoice payment."""
    return ledger.get("invoice_payment", payment_id)


@operation(
    "GET",
    "/v1/invoice_payments",
    p.InvoicePaymentListParams,
    "invoice_payment",
    f"{PAGING} created invoice payment.payment_intent payment.type status",
)
def list_payments(ledger: Ledger, values: Json) -> Json:
    """List invoice payments by invoice, payment intent or status."""
    wanted = filters(ledger, values, "invoice", "status")
    wanted |= {f"payment.{name}": value for name, value in values.get("payment", {}).items()}
    rows = created_within(ledger.select("invoice_payment", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/invoice_payments", "invoice_payment")
