"""The audit trail: who did what to which thing, and why; ids only, never a choice, never an address."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from membership.db import Base, BigId


class AuditEntry(Base):
    """One act, written in the transaction of the act itself."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "subject_type", "subject_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None]
    act: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


def record(
    session: Session,
    *,
    act: str,
    subject: tuple[str, object],
    actor_id: int | None,
    now: datetime,
    reason: str = "",
    **details: Any,
) -> None:
    """Add one entry to the caller's transaction; actor_id is a member's id, None for the system itself."""
    subject_type, subject_id = subject
    session.add(
        AuditEntry(
            at=now,
            actor_id=actor_id,
            act=act,
            subject_type=subject_type,
            subject_id=str(subject_id),
            reason=reason,
            details=details,
        ),
    )
