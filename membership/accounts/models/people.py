"""Who somebody is, and what staff may do."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from membership.db import Base, BigId

ROLES = ("editor", "counter", "treasurer", "admin")


class Member(Base):
    """A person: reader, patron or staff.

    email is an address whose mailbox proved it; typed_email is what somebody typed at Checkout and nobody has proved.
    """

    __tablename__ = "member"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("language IN ('en', 'uk')", name="language_known"),
        # Whatever comes late, nobody gets a name or an address again by it.
        CheckConstraint(
            "closed_at IS NULL OR (email IS NULL AND typed_email IS NULL AND user_handle IS NULL AND display_name = '')",
            name="closed_is_nobody",
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str | None] = mapped_column(unique=True)
    typed_email: Mapped[str | None] = mapped_column(index=True)
    display_name: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="en")
    created_at: Mapped[datetime]
    # Which person a passkey speaks for, as authenticators keep it: random, so that it tells nothing. Made with the first passkey.
    user_handle: Mapped[bytes | None] = mapped_column(unique=True)
    # Somebody has signed in to it: from then on its owner is told of browsers that are new to it.
    has_signed_in: Mapped[bool] = mapped_column(default=False)
    # When `email` (or a typed address) was last replaced: what others keep of it is older.
    address_changed_at: Mapped[datetime | None]
    # The account was deleted: who it was is gone, the row stays because payments and counted votes refer to it.
    closed_at: Mapped[datetime | None]
    roles: Mapped[list["StaffRole"]] = relationship(lazy="selectin", cascade="all, delete-orphan")

    @property
    def address(self) -> str | None:
        """Where mail for this person goes: the proved address, else the typed one."""
        return self.email or self.typed_email

    @property
    def is_staff(self) -> bool:
        """Whether this person works here; staff don't vote."""
        return bool(self.roles)

    def has_role(self, role: str) -> bool:
        """Return whether this person may do what the role may; an admin may everything."""
        return any(held.role in (role, "admin") for held in self.roles)


class StaffRole(Base):
    """One role that one member holds."""

    __tablename__ = "staff_role"
    __table_args__ = (CheckConstraint("role IN ('editor', 'counter', 'treasurer', 'admin')", name="role_known"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    granted_at: Mapped[datetime]
