"""Support that comes another way: free seats and their pool, bank transfers, a platform that goes on beside us."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId


class FreeSeatRequest(Base):
    """Somebody asked for a free seat under an address; no reason is asked for or kept."""

    __tablename__ = "free_seat_request"
    __table_args__ = (
        CheckConstraint("decision IN ('granted', 'declined')", name="decision_known"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        # Asked again before the answer, it is the same request.
        Index(
            "ix_free_seat_request_open",
            "email",
            unique=True,
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str]
    language: Mapped[str]
    requested_at: Mapped[datetime]
    decision: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))  # None: the pool
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))


class SeatPoolEntry(Base):
    """Months of free seats that patrons have paid for (positive) or that were given from them (negative)."""

    __tablename__ = "seat_pool_entry"
    __table_args__ = (CheckConstraint("months <> 0", name="months_move"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    months: Mapped[int]
    reference: Mapped[str] = mapped_column(unique=True)  # the charge that filled it, the period that was given
    at: Mapped[datetime]
    reversed_at: Mapped[datetime | None]  # the money went back before it was given


class TransferReference(Base):
    """The personal reference that somebody puts into a transfer, so that we know whose it is."""

    __tablename__ = "transfer_reference"
    __table_args__ = (CheckConstraint("member_id IS NOT NULL OR email IS NOT NULL", name="somebodys"),)

    reference: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), unique=True)
    # Typed by who is not signed in; the first transfer makes it a member's, and then it is forgotten here.
    email: Mapped[str | None]
    language: Mapped[str]
    created_at: Mapped[datetime]


class BankImport(Base):
    """One statement that staff uploaded."""

    __tablename__ = "bank_import"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    imported_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    imported_at: Mapped[datetime]
    rows: Mapped[int]
    matched: Mapped[int]
    known: Mapped[int]  # already there from an earlier statement
    skipped: Mapped[int]  # money that went out


class BankTransfer(Base):
    """One incoming transfer of a statement. What names its payer is kept only while a person has to find out whose it is."""

    __tablename__ = "bank_transfer"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'matched', 'dismissed')", name="state_known"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("state = 'waiting' OR (payer = '' AND text = '')", name="forgotten_when_decided"),
        Index(None, "state", "booked_on"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("bank_import.id"))
    # A hash of all that the bank wrote, and which of several equal lines of a statement it is: read twice, it is one transfer.
    fingerprint: Mapped[str] = mapped_column(unique=True)
    booked_on: Mapped[date]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    payer: Mapped[str]
    text: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    months: Mapped[int] = mapped_column(default=0)  # that it paid for, once it is somebody's
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")


class PatreonImport(Base):
    """One members list that staff uploaded: first only looked at, then applied, and what it changed."""

    __tablename__ = "patreon_import"
    __table_args__ = (CheckConstraint("applied_at IS NULL OR draft IS NULL", name="draft_forgotten"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uploaded_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    uploaded_at: Mapped[datetime]
    # The rows that were read, with their addresses: forgotten when they are applied, put away, or a day old.
    draft: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    applied_at: Mapped[datetime | None]
    joined: Mapped[int] = mapped_column(default=0)
    prolonged: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    left: Mapped[int] = mapped_column(default=0)


class PatreonMember(Base):
    """Somebody who pays at Patreon and is a patron here until the date that is paid there."""

    __tablename__ = "patreon_member"

    patreon_id: Mapped[str] = mapped_column(primary_key=True)
    # None: they have deleted their account here, and next month's list does not make them a member again.
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    paid_until: Mapped[datetime]
    last_import_id: Mapped[int] = mapped_column(ForeignKey("patreon_import.id"))
    left_at: Mapped[datetime | None]
