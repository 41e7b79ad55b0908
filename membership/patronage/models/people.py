"""What staff and the system note about payers: paid twice, two memberships under one address, notes of the treasurer."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId


class DuplicateSubscription(Base):
    """A subscription that runs beside another one of the same member: we end it, and the other one is kept."""

    __tablename__ = "duplicate_subscription"

    subscription_id: Mapped[str] = mapped_column(ForeignKey("subscription.stripe_id"), primary_key=True)
    kept_id: Mapped[str] = mapped_column(ForeignKey("subscription.stripe_id"))
    # What it took from then on goes back: everything of the later one; of an earlier one, which ends because its payment failed,
    # only what is still collected of the bills that were open.
    refunds_from: Mapped[datetime]
    found_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # Stripe has ended it, and its refunds are ordered


class CancelRequest(Base):
    """Somebody asked for a mail with the way out, under the address that they paid with; forgotten after a day."""

    __tablename__ = "cancel_request"
    __table_args__ = (Index(None, "email", "requested_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str]
    language: Mapped[str]
    requested_at: Mapped[datetime]


class TwinNotice(Base):
    """A membership whose typed address belongs, or may belong, to an earlier one: its mailbox is asked once what to do."""

    __tablename__ = "twin_notice"
    __table_args__ = (CheckConstraint("decision IN ('joined', 'not_me')", name="decision_known"),)

    # The later of the two; when they were joined, its payments and periods are the earlier one's.
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)
    earlier_member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    # What the signed link in the mail names.
    key: Mapped[UUID] = mapped_column(unique=True, default=uuid4)
    noticed_at: Mapped[datetime]
    decision: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class MemberNote(Base):
    """What a treasurer wrote down about a patron's payments."""

    __tablename__ = "member_note"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    text: Mapped[str]
    written_at: Mapped[datetime]
