"""Money and what it gives: plans, checkouts, subscriptions, payments, paid periods. Stripe is the truth, this its projection."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId

INTERVALS = ("month", "year", "once")


class Plan(Base):
    """What can be bought: a free amount above a minimum. Amounts are minor units of the plan's currency."""

    __tablename__ = "plan"
    __table_args__ = (
        CheckConstraint("minimum_month_minor > 0 AND minimum_year_minor > 0 AND minimum_once_minor > 0", name="minimum"),
        CheckConstraint("currency = lower(currency)", name="currency_lower"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    currency: Mapped[str]
    minimum_month_minor: Mapped[int]
    minimum_year_minor: Mapped[int]
    minimum_once_minor: Mapped[int]
    # Three amounts each, ascending, comma-separated; the middle one is the one selected.
    presets_month: Mapped[str]
    presets_year: Mapped[str]
    presets_once: Mapped[str]
    stripe_product_id: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]

    def minimum(self, interval: str) -> int:
        """Return the lowest amount for this interval."""
        return {"month": self.minimum_month_minor, "year": self.minimum_year_minor, "once": self.minimum_once_minor}[interval]

    def presets(self, interval: str) -> tuple[int, ...]:
        """Return the three amounts offered for this interval."""
        text = {"month": self.presets_month, "year": self.presets_year, "once": self.presets_once}[interval]
        return tuple(int(amount) for amount in text.split(","))


class CheckoutAttempt(Base):
    """One try to become a patron; its opaque id is all that travels to Stripe. The article stays here."""

    __tablename__ = "checkout_attempt"
    __table_args__ = (
        CheckConstraint("interval IN ('month', 'year', 'once')", name="interval_known"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    interval: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    language: Mapped[str]
    browser_hash: Mapped[bytes] = mapped_column(index=True)
    # The member who was signed in when it began; else who came of it, once it was paid.
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id", ondelete="SET NULL"))
    # The first price found is kept: asked again with the same idempotency key, Stripe must hear the same words.
    stripe_price_id: Mapped[str | None]
    stripe_session_id: Mapped[str | None] = mapped_column(unique=True)
    stripe_session_url: Mapped[str | None]
    # Who chose what, while its session may still be open: the same choice made again, or twice at once, finds this attempt.
    choice_key: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    # Written once, from Stripe's own answer: the session was completed / the money is there / the session has expired.
    completed_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]
    # The browser that paid was signed in by it; that works once.
    signed_in_at: Mapped[datetime | None]


class StripeCustomer(Base):
    """Which customer at Stripe stands for which member."""

    __tablename__ = "stripe_customer"

    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]


class Subscription(Base):
    """The projection of one Stripe subscription that carries our metadata.

    claim counts the fetches begun, written is the claim of the last fetch stored: an older one is never written over a newer one.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        CheckConstraint("written <= claim", name="written_after_claim"),
        CheckConstraint("interval IN ('month', 'year')", name="interval_known"),
    )

    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    attempt_id: Mapped[UUID | None] = mapped_column(ForeignKey("checkout_attempt.id", ondelete="SET NULL"))
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id", ondelete="SET NULL"))
    claim: Mapped[int] = mapped_column(default=0)
    written: Mapped[int] = mapped_column(default=0)
    stripe_customer_id: Mapped[str | None] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(default="unknown")  # Stripe's word
    amount_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(default="")
    interval: Mapped[str] = mapped_column(default="month")
    current_period_end: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    # `created` of the oldest invoice that is open; grace is counted from it.
    past_due_since: Mapped[datetime | None]
    created_at: Mapped[datetime]
    synced_at: Mapped[datetime | None]


class Payment(Base):
    """One movement of money under its unique id: a charge, a refund (negative), a bank transfer. Minor units."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("source", "reference"),
        CheckConstraint("kind IN ('charge', 'refund', 'manual')", name="kind_known"),
        CheckConstraint("(kind = 'refund') = (amount_minor < 0)", name="refund_negative"),
        CheckConstraint("net_minor = amount_minor - fee_minor", name="net_adds_up"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str]
    source: Mapped[str]  # stripe, bank
    reference: Mapped[str]  # Stripe's charge or refund id; the bank's reference
    charge_reference: Mapped[str | None] = mapped_column(index=True)  # of a refund: the charge it gives back
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    subscription_id: Mapped[str | None] = mapped_column(ForeignKey("subscription.stripe_id"), index=True)
    attempt_id: Mapped[UUID | None] = mapped_column(ForeignKey("checkout_attempt.id", ondelete="SET NULL"))
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id", ondelete="SET NULL"))
    amount_minor: Mapped[int]
    # What the card company took, and what is left; None until Stripe knows it.
    fee_minor: Mapped[int | None]
    net_minor: Mapped[int | None]
    currency: Mapped[str]
    occurred_at: Mapped[datetime]


class PaidPeriod(Base):
    """Time for which somebody is a patron, whatever it came from: [starts_at, ends_at)."""

    __tablename__ = "paid_period"
    __table_args__ = (
        UniqueConstraint("source", "reference"),
        CheckConstraint("source IN ('subscription', 'once', 'bank', 'free_seat')", name="source_known"),
        CheckConstraint("starts_at < ends_at", name="starts_before_end"),
        Index(None, "member_id", "ends_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))
    source: Mapped[str]
    reference: Mapped[str]  # the invoice, the charge, the bank's reference
    subscription_id: Mapped[str | None] = mapped_column(ForeignKey("subscription.stripe_id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    # The money came back in full: the period gives nothing any more.
    reversed_at: Mapped[datetime | None]


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
