"""Who somebody is: members, their sign-ins, their sessions and what staff may do."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
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
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str | None] = mapped_column(unique=True)
    typed_email: Mapped[str | None] = mapped_column(index=True)
    display_name: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="en")
    created_at: Mapped[datetime]
    roles: Mapped[list["StaffRole"]] = relationship(lazy="selectin", cascade="all, delete-orphan")

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


class SignInRequest(Base):
    """One asked-for sign-in: the link's token and the code are kept as hashes, made when the mail is rendered."""

    __tablename__ = "sign_in_request"
    __table_args__ = (
        CheckConstraint("tries >= 0 AND tries <= 5", name="tries_bounded"),
        Index(None, "email", "created_at"),
        Index(None, "browser_hash"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str]
    browser_hash: Mapped[bytes]
    token_hash: Mapped[bytes | None] = mapped_column(unique=True)
    code_hash: Mapped[bytes | None]
    language: Mapped[str]
    next_path: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None]
    # Set when the same browser asked again for the same address: only the newest mail counts.
    replaced_at: Mapped[datetime | None]


class LoginSession(Base):
    """One signed-in browser: the cookie's random id, hashed."""

    __tablename__ = "login_session"
    __table_args__ = (Index(None, "member_id", "ended_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # How the person proved who they are: "mail", "checkout" (the browser that paid) or "staff_link" (demo only).
    method: Mapped[str]
    member: Mapped[Member] = relationship(lazy="joined")


class StaffLink(Base):
    """A one-use sign-in link for staff, made and accepted in the demo only."""

    __tablename__ = "staff_link"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
