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
        CheckConstraint("tries BETWEEN 0 AND 5", name="tries_bounded"),
        CheckConstraint("link_tries BETWEEN 0 AND 5", name="link_tries_bounded"),
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
    # Codes typed in the asking browser, and codes typed beside the link in another one: who asked in somebody else's name can use
    # up the first five, but not those of whoever holds the mail.
    tries: Mapped[int] = mapped_column(default=0)
    link_tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None]
    # Set when the same browser asked again for the same address: only the newest mail counts.
    replaced_at: Mapped[datetime | None]


class LoginSession(Base):
    """One signed-in browser: the cookie's random id, hashed. Of the browser itself only the hash of its own random id is kept."""

    __tablename__ = "login_session"
    __table_args__ = (
        CheckConstraint("method IN ('mail', 'checkout', 'passkey', 'enrolment', 'staff_link')", name="method_known"),
        Index(None, "member_id", "ended_at"),
        Index(None, "browser_hash"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # The hour (no finer) in which it was last used; never written by a request that shows or takes a ballot.
    last_seen_at: Mapped[datetime]
    # How the person proved who they are: "mail", "checkout" (the browser that paid), "passkey", "enrolment" (an invitation or a
    # recovery code: opens nothing but the page that adds a passkey) or "staff_link" (demo only).
    method: Mapped[str]
    browser_hash: Mapped[bytes | None]
    # When a passkey was last shown in it: dangerous acts want that to be a moment ago.
    proved_at: Mapped[datetime | None]
    member: Mapped[Member] = relationship(lazy="joined")


class StaffLink(Base):
    """A one-use sign-in link for staff, made and accepted in the demo only."""

    __tablename__ = "staff_link"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
