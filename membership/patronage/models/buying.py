"""What can be bought, and the way there: plans, checkouts, customers, gifts."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId

INTERVALS = ("month", "year", "once")
# What a checkout pays for: the buyer's own membership, somebody else's by a code, or free seats for whoever asks.
PURPOSES = ("membership", "gift", "seats")


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
    # No longer offered; who pays by it goes on.
    retired_at: Mapped[datetime | None]

    def minimum(self, interval: str) -> int:
        """Return the lowest amount for this interval."""
        return {"month": self.minimum_month_minor, "year": self.minimum_year_minor, "once": self.minimum_once_minor}[interval]

    def presets(self, interval: str) -> tuple[int, ...]:
        """Return the three amounts offered for this interval."""
        text = {"month": self.presets_month, "year": self.presets_year, "once": self.presets_once}[interval]
        return tuple(int(amount) for amount in text.split(","))


class CheckoutAttempt(Base):
    """One try to pay; its opaque id is all that travels to Stripe. The article stays here."""

    __tablename__ = "checkout_attempt"
    __table_args__ = (
        CheckConstraint("interval IN ('month', 'year', 'once')", name="interval_known"),
        CheckConstraint("purpose IN ('membership', 'gift', 'seats')", name="purpose_known"),
        CheckConstraint("purpose = 'membership' OR interval = 'once'", name="given_once"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("written <= claim", name="written_after_claim"),
        # Read each minute for who may vote: the few that are with a bank, or did not come.
        Index(
            "ix_checkout_attempt_delayed",
            "member_id",
            sqlite_where=text("completed_at IS NOT NULL AND paid_at IS NULL"),
            postgresql_where=text("completed_at IS NOT NULL AND paid_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    purpose: Mapped[str] = mapped_column(default="membership")
    interval: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    language: Mapped[str]
    browser_hash: Mapped[bytes] = mapped_column(index=True)
    # The member who was signed in when it began; else who came of it, once it was paid.
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    # When that was decided: who deletes their account afterwards is not made a member again by a late event.
    settled_at: Mapped[datetime | None]
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id", ondelete="SET NULL"))
    # Typed at Stripe by who buys for somebody else: nobody becomes a member by that, but the code or the receipt goes there.
    buyer_email: Mapped[str | None]
    # The first price found is kept: asked again with the same idempotency key, Stripe must hear the same words.
    stripe_price_id: Mapped[str | None]
    stripe_session_id: Mapped[str | None] = mapped_column(unique=True)
    stripe_session_url: Mapped[str | None]
    # Who chose what, while its session may still be open: the same choice made again, or twice at once, finds this attempt.
    choice_key: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    # Written once, from Stripe's own answer: the session was completed / the money is there / it will not come / the session has
    # expired. Completed and neither paid nor failed: the bank takes days.
    completed_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]
    # Withdrawn from within the first days: its subscription ends at once, and all that it took goes back.
    withdrawn_at: Mapped[datetime | None] = mapped_column(index=True)
    # The browser that paid was signed in by it; that works once.
    signed_in_at: Mapped[datetime | None]
    # As on a subscription: the questions asked about this session, and the last one whose answer was stored.
    claim: Mapped[int] = mapped_column(default=0)
    written: Mapped[int] = mapped_column(default=0)
    # What the signed links in mails name; a new one makes every link sent so far a dead one.
    link_key: Mapped[UUID] = mapped_column(unique=True, default=uuid4)


class StripeCustomer(Base):
    """Which customer at Stripe stands for which member."""

    __tablename__ = "stripe_customer"

    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(default="")  # Stripe's id of our account; "" if our key may not ask for it
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]  # deleted in Stripe: nothing can be sold to it any more
    address_pushed_at: Mapped[datetime | None]  # Stripe was told the member's address of that instant


class Gift(Base):
    """A membership paid by one person for another, who redeems it by a code.

    The code follows from the id and our secret key (patronage.gift_codes); only its hash is kept.
    """

    __tablename__ = "gift"
    __table_args__ = (
        CheckConstraint("months BETWEEN 1 AND 12", name="months_bounded"),
        CheckConstraint("redeemed_by IS NULL OR redeemed_at IS NOT NULL", name="redeemed_whole"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    attempt_id: Mapped[UUID] = mapped_column(ForeignKey("checkout_attempt.id"), unique=True)
    months: Mapped[int]
    code_hash: Mapped[bytes | None] = mapped_column(unique=True)  # None until the code was shown for the first time
    created_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]
    # Used stays used, also when its user's account is deleted.
    redeemed_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    # The buyer's money came back: the code opens nothing any more.
    reversed_at: Mapped[datetime | None]
