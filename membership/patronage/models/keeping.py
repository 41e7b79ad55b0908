"""How we keep true to Stripe: its events, the comparisons, the checks of our own sums, and the day it closes."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId


class StripeEvent(Base):
    """The inbox: one row per event id, kept before anything is done about it. Of the payload only these fields."""

    __tablename__ = "stripe_event"
    __table_args__ = (
        CheckConstraint("state IN ('new', 'done', 'ignored')", name="state_known"),
        Index(None, "state", "received_at"),
    )

    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    created_at: Mapped[datetime]
    received_at: Mapped[datetime]
    livemode: Mapped[bool]
    api_version: Mapped[str | None]
    object_type: Mapped[str]
    object_id: Mapped[str]
    subscription_id: Mapped[str | None]
    charge_id: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="new")
    done_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(default="")


class ReconcileRun(Base):
    """One comparison of our projection with Stripe's truth, and what it found; applied or only looked at."""

    __tablename__ = "reconcile_run"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    is_applied: Mapped[bool]
    since: Mapped[datetime | None]  # None: everything
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    # Raised while it works: a run whose worker has died is taken up again.
    seen_alive_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    checked: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    # One entry each: what (subscription, payment, …), id, field, ours, stripes.
    drift: Mapped[list[Any]] = mapped_column(default=list)
    error: Mapped[str] = mapped_column(default="")


class MoneyCheckRun(Base):
    """One run of the checks of our own sums; findings maps a check's name to the ids that break it."""

    __tablename__ = "money_check_run"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    findings: Mapped[dict[str, Any]]


class StripeClosure(Base):
    """Stripe is closed to us from then on, until it is open again: the asks lead to the other ways."""

    __tablename__ = "stripe_closure"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    closed_at: Mapped[datetime]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    reason: Mapped[str]
    reopened_at: Mapped[datetime | None]
    reopened_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    # 1 while it lasts, then nothing: so that there is one at a time.
    place: Mapped[int | None] = mapped_column(unique=True)
