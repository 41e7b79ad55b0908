"""What must be true of everybody's money, told from the stand-in's own objects and from nothing of ours.

Written apart from the product's rules on purpose: two roads to the same answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import stripe

GRACE, SLACK = timedelta(days=14), timedelta(days=3)


@dataclass(frozen=True)
class Bill:
    """An invoice that was paid: what it is for, and whether its money is still here."""

    starts_at: datetime
    ends_at: datetime
    is_kept: bool


@dataclass
class Support:
    """One subscription at Stripe."""

    id: str
    attempt: str
    status: str
    is_paused: bool
    cancel_at: datetime | None
    bills: list[Bill] = field(default_factory=list)
    open_since: list[datetime] = field(default_factory=list)

    def gives_rights(self, at: datetime) -> bool:
        """Return whether this one lets its owner vote at an instant."""
        if any(bill.is_kept and bill.starts_at <= at < bill.ends_at for bill in self.bills):
            return True
        if self.cancel_at is not None and self.cancel_at <= at:
            return False
        if any(not bill.is_kept and bill.ends_at > at for bill in self.bills):
            return False
        if not self.bills:
            return self.status in ("active", "incomplete") and not self.open_since
        if self.status == "past_due":
            return at < min(self.open_since, default=at) + GRACE
        kept = [bill.ends_at for bill in self.bills if bill.is_kept]
        return self.status == "active" and not self.is_paused and bool(kept) and at < max(kept) + SLACK

    @property
    def takes_money(self) -> bool:
        """Whether it goes on taking money by itself."""
        return self.status in ("active", "past_due", "trialing") and self.cancel_at is None


@dataclass(frozen=True)
class Truth:
    """Stripe's side: supports by id, and of each charge what is left."""

    supports: Mapping[str, Support]
    left_of_charge: Mapping[str, int]
    refund_orders: tuple[str, ...]


def read_truth(client: stripe.StripeClient) -> Truth:
    """Read everything of ours that the stand-in has."""
    disputes = [found.to_dict() for found in client.v1.disputes.list({"limit": 100}).auto_paging_iter()]
    refunds = [found.to_dict() for found in client.v1.refunds.list({"limit": 100}).auto_paging_iter()]
    charges = [found.to_dict() for found in client.v1.charges.list({"limit": 100}).auto_paging_iter()]
    paid = {charge["payment_intent"]: charge for charge in charges if charge["status"] == "succeeded"}
    left = {charge["id"]: _left(charge, refunds, disputes) for charge in paid.values()}
    kept = {intent: left[charge["id"]] > 0 for intent, charge in paid.items()}
    supports = {
        found["id"]: _support(client, found, kept)
        for found in (each.to_dict() for each in client.v1.subscriptions.list({"status": "all", "limit": 100}).auto_paging_iter())
        if found["metadata"].get("attempt")
    }
    orders = tuple(refund["metadata"]["order"] for refund in refunds if refund["metadata"].get("order"))
    return Truth(supports, left, orders)


def _left(charge: Mapping[str, Any], refunds: Iterable[Mapping[str, Any]], disputes: Iterable[Mapping[str, Any]]) -> int:
    back = sum(r["amount"] for r in refunds if r["charge"] == charge["id"] and r["status"] not in ("failed", "canceled"))
    moved = sum(t["amount"] for d in disputes if d["charge"] == charge["id"] for t in d["balance_transactions"])
    return int(charge["amount"] - back + moved)


def _support(client: stripe.StripeClient, found: Mapping[str, Any], kept: Mapping[str, bool]) -> Support:
    support = Support(
        found["id"],
        found["metadata"]["attempt"],
        found["status"],
        found["pause_collection"] is not None,
        _instant(found["cancel_at"]),
    )
    listed = client.v1.invoices.list({"subscription": found["id"], "limit": 100, "expand": ["data.payments"]})
    for invoice in (each.to_dict() for each in listed.auto_paging_iter()):
        if invoice["status"] == "open":
            support.open_since.append(_at(invoice["created"]))
        lines = [line for line in invoice["lines"]["data"] if not line["parent"]["subscription_item_details"]["proration"]]
        if invoice["status"] == "paid" and lines:
            intents = [row["payment"].get("payment_intent") for row in invoice["payments"]["data"] if row["status"] == "paid"]
            # What was paid from credit alone has no payment, and nothing that could come back.
            is_kept = all(kept.get(intent, True) for intent in intents)
            support.bills.append(Bill(_at(lines[0]["period"]["start"]), _at(lines[0]["period"]["end"]), is_kept))
    return support


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else _at(seconds)


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
