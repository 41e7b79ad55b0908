"""Subscriptions with all their bills and the money behind them."""

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from membership.patronage.shapes.charges import Charge
from membership.patronage.shapes.failing import DECLINED
from membership.patronage.shapes.invoices import Invoice, read_invoice
from membership.patronage.shapes.reading import Json, inside, instant, optional_instant, read_attempt, reference, rows

OVER = frozenset({"canceled", "incomplete_expired"})


@dataclass(frozen=True)
class Card:
    """What a payer sees of their own card; of a bank account brand is Stripe's word for the method, and nothing expires."""

    brand: str
    last4: str
    expires: date | None  # the last day it works


@dataclass(frozen=True)
class SubscriptionFacts:
    """One subscription as Stripe answered."""

    id: str
    attempt: str | None
    status: str
    customer_id: str | None
    email: str | None
    amount_minor: int
    currency: str
    interval: str
    current_period_end: datetime | None
    cancel_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    invoices: tuple[Invoice, ...] = ()
    account: str = ""
    ended_by: str | None = None  # cancellation_requested, payment_failed, payment_disputed, …
    is_paused: bool = False
    resumes_at: datetime | None = None
    attention: str | None = None  # see shapes.failing
    item_id: str | None = None
    price_id: str | None = None
    customer_balance_minor: int = 0  # negative is the customer's credit
    card: Card | None = None

    @property
    def open_invoices(self) -> list[Invoice]:
        """The bills that are not paid yet, oldest first; of what is over nobody collects any."""
        if self.status in OVER:
            return []
        return sorted((invoice for invoice in self.invoices if invoice.status == "open"), key=lambda i: (i.created_at, i.id))

    @property
    def open_invoice(self) -> Invoice | None:
        """The oldest bill that is not paid yet."""
        return next(iter(self.open_invoices), None)

    @property
    def open_invoice_id(self) -> str | None:
        """The oldest open bill's id; of what is over, of one whose debit is still with the bank."""
        late = (invoice.id for invoice in self.invoices if invoice.is_with_bank)
        return self.open_invoice.id if self.open_invoice else next(late, None)

    @property
    def open_invoice_url(self) -> str | None:
        """Where the oldest open bill can be paid by hand."""
        return self.open_invoice.url if self.open_invoice else None

    @property
    def next_attempt_at(self) -> datetime | None:
        """When Stripe tries the oldest open bill again by itself."""
        return self.open_invoice.next_attempt_at if self.open_invoice else None

    @property
    def past_due_since(self) -> datetime | None:
        """When the oldest bill that is still open was made."""
        return self.open_invoice.created_at if self.open_invoice else None

    @property
    def was_paid(self) -> bool:
        """Whether any bill of it was ever paid."""
        return any(invoice.status == "paid" for invoice in self.invoices)

    @property
    def charges(self) -> list[Charge]:
        """All the money it has taken, oldest first."""
        found = (charge for invoice in self.invoices for charge in invoice.charges)
        return sorted(found, key=lambda charge: (charge.created_at, charge.id))

    @property
    def declined(self) -> list[Charge]:
        """All the tries that took nothing, oldest first."""
        found = (charge for invoice in self.invoices for charge in invoice.declined)
        return sorted(found, key=lambda charge: (charge.created_at, charge.id))


def read_subscription(
    body: Json, invoices: Sequence[Json], charges: Iterable[Charge], *, account: str = "", method: Json | None = None
) -> SubscriptionFacts:
    """Read a subscription with its customer expanded, its invoices, and the charges of that customer; method is what pays it."""
    items, charges = rows(body.get("items")), tuple(charges)
    first = inside(items[0] if items else None)
    price, customer = inside(first.get("price")), inside(body.get("customer"))
    # The pinned API has the period on the item, older ones on the subscription.
    ends = [item["current_period_end"] for item in items if item.get("current_period_end")]
    period_end = optional_instant(min(ends) if ends else body.get("current_period_end"))
    stops_with_period = body.get("cancel_at_period_end") and not body.get("cancel_at")
    bills = tuple(read_invoice(invoice, charges) for invoice in invoices)
    pause = body.get("pause_collection") if body["status"] not in OVER else None
    return SubscriptionFacts(
        id=body["id"],
        attempt=read_attempt(body),
        status=body["status"],
        customer_id=reference(body.get("customer")),
        email=customer.get("email"),
        amount_minor=sum((inside(item.get("price")).get("unit_amount") or 0) * (item.get("quantity") or 1) for item in items),
        currency=body.get("currency") or price.get("currency") or "",
        interval="year" if inside(price.get("recurring")).get("interval") == "year" else "month",
        current_period_end=period_end,
        cancel_at=period_end if stops_with_period else optional_instant(body.get("cancel_at")),
        ended_at=optional_instant(body.get("ended_at")),
        created_at=instant(body["created"]),
        invoices=bills,
        account=account,
        ended_by=inside(body.get("cancellation_details")).get("reason"),
        is_paused=bool(pause),
        resumes_at=optional_instant(inside(pause).get("resumes_at")),
        attention=DECLINED if _first_debit_failed(body["status"], bills) else None,
        item_id=first.get("id"),
        price_id=price.get("id"),
        customer_balance_minor=customer.get("balance") or 0,
        card=read_card(method) if method else None,
    )


def read_card(method: Json) -> Card:
    """Read a payment method."""
    kind = method.get("type") or "card"
    shown = inside(method.get(kind))
    year, month = shown.get("exp_year"), shown.get("exp_month")
    expires = date(year, month, calendar.monthrange(year, month)[1]) if year and month else None
    return Card(shown.get("brand") or kind, shown.get("last4") or "", expires)


def _first_debit_failed(status: str, bills: Sequence[Invoice]) -> bool:
    """Tell whether a first payment by a method that takes days did not come: its bill is void, and the subscription runs on."""
    return status in ("active", "trialing") and bool(bills) and all(bill.status in ("void", "uncollectible") for bill in bills)
