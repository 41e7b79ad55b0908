"""What becomes of an account: another address, its end, and which mails its owner wants."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId

# Who has to do their part before an account can be closed: each feature's job writes its row.
CLOSURE_PARTS = ("money", "ballots", "credits")
# Mails that somebody may switch off; all others are part of what they asked for.
MAIL_GROUPS = ("votes", "stories")


class AddressChange(Base):
    """One change of a member's address: it waits for both mailboxes, or, begun by staff, for the new one and for three quiet days.

    The tokens are made when the mails are rendered, and kept as hashes.
    """

    __tablename__ = "address_change"
    __table_args__ = (
        Index(
            "uq_address_change_open",
            "member_id",
            unique=True,
            sqlite_where=text("done_at IS NULL AND refused_at IS NULL"),
            postgresql_where=text("done_at IS NULL AND refused_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    old_email: Mapped[str | None]
    old_was_proved: Mapped[bool] = mapped_column(default=False)  # else it was only typed, and is so again after an undo
    new_email: Mapped[str] = mapped_column(index=True)
    ordered_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))  # staff; None: the member
    reason: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    not_before: Mapped[datetime]
    old_token_hash: Mapped[bytes | None] = mapped_column(unique=True)
    new_token_hash: Mapped[bytes | None] = mapped_column(unique=True)
    old_confirmed_at: Mapped[datetime | None]
    new_confirmed_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]  # by either mailbox, by its owner, by a newer change, or because nobody answered in time
    undo_token_hash: Mapped[bytes | None] = mapped_column(unique=True)
    undo_until: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


class AccountClosure(Base):
    """Somebody wants their account deleted: after a cooling-off day, and only once Stripe has confirmed that nothing runs."""

    __tablename__ = "account_closure"
    __table_args__ = (
        Index(
            "uq_account_closure_open",
            "member_id",
            unique=True,
            sqlite_where=text("done_at IS NULL AND taken_back_at IS NULL"),
            postgresql_where=text("done_at IS NULL AND taken_back_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]  # the day is over: it can't be taken back any more
    tried_at: Mapped[datetime | None]  # Stripe was last asked to let go
    # Stripe could not confirm (then nothing was deleted), or a step failed: it is tried again, and staff see it. None once done.
    held_up_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]  # nothing runs at Stripe, and the customer is deleted there
    # Where the last mail goes, once the member's row holds no address any more; forgotten when that mail is out.
    last_address: Mapped[str | None]
    last_address_proved: Mapped[bool] = mapped_column(default=False)
    last_language: Mapped[str] = mapped_column(default="en")
    done_at: Mapped[datetime | None]


class ClosurePart(Base):
    """One feature has let go of what it knew of the person."""

    __tablename__ = "closure_part"
    __table_args__ = (CheckConstraint("part IN ('money', 'ballots', 'credits')", name="part_known"),)

    closure_id: Mapped[int] = mapped_column(ForeignKey("account_closure.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    done_at: Mapped[datetime]


class MailChoice(Base):
    """One group of mails that a member has switched off."""

    __tablename__ = "mail_choice"
    __table_args__ = (CheckConstraint("mail_group IN ('votes', 'stories')", name="group_known"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)
    mail_group: Mapped[str] = mapped_column(primary_key=True)
    off_at: Mapped[datetime]
