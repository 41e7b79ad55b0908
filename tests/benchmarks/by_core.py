"""The same statements as a renewal's webhook, in as many transactions that write, by SQLAlchemy Core with nothing around it."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from membership.outbox import OutboxItem
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Payment, StripeEvent, Subscription
from tests.benchmarks.renewals import ENDS, RENEWED, Renewal, payment, period
from tests.benchmarks.writing import writing


class Core:
    """Writes renewals into one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert: Callable[..., Any] = postgresql_insert if engine.dialect.name == "postgresql" else sqlite_insert

    def write_all(self, renewals: Sequence[Renewal], *, threads: int) -> tuple[float, list[float]]:
        """Write them, so many at once; return how many seconds it all took, and how many each of them."""
        started = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            took = list(pool.map(self._timed, renewals))
        return time.perf_counter() - started, took

    def write(self, renewal: Renewal) -> None:
        """Keep the event, claim the subscription, then write what Stripe would have answered."""
        with writing(self._engine) as connection:
            event = self._insert(StripeEvent).values(**_event(renewal)).on_conflict_do_nothing()
            connection.execute(event.returning(StripeEvent.state)).one()
        with writing(self._engine) as connection:
            raised = update(Subscription).where(Subscription.stripe_id == renewal.subscription_id)
            claim = connection.scalar(raised.values(claim=Subscription.claim + 1).returning(Subscription.claim))
        with writing(self._engine) as connection:
            self._write_subscription(connection, renewal, claim or 0)
            self._write_payment(connection, renewal)
            self._write_period(connection, renewal)

    def _timed(self, renewal: Renewal) -> float:
        started = time.perf_counter()
        self.write(renewal)
        return time.perf_counter() - started

    def _write_subscription(self, connection: Connection, renewal: Renewal, claim: int) -> None:
        now, attempts, subscriptions = datetime.now(UTC), CheckoutAttempt.__table__, Subscription.__table__
        is_waiting = (StripeEvent.stripe_id == renewal.event_id, StripeEvent.state == "new")
        connection.execute(update(StripeEvent).where(*is_waiting).values(state="done", done_at=now, last_error=""))
        its_attempt = select(Subscription.attempt_id).where(Subscription.stripe_id == renewal.subscription_id).scalar_subquery()
        connection.execute(select(attempts).where(attempts.c.id == its_attempt).with_for_update()).one()
        itself = subscriptions.c.stripe_id == renewal.subscription_id
        assert connection.execute(select(subscriptions).where(itself).with_for_update()).one().written < claim
        connection.execute(update(subscriptions).where(itself).values(written=claim, current_period_end=ENDS, synced_at=now))

    def _write_payment(self, connection: Connection, renewal: Renewal) -> None:
        payments, now = Payment.__table__, datetime.now(UTC)
        references = [renewal.charge_id(month) for month in (0, 1)]
        known = select(payments).where(payments.c.source == "stripe", payments.c.reference.in_(references))
        assert len(connection.execute(known).all()) == 1
        added = self._insert(Payment).values(**payment(renewal, 1, RENEWED)).returning(Payment.id)
        payload = {"payment_id": connection.execute(added).scalar_one()}
        mail = {"key": f"welcome:{renewal.charge_id(1)}", "kind": "welcome", "payload": payload, "member_id": renewal.member_id}
        row = self._insert(OutboxItem).values(**mail, urgent=True, created_at=now, due_at=now)
        connection.execute(row.on_conflict_do_nothing(index_elements=[OutboxItem.key]))

    def _write_period(self, connection: Connection, renewal: Renewal) -> None:
        periods = PaidPeriod.__table__
        references = [renewal.invoice_id(month) for month in (0, 1)]
        known = select(periods).where(periods.c.source == "subscription", periods.c.reference.in_(references))
        assert len(connection.execute(known).all()) == 1
        connection.execute(self._insert(PaidPeriod).values(**period(renewal, 1, (RENEWED, ENDS))))


def _event(renewal: Renewal) -> dict[str, Any]:
    return {
        "stripe_id": renewal.event_id,
        "type": "invoice.paid",
        "created_at": RENEWED,
        "received_at": datetime.now(UTC),
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "object_type": "invoice",
        "object_id": renewal.invoice_id(1),
        "subscription_id": renewal.subscription_id,
        "state": "new",
    }
