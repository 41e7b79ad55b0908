"""The customer's balance: credits of earlier invoices lower the next one, small debts wait for it.

Negative is the customer's credit. What is left of an invoice below the smallest charge is not charged: it becomes the
customer's debt, and the invoice is paid.
"""

from stripe import params as p

from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.money import SMALLEST, checked_currency
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import page
from membership.stripe_standin.store import Ledger

_KIND = "customer_balance_transaction"


def split(total: int, balance: int) -> tuple[int, int]:
    """Return what an invoice takes now, and the balance after it."""
    due = total + balance
    return (due, 0) if due >= SMALLEST else (0, due)


def apply_to(ledger: Ledger, invoice: Json) -> None:
    """Move the customer's balance as the finalized invoice says."""
    moved = invoice["ending_balance"] - invoice["starting_balance"]
    too_small = invoice["amount_due"] == 0 and invoice["ending_balance"] > 0
    _move(ledger, invoice, moved, "invoice_too_small" if too_small else "applied_to_invoice")


def take_back(ledger: Ledger, invoice: Json) -> None:
    """Undo what a finalized invoice did to the balance: it was voided."""
    if invoice["ending_balance"] is not None:
        _move(ledger, invoice, invoice["starting_balance"] - invoice["ending_balance"], "unapplied_from_invoice")


def _move(ledger: Ledger, invoice: Json, amount: int, type_: str) -> None:
    customer = ledger.get("customer", invoice["customer"])
    if amount and not customer.get("deleted"):
        _book(ledger, customer, amount, type_, currency=invoice["currency"], invoice=invoice["id"], metadata={})


def _book(ledger: Ledger, customer: Json, amount: int, type_: str, **more: object) -> Json:
    balance = customer["balance"] + amount
    booked = ledger.add(
        {
            "id": new_id(_KIND),
            "object": _KIND,
            "amount": amount,
            "created": ledger.now,
            "customer": customer["id"],
            "ending_balance": balance,
            "type": type_,
            **more,
        }
    )
    change(ledger, customer, "customer.updated", balance=balance)
    return booked


@operation(
    "POST",
    "/v1/customers/<customer_id>/balance_transactions",
    p.CustomerBalanceTransactionCreateParams,
    _KIND,
    "amount currency description metadata",
)
def adjust(ledger: Ledger, values: Json, customer_id: str) -> Json:
    """Move a customer's balance by hand."""
    customer = ledger.get("customer", customer_id)
    currency = checked_currency(values["currency"], "currency")
    if customer.get("currency") not in (None, currency):
        raise ApiError(f"The customer's balance is in `{customer.get('currency')}`.", param="currency")
    metadata = merged_metadata({}, values.get("metadata"))
    return _book(ledger, customer, values["amount"], "adjustment", currency=currency, metadata=metadata)


@operation(
    "GET", "/v1/customers/<customer_id>/balance_transactions", p.CustomerBalanceTransactionListParams, _KIND, f"{PAGING} invoice"
)
def list_transactions(ledger: Ledger, values: Json, customer_id: str) -> Json:
    """List what moved a customer's balance."""
    ledger.get("customer", customer_id)
    wanted = {"customer": customer_id, **({"invoice": values["invoice"]} if "invoice" in values else {})}
    return page(ledger, ledger.select(_KIND, wanted), values, f"/v1/customers/{customer_id}/balance_transactions", _KIND)
