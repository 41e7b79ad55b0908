"""Memberships that renew: the patrons in the database, the events that Stripe sends, and what Stripe answers when it is asked.

All of it follows from a number, so that the server, the load and the other side of the comparison need not tell each other.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.db import transaction
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Payment, StripeCustomer, Subscription
from membership.patronage.services import ensure_plan

BEGUN, RENEWED, ENDS = (datetime(2026, month, 22, 12, tzinfo=UTC) for month in (2, 3, 4))
AMOUNT, FEE = 500, 33
ACCOUNT = "acct_1"
MINIMUMS = {"month": 300, "year": 3000, "once": 300}
PRESETS = {"month": (300, 500, 1000), "year": (3000, 5000, 10000), "once": (1000, 2000, 5000)}


@dataclass(frozen=True)
class Renewal:
    """The second month of one membership; the first is in the database already."""

    number: int

    @property
    def member_id(self) -> int:
        return self.number + 1

    @property
    def attempt_id(self) -> UUID:
        return UUID(int=self.number)

    @property
    def event_id(self) -> str:
        return f"evt_{self.number}"

    @property
    def customer_id(self) -> str:
        return f"cus_{self.number}"

    @property
    def subscription_id(self) -> str:
        return f"sub_{self.number}"

    def invoice_id(self, month: int) -> str:
        return f"in_{self.number}_{month}"

    def charge_id(self, month: int) -> str:
        return f"ch_{self.number}_{month}"

    def request(self, secret: str, *, port: int, sent_at: int) -> bytes:
        """Return the whole HTTP request that brings the event."""
        body = json.dumps(self._event()).encode()
        signature = hmac.new(secret.encode(), b"%d." % sent_at + body, hashlib.sha256).hexdigest()
        head = (
            f"POST /stripe/webhook HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nStripe-Signature: t={sent_at},v1={signature}\r\n\r\n"
        )
        return head.encode() + body

    def subscription(self) -> dict[str, Any]:
        """Return Stripe's subscription, its customer expanded."""
        price = {"id": "price_1", "unit_amount": AMOUNT, "currency": "eur", "recurring": {"interval": "month"}}
        item = {"id": f"si_{self.number}", "price": price, "quantity": 1, "current_period_end": _seconds(ENDS)}
        return {
            "id": self.subscription_id,
            "object": "subscription",
            "status": "active",
            "currency": "eur",
            "customer": {"id": self.customer_id, "object": "customer", "email": f"reader{self.number}@example.org"},
            "metadata": {"attempt": str(self.attempt_id)},
            "items": {"object": "list", "data": [item]},
            "created": _seconds(BEGUN),
        }

    def invoice(self, month: int) -> dict[str, Any]:
        """Return one of its two invoices."""
        starts_at, ends_at = ((BEGUN, RENEWED), (RENEWED, ENDS))[month]
        line = {"id": f"il_{self.number}_{month}", "period": {"start": _seconds(starts_at), "end": _seconds(ends_at)}}
        paid_by = {"payment": {"type": "payment_intent", "payment_intent": f"pi_{self.number}_{month}"}}
        return {
            "id": self.invoice_id(month),
            "object": "invoice",
            "status": "paid",
            "created": _seconds(starts_at),
            "lines": {"object": "list", "data": [line]},
            "payments": {"object": "list", "data": [paid_by]},
            "parent": {"type": "subscription_details", "subscription_details": {"subscription": self.subscription_id}},
        }

    def charge(self, month: int) -> dict[str, Any]:
        """Return the charge that paid one of its invoices."""
        return {
            "id": self.charge_id(month),
            "object": "charge",
            "status": "succeeded",
            "amount": AMOUNT,
            "currency": "eur",
            "created": _seconds((BEGUN, RENEWED)[month]),
            "customer": self.customer_id,
            "payment_intent": f"pi_{self.number}_{month}",
            "balance_transaction": {"id": f"txn_{self.number}_{month}", "amount": AMOUNT, "currency": "eur", "fee": FEE},
            "refunds": {"object": "list", "data": [], "has_more": False},
        }

    def _event(self) -> dict[str, Any]:
        # The footer makes it as long as Stripe's are.
        invoice = self.invoice(1) | {"customer": self.customer_id, "footer": "Thank you. " * 300}
        return {
            "id": self.event_id,
            "object": "event",
            "type": "invoice.paid",
            "created": _seconds(RENEWED),
            "livemode": False,
            "api_version": "2026-10-28.endive",
            "data": {"object": invoice},
        }


def seed(session: Session, renewals: Sequence[Renewal]) -> None:
    """Write the patrons and what they paid for the first month."""
    plan = ensure_plan(session, key="patron", name="Patron", currency="eur", minimums=MINIMUMS, presets=PRESETS, now=BEGUN)
    with transaction(session):
        for model, rows in (
            (Member, _members(renewals)),
            (CheckoutAttempt, _attempts(renewals, plan.id)),
            (StripeCustomer, _customers(renewals)),
            (Subscription, _subscriptions(renewals)),
            (Payment, _payments(renewals)),
            (PaidPeriod, _periods(renewals)),
        ):
            session.execute(insert(model), list(rows))


def _members(renewals: Iterable[Renewal]) -> Iterable[dict[str, Any]]:
    return ({"id": one.member_id, "typed_email": f"reader{one.number}@example.org", "created_at": BEGUN} for one in renewals)


def _attempts(renewals: Iterable[Renewal], plan_id: int) -> Iterable[dict[str, Any]]:
    for one in renewals:
        yield {
            "id": one.attempt_id,
            "plan_id": plan_id,
            "interval": "month",
            "amount_minor": AMOUNT,
            "currency": "eur",
            "language": "en",
            "browser_hash": b"b" * 32,
            "member_id": one.member_id,
            "stripe_session_id": f"cs_{one.number}",
            "created_at": BEGUN,
            "settled_at": BEGUN,
            "completed_at": BEGUN,
            "paid_at": BEGUN,
        }


def _customers(renewals: Iterable[Renewal]) -> Iterable[dict[str, Any]]:
    for one in renewals:
        yield {"stripe_id": one.customer_id, "account": ACCOUNT, "member_id": one.member_id, "created_at": BEGUN}


def _subscriptions(renewals: Iterable[Renewal]) -> Iterable[dict[str, Any]]:
    for one in renewals:
        yield {
            "stripe_id": one.subscription_id,
            "account": ACCOUNT,
            "member_id": one.member_id,
            "attempt_id": one.attempt_id,
            "claim": 1,
            "written": 1,
            "stripe_customer_id": one.customer_id,
            "status": "active",
            "amount_minor": AMOUNT,
            "currency": "eur",
            "current_period_end": RENEWED,
            "created_at": BEGUN,
        }


def _payments(renewals: Iterable[Renewal]) -> Iterable[dict[str, Any]]:
    return (payment(one, 0, BEGUN) for one in renewals)


def _periods(renewals: Iterable[Renewal]) -> Iterable[dict[str, Any]]:
    return (period(one, 0, (BEGUN, RENEWED)) for one in renewals)


def payment(renewal: Renewal, month: int, at: datetime) -> dict[str, Any]:
    """Return the row of one month's charge."""
    return {
        "kind": "charge",
        "source": "stripe",
        "reference": renewal.charge_id(month),
        "member_id": renewal.member_id,
        "subscription_id": renewal.subscription_id,
        "attempt_id": renewal.attempt_id,
        "amount_minor": AMOUNT,
        "fee_minor": FEE,
        "net_minor": AMOUNT - FEE,
        "currency": "eur",
        "occurred_at": at,
    }


def period(renewal: Renewal, month: int, during: tuple[datetime, datetime]) -> dict[str, Any]:
    """Return the row of the time that one month's invoice pays for."""
    return {
        "member_id": renewal.member_id,
        "source": "subscription",
        "reference": renewal.invoice_id(month),
        "subscription_id": renewal.subscription_id,
        "starts_at": during[0],
        "ends_at": during[1],
    }


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
