"""What our tables say about money, as plain values that can be compared: before and after Stripe was asked, or two databases."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from membership.db import Base
from membership.patronage.models import (
    CheckoutAttempt,
    DeclinedCharge,
    Dispute,
    Gift,
    PaidPeriod,
    Payment,
    SeatPoolEntry,
    StripeCustomer,
    Subscription,
)

Row = Mapping[str, str]
# (table, the row's id) → its columns as text.
Picture = Mapping[tuple[str, str], Row]

# What says when or how often we asked, and nothing about money.
_OURS = frozenset(
    {"id", "claim", "written", "synced_at", "settled_at", "link_key", "choice_key", "signed_in_at", "stripe_session_url"}
)
# Instants at which we learned something: only whether we know it is compared.
_LEARNED = frozenset({"completed_at", "paid_at", "failed_at", "expired_at", "closed_at", "deleted_at"})
_KEYS: Mapping[type[Base], tuple[str, ...]] = {
    CheckoutAttempt: ("id",),
    Subscription: ("stripe_id",),
    StripeCustomer: ("stripe_id",),
    Payment: ("source", "reference"),
    DeclinedCharge: ("stripe_id",),
    PaidPeriod: ("source", "reference"),
    Dispute: ("stripe_id",),
    Gift: ("id",),
    SeatPoolEntry: ("reference",),
}
# A customer's row is made together with its member; when is nobody's money.
_LEFT_OUT: Mapping[type[Base], frozenset[str]] = {
    StripeCustomer: frozenset({"created_at"}),
    Gift: frozenset({"code_hash", "created_at"}),
}


@dataclass(frozen=True)
class Difference:
    """One column in which we and Stripe differ; a row that only one side has differs in the column `row`."""

    what: str
    id: str
    field: str
    ours: str
    stripes: str

    def as_dict(self) -> dict[str, str]:
        """Return it for a JSON column."""
        return asdict(self)


def picture_of_subscription(session: Session, stripe_id: str) -> Picture:
    """Return all rows that one subscription has a part in."""
    row = session.get(Subscription, stripe_id, populate_existing=True)
    attempt_id = row.attempt_id if row else None
    own = _rows(session, Payment, Payment.subscription_id == stripe_id)
    return {
        **_rows(session, Subscription, Subscription.stripe_id == stripe_id),
        **_rows(session, CheckoutAttempt, CheckoutAttempt.id == attempt_id),
        **_rows(session, PaidPeriod, PaidPeriod.subscription_id == stripe_id),
        **_rows(session, DeclinedCharge, DeclinedCharge.subscription_id == stripe_id),
        **own,
        **_disputes(session, own),
    }


def picture_of_attempt(session: Session, attempt_id: UUID) -> Picture:
    """Return all rows that one single payment has a part in."""
    own = _rows(session, Payment, Payment.attempt_id == attempt_id)
    charges = _references(own)
    gifts = _rows(session, Gift, Gift.attempt_id == attempt_id)
    given = [key for _what, key in gifts]
    return {
        **_rows(session, CheckoutAttempt, CheckoutAttempt.id == attempt_id),
        **own,
        **gifts,
        **_rows(session, PaidPeriod, or_(PaidPeriod.reference.in_(charges), PaidPeriod.reference.in_(given))),
        **_rows(session, SeatPoolEntry, SeatPoolEntry.reference.in_(charges)),
        **_disputes(session, own),
    }


def picture_of_everything(session: Session) -> Picture:
    """Return all rows about money."""
    return {key: row for model in _KEYS for key, row in _rows(session, model).items()}


def differences(ours: Picture, stripes: Picture) -> list[Difference]:
    """Return where two pictures differ, in the order of tables and ids."""
    found = []
    for what, key in sorted({*ours, *stripes}):
        mine, theirs = ours.get((what, key)), stripes.get((what, key))
        if mine is None or theirs is None:
            found.append(Difference(what, key, "row", "there" if mine else "missing", "there" if theirs else "missing"))
            continue
        found += [Difference(what, key, name, mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]]
    return found


def _rows(session: Session, model: type[Base], *where: ColumnElement[bool]) -> dict[tuple[str, str], Row]:
    left_out = _OURS | _LEFT_OUT.get(model, frozenset())
    columns = [column for column in model.__table__.columns if column.name not in left_out or column.name in _KEYS[model]]
    found: dict[tuple[str, str], Row] = {}
    for row in session.execute(select(*columns).where(*where)).mappings():
        key = ":".join(_text(name, row[name]) for name in _KEYS[model])
        found[(str(model.__tablename__), key)] = {
            str(name): _text(name, value) for name, value in row.items() if name not in left_out
        }
    return found


def _disputes(session: Session, payments: Picture) -> Picture:
    return _rows(session, Dispute, Dispute.charge_reference.in_(_references(payments)))


def _references(payments: Iterable[tuple[str, str]]) -> list[str]:
    return [key.partition(":")[2] for _what, key in payments]


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in _LEARNED:
        return "yes"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return value.hex() if isinstance(value, bytes) else str(value)
