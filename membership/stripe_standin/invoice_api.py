"""The API of invoices and of what paid them."""

from stripe import params as p

from membership.stripe_standin.errors import Json
from membership.stripe_standin.invoices import SUBSCRIPTION
from membership.stripe_standin.operations import PAGING, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger


@operation("GET", "/v1/invoices/<invoice_id>", p.InvoiceRetrieveParams, "invoice")
def retrieve(ledger: Ledger, values: Json, invoice_id: str) -> Json:
    """Return an invoice."""
    return ledger.get("invoice", invoice_id)


@operation("GET", "/v1/invoices/<invoice_id>/lines", p.InvoiceLineItemListParams, "line_item", PAGING)
def list_lines(ledger: Ledger, values: Json, invoice_id: str) -> Json:
    """List the lines of an invoice: of many, the invoice itself shows the first ones only."""
    rows = ledger.get("invoice", invoice_id)["lines"]["data"]
    return page(ledger, rows, values, f"/v1/invoices/{invoice_id}/lines", "line_item")


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
