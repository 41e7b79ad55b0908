"""Bills: what a change would cost, paying an open one, and giving up what shall not be collected any more."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stripe

from membership.errors import Conflict, NotFound
from membership.patronage.gateway.connection import Connection, translated


@dataclass(frozen=True)
class NewPrice:
    """What somebody wants to pay instead."""

    id: str
    amount_minor: int
    interval: str


@dataclass(frozen=True)
class ChangePreview:
    """What a change takes today, what it credits, and the next payment, all by Stripe's own account as of an instant."""

    amount_due_minor: int
    credit_minor: int
    currency: str
    next_amount_minor: int
    next_on: datetime
    at: datetime


class Invoices(Connection):
    """Previews, pays and voids invoices."""

    def preview_change(self, subscription_id: str, *, price: NewPrice, at_once: bool, at: datetime) -> ChangePreview:
        """Return what a change of price would take and when; changes nothing."""
        with translated():
            subscription = self._stripe.v1.subscriptions.retrieve(subscription_id).to_dict()
            item = subscription["items"]["data"][0]
            details: stripe.params.InvoiceCreatePreviewParamsSubscriptionDetails = {
                "items": [{"id": item["id"], "price": price.id}],
                "proration_behavior": "always_invoice" if at_once else "none",
            }
            if at_once:
                details["proration_date"] = int(at.timestamp())
            shown = self._stripe.v1.invoices.create_preview(
                {"subscription": subscription_id, "subscription_details": details},
            ).to_dict()
        return _read_preview(shown, item, price, at)

    def pay_open_invoice(self, invoice_id: str, *, card_id: str | None = None, key: str) -> None:
        """Collect an open invoice now, while its payer is there; one that is paid already is fine. Raises Declined."""
        params: stripe.params.InvoicePayParams = {"off_session": False}
        if card_id:
            params["payment_method"] = card_id
        with translated():
            try:
                self._stripe.v1.invoices.pay(invoice_id, params, {"idempotency_key": key})
            except stripe.InvalidRequestError as error:
                if error.code != "invoice_already_paid":
                    raise

    def open_invoices_of(self, subscription_id: str) -> list[str]:
        """Return a subscription's unpaid bills, oldest first."""
        with translated():
            found = self._stripe.v1.invoices.list({"subscription": subscription_id, "status": "open", "limit": 100})
            return [invoice.id for invoice in found.auto_paging_iter()][::-1]

    def void_open_invoices(self, subscription_id: str) -> None:
        """Void a subscription's unpaid bills, so that nobody ever collects them."""
        for invoice_id in self.open_invoices_of(subscription_id):
            # Paid in this moment, or with the bank for days: then it is no open bill any more, and a refund's business.
            with suppress(Conflict, NotFound), translated():
                self._stripe.v1.invoices.void_invoice(invoice_id, {}, {"idempotency_key": f"void-{invoice_id}"})

    def forget_credit(self, customer_id: str, *, currency: str, at_most_minor: int, key: str) -> None:
        """Take away what a customer has in credit: the money itself goes back to them. The same key does it once."""
        with translated():
            customer = self._stripe.v1.customers.retrieve(customer_id).to_dict()
            credit = min(at_most_minor, -int(customer.get("balance") or 0))
            if credit > 0:
                self._stripe.v1.customers.balance_transactions.create(
                    customer_id,
                    {"amount": credit, "currency": currency},
                    {"idempotency_key": f"{key}-{credit}"},
                )


def _read_preview(shown: dict[str, Any], item: dict[str, Any], price: NewPrice, at: datetime) -> ChangePreview:
    """Read Stripe's answer: the bill that would be made now, or the next regular one if nothing is billed now."""
    lines = shown["lines"]["data"]
    is_renewal = not any(_is_proration(line) for line in lines) and item["price"]["recurring"]["interval"] == price.interval
    if is_renewal:
        return ChangePreview(0, 0, shown["currency"], shown["amount_due"], _instant(item["current_period_end"]), at)
    due = int(shown["amount_due"])
    # What the bill leaves in the customer's balance: below nothing it is credit, above it too little to be charged alone.
    left = int(shown["total"]) + int(shown.get("starting_balance") or 0) - due
    # A new interval begins a new period now: the bill then has a line for the whole of it.
    whole = [line["period"]["end"] for line in lines if not _is_proration(line)]
    return ChangePreview(
        amount_due_minor=due,
        credit_minor=max(0, -left),
        currency=shown["currency"],
        next_amount_minor=max(0, price.amount_minor + left),
        next_on=_instant(max(whole, default=item["current_period_end"])),
        at=at,
    )


def _is_proration(line: dict[str, Any]) -> bool:
    parent = line.get("parent") or {}
    return any((parent.get(kind) or {}).get("proration") for kind in ("subscription_item_details", "invoice_item_details"))


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
