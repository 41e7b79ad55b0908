"""An empty database filled from Stripe and our own acts, and compared with the one in use (DESIGN §4.9)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Identity, Table, func, insert, select, text, update
from sqlalchemy.orm import Session

from membership.accounts.models import Member, StaffRole
from membership.articles.models import Article
from membership.db import Base, is_postgresql, release, transaction
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem
from membership.patronage.drift import Difference, differences, picture_of_everything
from membership.patronage.gateway import Gateway
from membership.patronage.models import (
    BankImport,
    BankTransfer,
    CheckoutAttempt,
    FreeSeatRequest,
    Gift,
    PaidPeriod,
    PatreonImport,
    PatreonMember,
    Payment,
    Plan,
    RefundOrder,
    SeatPoolEntry,
    TransferReference,
    TwinNotice,
)
from membership.patronage.services.syncing import sync_checkout, sync_subscription

Now = Callable[[], datetime]
CHUNK = 500
FROM_STRIPE = ("subscription", "once")

# Our own acts, in the order in which they refer to one another, each with the rows that are ours and not Stripe's.
OWN_ACTS: Mapping[type[Base], ColumnElement[bool] | None] = {
    Member: None,
    StaffRole: None,
    Article: None,
    Plan: None,
    CheckoutAttempt: None,
    Gift: None,
    FreeSeatRequest: None,
    TransferReference: None,
    BankImport: None,
    BankTransfer: None,
    PatreonImport: None,
    PatreonMember: None,
    TwinNotice: None,
    RefundOrder: None,
    SeatPoolEntry: SeatPoolEntry.reference.not_in(select(Payment.reference).where(Payment.source == "stripe")),
    Payment: Payment.source != "stripe",
    PaidPeriod: PaidPeriod.source.not_in(FROM_STRIPE),
}
# What Stripe tells again.
FORGOTTEN: Mapping[type[Base], Mapping[str, Any]] = {
    CheckoutAttempt: dict.fromkeys(("completed_at", "paid_at", "failed_at", "expired_at")) | {"claim": 0, "written": 0},
    Gift: {"reversed_at": None},
    PaidPeriod: {"reversed_at": None, "disputed_at": None},
}


def rebuild(
    session: Session,
    target: Session,
    gateway: Gateway,
    *,
    now: Now,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Difference]:
    """Fill the empty database behind target, and return where it differs from the one in use.

    No mail is sent from there: what would be, has been. Raises Conflict if target is not empty, Unavailable.
    """
    if target.scalar(select(func.count()).select_from(Member)):
        raise Conflict("The database to rebuild into is not empty.")
    release(target)
    _copy_own_acts(session, target)
    _ask_stripe(target, gateway, now, progress)
    with transaction(target):
        target.execute(update(OutboxItem).values(done_at=now()))
    ours, stripes = picture_of_everything(session), picture_of_everything(target)
    release(session)
    release(target)
    return differences(ours, stripes)


def _copy_own_acts(session: Session, target: Session) -> None:
    for model, is_ours in OWN_ACTS.items():
        table = _table(model)
        rows = select(table) if is_ours is None else select(table).where(is_ours)
        found = [{**row, **FORGOTTEN.get(model, {})} for row in session.execute(rows.order_by(*table.primary_key)).mappings()]
        with transaction(target):
            for start in range(0, len(found), CHUNK):
                target.execute(insert(table), found[start : start + CHUNK])
            _raise_sequence(target, table)
    release(session)


def _raise_sequence(target: Session, table: Table) -> None:
    """Let PostgreSQL's next id come after those that were copied."""
    key = table.autoincrement_column
    if key is not None and is_postgresql(target) and not isinstance(key.server_default, Identity):
        target.execute(
            text(f"SELECT setval(pg_get_serial_sequence('{table.name}', '{key.name}'), max({key.name})) FROM {table.name}")  # noqa: S608
        )


def _ask_stripe(target: Session, gateway: Gateway, now: Now, progress: Callable[[int, int], None]) -> None:
    begun = select(CheckoutAttempt.stripe_session_id).where(CheckoutAttempt.stripe_session_id.is_not(None))
    sessions = list(target.scalars(begun.order_by(CheckoutAttempt.created_at, CheckoutAttempt.id)))
    release(target)
    listed = sorted(subscription.id for subscription in gateway.list_subscriptions())
    total = len(sessions) + len(listed)
    for done, session_id in enumerate(sessions, start=1):
        try:
            sync_checkout(target, gateway, stripe_session_id=session_id or "", now=now())
        except NotFound:  # gone at Stripe: the comparison says what hangs on it
            release(target)
        progress(done, total)
    for done, stripe_id in enumerate(listed, start=len(sessions) + 1):
        sync_subscription(target, gateway, stripe_id=stripe_id, now=now())
        progress(done, total)


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table
