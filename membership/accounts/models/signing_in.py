"""Ways in, and the browsers that took them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from membership.accounts.models.people import Member
from membership.db import Base, BigId


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
