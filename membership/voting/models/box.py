"""Ballots and what becomes of them: the box, its check, the count, the certificate. A ballot's row holds no time and no address."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from membership.db import Base
from membership.voting.models.rounds import Round


class Ballot(Base):
    """One sealed ballot; voter_tag = HMAC-SHA256(round key, member id)."""

    __tablename__ = "ballot"
    __table_args__ = (
        UniqueConstraint("round_id", "voter_tag"),
        UniqueConstraint("round_id", "id"),
        CheckConstraint("length(voter_tag) = 32", name="voter_tag_whole"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"))
    voter_tag: Mapped[bytes]


class BallotChoice(Base):
    """One topic ticked on one ballot; both ids, so that a ballot can never name another round's topic."""

    __tablename__ = "ballot_choice"
    __table_args__ = (
        ForeignKeyConstraint(["round_id", "topic_id"], ["round_topic.round_id", "round_topic.topic_id"]),
        ForeignKeyConstraint(["round_id", "ballot_id"], ["ballot.round_id", "ballot.id"], ondelete="CASCADE"),
        {"sqlite_with_rowid": False},
    )

    ballot_id: Mapped[UUID] = mapped_column(primary_key=True)
    topic_id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int]


class BallotShuffle(Base):
    """When an open vote's ballots were last rewritten in random order."""

    __tablename__ = "ballot_shuffle"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    shuffled_at: Mapped[datetime]


class BoxCheck(Base):
    """The ballot box was checked blind by two people; what was certified is fixed from here on."""

    __tablename__ = "box_check"
    __table_args__ = (
        CheckConstraint("confirmed_by_id IS NULL OR confirmed_by_id <> checked_by_id OR checked_alone", name="two_people"),
        CheckConstraint("(confirmed_at IS NULL) = (counted IS NULL)", name="certified_once"),
    )

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    checked_at: Mapped[datetime]
    checked_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    confirmed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    # The newsroom had one counter, who looked twice with a day between: the result says so.
    checked_alone: Mapped[bool] = mapped_column(default=False)
    counted: Mapped[int | None]  # ballots certified
    set_aside: Mapped[int | None]
    set_aside_reasons: Mapped[dict[str, Any]] = mapped_column(default=dict)  # {reason: how many}
    key_lost: Mapped[bool] = mapped_column(default=False)  # then nobody could be told apart: every stored ballot counts
    key_destroyed_at: Mapped[datetime | None]


class CertifiedBallot(Base):
    """One ballot that counts, copied in random order without its tag: the ticked topics' slugs, sorted, comma-separated."""

    __tablename__ = "certified_ballot"
    __table_args__ = ({"sqlite_with_rowid": False},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), index=True)
    topics: Mapped[str]


class CertifiedReceipt(Base):
    """SHA-256 (hex) of one counted ballot's receipt; joined to no ballot."""

    __tablename__ = "certified_receipt"
    __table_args__ = ({"sqlite_with_rowid": False},)

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    receipt_sha256: Mapped[str] = mapped_column(primary_key=True)


class Participation(Base):
    """Somebody's ballot was in the box when it was checked; written in member order, with the choices already gone."""

    __tablename__ = "participation"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True, index=True)
    counted: Mapped[bool]
    round: Mapped[Round] = relationship(lazy="joined", innerjoin=True)


class Count(Base):
    """The box was opened: the tally, computed once and frozen."""

    __tablename__ = "round_count"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    counted_at: Mapped[datetime]
    counted_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    publish_at: Mapped[datetime]  # the embargo's end: then it is published by itself
    result: Mapped[dict[str, Any]]  # membership.voting.tally.Result.as_json()
    # membership.voting.breakdowns: what kinds of patrons took part, small groups hidden.
    breakdowns: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Publication(Base):
    """The result is public."""

    __tablename__ = "publication"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    published_at: Mapped[datetime]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))  # None: the embargo's end


class Certificate(Base):
    """What the newsroom signed of a published vote: the very text, its Ed25519 signature and the key's id."""

    __tablename__ = "certificate"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    issued_at: Mapped[datetime]
    kid: Mapped[str] = mapped_column(ForeignKey("certificate_key.kid"))
    payload: Mapped[str]  # canonical JSON
    signature: Mapped[bytes]


class CertificateKey(Base):
    """A public key that certificates were signed with; it stays on the site when the newsroom takes another."""

    __tablename__ = "certificate_key"
    __table_args__ = (CheckConstraint("length(public_key) = 32", name="public_key_whole"),)

    kid: Mapped[str] = mapped_column(primary_key=True)  # RFC 7638 thumbprint, base64url
    public_key: Mapped[bytes]  # Ed25519, raw
    first_used_at: Mapped[datetime]
