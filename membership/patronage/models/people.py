"""What staff and the system note about payers: two memberships under one address, notes of the treasurer."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId


class TwinNotice(Base):
    """A membership whose typed address belongs, or may belong, to an earlier one: its mailbox is asked once what to do."""

    __tablename__ = "twin_notice"
    __table_args__ = (CheckConstraint("decision IN ('joined', 'not_me')", name="decision_known"),)

    # The later of the two; when they were joined, its payments and periods are the earlier one's.
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)
    earlier_member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
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
