"""How staff prove who they are: passkeys, the codes for the day on which all are lost, and the way to the first one."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId


class Passkey(Base):
    """A WebAuthn credential of one member; the private half never leaves their device."""

    __tablename__ = "passkey"
    __table_args__ = (CheckConstraint("sign_count >= 0", name="sign_count"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]  # COSE
    sign_count: Mapped[int]  # 0 for ever with authenticators that don't count
    transports: Mapped[list[Any]] = mapped_column(default=list)
    name: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class PasskeyChallenge(Base):
    """What an authenticator is asked to sign, once, in one browser, for one purpose; gone after minutes."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (
        CheckConstraint("purpose IN ('register', 'sign_in', 'confirm')", name="purpose_known"),
        Index(None, "browser_hash", "purpose"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    challenge: Mapped[bytes] = mapped_column(unique=True)
    browser_hash: Mapped[bytes]
    purpose: Mapped[str]
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))  # None: whoever's passkey answers
    # Of a registration: whom the new passkey will speak for (Member.user_handle), which becomes theirs when it is finished.
    user_handle: Mapped[bytes | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """One code that lets a member of the staff add a passkey when they have lost all of theirs; shown once, kept as a hash."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Invitation(Base):
    """The way to a first (or another) passkey, with the roles that come with it: by mail from an admin, or printed by a command."""

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[bytes | None] = mapped_column(unique=True)  # made when the mail is rendered; a resend kills the old one
    email: Mapped[str] = mapped_column(index=True)
    display_name: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="en")
    roles: Mapped[list[Any]] = mapped_column(default=list)
    invited_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))  # None: somebody at the server
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
