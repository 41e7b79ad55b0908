"""What was billed for the time that a subscription item now runs in: credits are counted from it.

Flexible billing mode credits what was debited, not what the price of today would cost: a price that was changed without
proration is credited as it was paid, and a period whose invoice was voided gives no credit.
"""

from dataclasses import asdict, dataclass

from membership.stripe_standin.errors import Json
from membership.stripe_standin.store import Ledger


@dataclass(frozen=True)
class Debit:
    """An amount billed for the time from start to end, and the invoice line that billed it."""

    amount: int
    start: int
    end: int
    line: str | None


def debit_of(ledger: Ledger, item: Json) -> Debit:
    """Return what was last billed for the item, its price in full if nothing was written down."""
    known = ledger.private(item["subscription"]).get("debits", {})
    if item["id"] in known:
        return Debit(**known[item["id"]])
    amount = ledger.get("price", item["price"])["unit_amount"] * item["quantity"]
    return Debit(amount, item["current_period_start"], item["current_period_end"], None)


def remember_debit(ledger: Ledger, item: Json, debit: Debit) -> None:
    """Write down what was billed for the item."""
    known = ledger.private(item["subscription"]).get("debits", {})
    ledger.remember(item["subscription"], debits={**known, item["id"]: asdict(debit)})


def remember_lines(ledger: Ledger, lines: list[Json]) -> None:
    """Write down what these invoice lines debit; the last one of an item counts, credits do not."""
    for line in lines:
        details = line["parent"]["subscription_item_details"]
        if not details["proration"] or line["amount"] > 0:
            item = {"id": details["subscription_item"], "subscription": details["subscription"]}
            period = line["period"]
            remember_debit(ledger, item, Debit(line["amount"], period["start"], period["end"], line["id"]))


def forget_lines(ledger: Ledger, lines: list[Json]) -> None:
    """Give no credit for what these lines billed: their invoice was voided."""
    for line in lines:
        details = line["parent"]["subscription_item_details"]
        item = {"id": details["subscription_item"], "subscription": details["subscription"]}
        known = ledger.private(item["subscription"]).get("debits", {}).get(item["id"])
        if known and known["line"] == line["id"]:
            remember_debit(ledger, item, Debit(0, known["start"], known["end"], known["line"]))
