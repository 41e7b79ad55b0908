"""Invoice items: prorations, each waiting for an invoice or already on one."""

from stripe import params as p

from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.operations import PAGING, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger


def book_prorations(ledger: Ledger, subscription: Json, lines: list[Json]) -> list[Json]:
    """Make an invoice item of each proration line, waiting for the next invoice; return the lines that name them."""
    return [_booked(ledger, subscription, line) for line in lines]


def _booked(ledger: Ledger, subscription: Json, line: Json) -> Json:
    details = line["parent"]["subscription_item_details"]
    key = new_id("invoiceitem")
    whole = {**line, "parent": {**line["parent"], "subscription_item_details": {**details, "invoice_item": key}}}
    same = ("amount", "currency", "description", "discountable", "discounts", "metadata", "period", "quantity", "quantity_decimal")
    item = ledger.add(
        {
            **{name: line[name] for name in same},
            "id": key,
            "object": "invoiceitem",
            "customer": subscription["customer"],
            "date": ledger.now,
            "net_amount": line["amount"],
            "parent": {
                "subscription_details": {
                    "subscription": subscription["id"],
                    "subscription_item": details["subscription_item"],
                },
                "type": "subscription_details",
            },
            "pricing": line["pricing"],
            "proration": True,
            "proration_details": {"credited_items": _credited(details), "discount_amounts": []},
            "tax_rates": [],
        },
        {"line": whole},
    )
    emit(ledger, "invoiceitem.created", item)
    return whole


def _credited(details: Json) -> Json | None:
    credited = details["proration_details"]["credited_items"]
    if credited is None:
        return None
    return {"invoice_item": None, "invoice_line_item_details": credited, "type": "invoice_line_items"}


def pending_lines(ledger: Ledger, subscription_id: str) -> list[Json]:
    """Return the lines of the subscription's invoice items that no invoice has taken yet, oldest first."""
    named = {"parent.subscription_details.subscription": subscription_id}
    waiting = [item for item in ledger.select("invoiceitem", named, oldest_first=True) if item["invoice"] is None]
    return [ledger.private(item["id"])["line"] for item in waiting]


def take_up(ledger: Ledger, lines: list[Json], invoice_id: str) -> None:
    """Write on the invoice items behind these lines that an invoice has taken them."""
    for line in lines:
        key = line["parent"]["subscription_item_details"]["invoice_item"]
        if key:
            change(ledger, ledger.get("invoiceitem", key), None, invoice=invoice_id)


@operation("GET", "/v1/invoiceitems/<item_id>", p.InvoiceItemRetrieveParams, "invoiceitem")
def retrieve(ledger: Ledger, values: Json, item_id: str) -> Json:
    """Return an invoice item."""
    return ledger.get("invoiceitem", item_id)


@operation("GET", "/v1/invoiceitems", p.InvoiceItemListParams, "invoiceitem", f"{PAGING} created customer invoice pending")
def list_items(ledger: Ledger, values: Json) -> Json:
    """List invoice items by customer, invoice, or whether they wait for one."""
    wanted = filters(ledger, values, "customer", "invoice")
    rows = ledger.select("invoiceitem", wanted)
    if "pending" in values:
        rows = [row for row in rows if (row["invoice"] is None) == values["pending"]]
    rows = created_within(rows, values.get("created"), "date")
    return page(ledger, rows, values, "/v1/invoiceitems", "invoiceitem")
