"""Money itself: subscriptions, payments, disputes, and the time that they pay for."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId


class Subscription(Base):
    """The projection of one Stripe subscription that carries our metadata.

    claim counts the fetches begun, written is the claim of the last fetch stored: an older one is never written over a newer one.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        CheckConstraint("written <= claim", name="written_after_claim"),
        CheckConstraint("interval IN ('month', 'year')", name="interval_known"),
        CheckConstraint("attention IN ('declined', 'expired', 'authentication')", name="attention_known"),
    )

    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(default="")
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    attempt_id: Mapped[UUID | None] = mapped_column(ForeignKey("checkout_attempt.id", ondelete="SET NULL"), index=True)
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id", ondelete="SET NULL"))
    claim: Mapped[int] = mapped_column(default=0)
    written: Mapped[int] = mapped_column(default=0)
    stripe_customer_id: Mapped[str | None] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(default="unknown")  # Stripe's word
    amount_minor: Mapped[int] = mapped_column(default=0)  # of the next renewal, before what the customer has in credit
    currency: Mapped[str] = mapped_column(default="")
    interval: Mapped[str] = mapped_column(default="month")
    current_period_end: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    # `created` of the oldest invoice that is open; grace is counted from it. Not past due yet, a bank takes its days.
    past_due_since: Mapped[datetime | None]
    # Paused by choice: nothing is collected. Resumed by Stripe itself on the day, if there is one.
    is_paused: Mapped[bool] = mapped_column(default=False)
    resumes_at: Mapped[datetime | None]
    # Why the open invoice was not paid (or a first debit that is void now), where it can be paid by hand, and when Stripe tries
    # again by itself.
    attention: Mapped[str | None]
    open_invoice_id: Mapped[str | None]
    open_invoice_url: Mapped[str | None]
    next_attempt_at: Mapped[datetime | None]
    # What pays it, as its owner knows it; the last day it works.
    card_brand: Mapped[str] = mapped_column(default="")
    card_last4: Mapped[str] = mapped_column(default="")
    card_expires: Mapped[date | None]
    created_at: Mapped[datetime]
    synced_at: Mapped[datetime | None]


class Payment(Base):
    """One movement of money under its unique id, in minor units: what came in is positive, what went out negative."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("source", "reference"),
        CheckConstraint(
            "kind IN ('charge', 'manual', 'refund', 'refund_failure', 'dispute', 'dispute_reversal')", name="kind_known"
        ),
        CheckConstraint("(kind IN ('refund', 'dispute')) = (amount_minor < 0)", name="sign_by_kind"),
        CheckConstraint("net_minor = amount_minor - fee_minor", name="net_adds_up"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str]
    source: Mapped[str]  # stripe, bank, paypal, cash
    # Stripe's charge or refund id, of a refund that failed and of a dispute's movements the balance transaction; the bank's own.
    reference: Mapped[str]
    charge_reference: Mapped[str | None] = mapped_column(index=True)  # of what goes back: the charge it belongs to
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    subscription_id: Mapped[str | None] = mapped_column(ForeignKey("subscription.stripe_id"), index=True)
    attempt_id: Mapped[UUID | None] = mapped_column(ForeignKey("checkout_attempt.id", ondelete="SET NULL"), index=True)
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id", ondelete="SET NULL"))
    amount_minor: Mapped[int]
    # What the card company took, and what is left; None until Stripe knows it.
    fee_minor: Mapped[int | None]
    net_minor: Mapped[int | None]
    currency: Mapped[str]
    # Stripe's name for the card's number, the same for every customer of one account; it says who shares a card and nothing else.
    card_fingerprint: Mapped[str] = mapped_column(default="")
    occurred_at: Mapped[datetime]


class DeclinedCharge(Base):
    """A charge that failed: no money moved, but staff and the payer want to know why."""

    __tablename__ = "declined_charge"

    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    subscription_id: Mapped[str | None] = mapped_column(ForeignKey("subscription.stripe_id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    code: Mapped[str]  # Stripe's decline code, else its failure code
    occurred_at: Mapped[datetime]


class PaidPeriod(Base):
    """Time for which somebody is a patron, whatever it came from: [starts_at, ends_at)."""

    __tablename__ = "paid_period"
    __table_args__ = (
        UniqueConstraint("source", "reference"),
        CheckConstraint(
            "source IN ('subscription', 'once', 'gift', 'bank', 'paypal', 'cash', 'patreon', 'free_seat', 'comp')",
            name="source_known",
        ),
        CheckConstraint("starts_at < ends_at", name="starts_before_end"),
        Index(None, "member_id", "ends_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))
    source: Mapped[str]
    reference: Mapped[str]  # the invoice, the charge, the gift, the bank's reference
    subscription_id: Mapped[str | None] = mapped_column(ForeignKey("subscription.stripe_id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    # The money came back in full, or a dispute was lost: the period gives nothing any more.
    reversed_at: Mapped[datetime | None]
    # A dispute is open since: it gives nothing until that is won.
    disputed_at: Mapped[datetime | None]


class Dispute(Base):
    """A payer's bank asks for a charge back; the projection of Stripe's dispute."""

    __tablename__ = "dispute"

    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    charge_reference: Mapped[str] = mapped_column(index=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str]  # Stripe's word: needs_response, under_review, won, lost, warning_…
    reason: Mapped[str]
    opened_at: Mapped[datetime]
    evidence_due_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]  # when we learned that it was won or lost


class RefundOrder(Base):
    """Our own order to give money back; its id is the idempotency key, so that it goes back once."""

    __tablename__ = "refund_order"
    __table_args__ = (
        CheckConstraint("cause IN ('staff', 'withdrawal', 'duplicate')", name="cause_known"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        # Two workers that find the same withdrawal or duplicate order its refund once; staff may refund in parts.
        Index(
            "ix_refund_order_once",
            "charge_reference",
            "cause",
            unique=True,
            sqlite_where=text("cause <> 'staff'"),
            postgresql_where=text("cause <> 'staff'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    charge_reference: Mapped[str] = mapped_column(index=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    cause: Mapped[str]
    amount_minor: Mapped[int | None]  # None: all that is left of the charge
    note: Mapped[str] = mapped_column(default="")
    ordered_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    ordered_at: Mapped[datetime]
    stripe_refund_id: Mapped[str | None] = mapped_column(unique=True)
    done_at: Mapped[datetime | None]
    refused: Mapped[str] = mapped_column(default="")  # Stripe's code, if it refused for good
