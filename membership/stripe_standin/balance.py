"""Balance transactions: what a charge or refund does to the balance, with Stripe's fee."""

from stripe import params as p

from membership.stripe_standin.errors import Json
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.money import fee_of
from membership.stripe_standin.operations import PAGING, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger

AVAILABLE_AFTER = 7 * 24 * 3600


def book_charge(ledger: Ledger, source: str, amount: int, currency: str, description: str | None) -> str:
    """Book a charge less its fee; return the balance transaction's id."""
    fee = fee_of(amount)
    detail = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return _book(ledger, source, amount, currency, description, fee, [detail], "charge")


def book_refund(ledger: Ledger, source: str, amount: int, currency: str) -> str:
    """Book a refund, whose fee Stripe does not return; return the balance transaction's id."""
    return _book(ledger, source, -amount, currency, "REFUND FOR CHARGE", 0, [], "refund")


def _book(
    ledger: Ledger,
    source: str,
    amount: int,
    currency: str,
    description: str | None,
    fee: int,
    details: list[Json],
    type_: str,
) -> str:
    transaction = ledger.add(
        {
            "id": new_id("balance_transaction"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": ledger.now + AVAILABLE_AFTER,
            "balance_type": "payments",
            "created": ledger.now,
            "currency": currency,
            "description": description,
            "fee": fee,
            "fee_details": details,
            "net": amount - fee,
            "reporting_category": type_,
            "source": source,
            "status": "pending",
            "type": type_,
        }
    )
    return str(transaction["id"])


@operation("GET", "/v1/balance_transactions/<transaction_id>", p.BalanceTransactionRetrieveParams, "balance_transaction")
def retrieve(ledger: Ledger, values: Json, transaction_id: str) -> Json:
    """Return a balance transaction."""
    return ledger.get("balance_transaction", transaction_id)


@operation(
    "GET",
    "/v1/balance_transactions",
    p.BalanceTransactionListParams,
    "balance_transaction",
    f"{PAGING} created currency source type",
)
def list_balance_transactions(ledger: Ledger, values: Json) -> Json:
    """List balance transactions."""
    wanted = filters(ledger, values, "currency", "source", "type")
    rows = created_within(ledger.select("balance_transaction", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/balance_transactions", "balance_transaction")
