"""Balance transactions: what charges, refunds and disputes do to the balance, with Stripe's fees."""

from dataclasses import dataclass

from stripe import params as p

from membership.stripe_standin.errors import Json
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.money import fee_of
from membership.stripe_standin.operations import PAGING, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger

AVAILABLE_AFTER = 7 * 24 * 3600
DEBIT_FEE, DISPUTE_FEE = 35, 2000


@dataclass(frozen=True)
class Movement:
    """One movement of the account's balance; amount and fee in minor units, the amount negative where money leaves."""

    amount: int
    type: str
    category: str
    description: str | None
    fee: int = 0
    fee_name: str = "Stripe processing fees"


def book_charge(ledger: Ledger, charge: Json) -> str:
    """Book a charge less its fee; return the balance transaction's id."""
    amount, is_debit = charge["amount"], charge["payment_method_details"]["type"] == "sepa_debit"
    fee = DEBIT_FEE if is_debit else fee_of(amount)
    moved = Movement(amount, "payment" if is_debit else "charge", "charge", charge["description"], fee)
    return str(book(ledger, charge["id"], charge["currency"], moved)["id"])


def book_refund(ledger: Ledger, source: str, charge: Json, amount: int) -> str:
    """Book a refund, whose fee Stripe does not return; return the balance transaction's id."""
    is_debit = charge["payment_method_details"]["type"] == "sepa_debit"
    words = "REFUND FOR PAYMENT" if is_debit else "REFUND FOR CHARGE"
    moved = Movement(-amount, "payment_refund" if is_debit else "refund", "refund", words)
    return str(book(ledger, source, charge["currency"], moved)["id"])


def book(ledger: Ledger, source: str, currency: str, moved: Movement) -> Json:
    """Write down one movement of the balance."""
    fee = {"amount": moved.fee, "application": None, "currency": currency, "description": moved.fee_name, "type": "stripe_fee"}
    return ledger.add(
        {
            "id": new_id("balance_transaction"),
            "object": "balance_transaction",
            "amount": moved.amount,
            "available_on": ledger.now + AVAILABLE_AFTER,
            "balance_type": "payments",
            "created": ledger.now,
            "currency": currency,
            "description": moved.description,
            "fee": moved.fee,
            "fee_details": [fee] if moved.fee else [],
            "net": moved.amount - moved.fee,
            "reporting_category": moved.category,
            "source": source,
            "status": "pending",
            "type": moved.type,
        }
    )


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
