"""Topics, votes and ballots. A ballot's row holds no time, no address and no serial number."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from membership.db import Base, BigId


class Topic(Base):
    """Something that could be reported. From the ballot on its state follows from the round and the commission."""

    __tablename__ = "topic"
    __table_args__ = (
        CheckConstraint("state IN ('suggested', 'approved', 'shortlisted', 'declined')", name="state_known"),
        CheckConstraint("language IN ('en', 'uk')", name="language_known"),
        CheckConstraint("state <> 'declined' OR declined_reason <> ''", name="declined_with_reason"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)  # public, and part of the lot
    title: Mapped[str]
    why: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="en")
    state: Mapped[str] = mapped_column(default="suggested")
    declined_reason: Mapped[str] = mapped_column(default="")  # public
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id", ondelete="SET NULL"))
    # Shown to its author and to staff only; None: the newsroom's own.
    suggested_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime]
    rounds: Mapped[list["RoundTopic"]] = relationship(back_populates="topic", viewonly=True)


class Round(Base):
    """One vote. Its settings are locked once it has an Opening; its state is which of the rows below exist."""

    __tablename__ = "round"
    __table_args__ = (
        CheckConstraint("seats BETWEEN 1 AND 5", name="seats_range"),
        CheckConstraint("max_ticks BETWEEN 1 AND 10", name="max_ticks_range"),
        CheckConstraint("rule IN ('plain', 'fair_share')", name="rule_known"),
        CheckConstraint("opens_at < closes_at", name="opens_before_close"),
        CheckConstraint("settling_hours BETWEEN 0 AND 72", name="settling_range"),
        CheckConstraint("embargo_hours BETWEEN 0 AND 72", name="embargo_range"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]  # "The March vote"
    name_uk: Mapped[str] = mapped_column(default="")
    seats: Mapped[int]
    max_ticks: Mapped[int] = mapped_column(default=3)
    rule: Mapped[str]
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    settling_hours: Mapped[int] = mapped_column(default=72)
    embargo_hours: Mapped[int] = mapped_column(default=24)
    created_at: Mapped[datetime]
    opening: Mapped["Opening | None"] = relationship(lazy="joined")
    closing: Mapped["Closing | None"] = relationship(lazy="joined")
    box_check: Mapped["BoxCheck | None"] = relationship(lazy="joined")
    count: Mapped["Count | None"] = relationship(lazy="joined")
    publication: Mapped["Publication | None"] = relationship(lazy="joined")
    topics: Mapped[list["RoundTopic"]] = relationship(lazy="selectin", order_by="RoundTopic.position")

    def name_in(self, language: str) -> str:
        """Return the vote's name in this language, the newsroom's main one where there is none."""
        return self.name_uk if language == "uk" and self.name_uk else self.name

    @property
    def titles(self) -> dict[str, str]:
        """Return the title of each topic on the ballot by its slug."""
        return {entry.topic.slug: entry.topic.title for entry in self.topics}

    @property
    def ends_at(self) -> datetime:
        """The instant from which no ballot is taken: the closing if it has happened, else the time announced."""
        return self.closing.closed_at if self.closing else self.closes_at

    def is_open(self, at: datetime) -> bool:
        """Whether ballots are taken at this instant."""
        return self.opening is not None and self.closing is None and at < self.closes_at


class RoundTopic(Base):
    """One topic on one ballot paper."""

    __tablename__ = "round_topic"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topic.id"), primary_key=True, index=True)
    position: Mapped[int]
    topic: Mapped[Topic] = relationship(lazy="joined", innerjoin=True, back_populates="rounds")


class Opening(Base):
    """The vote was opened: its rules are locked and the tie seed is committed to."""

    __tablename__ = "opening"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    opened_at: Mapped[datetime]
    seed: Mapped[bytes]  # secret until the count
    seed_sha256: Mapped[str]  # public from the opening on


class Closing(Base):
    """The vote was closed: written once, never taken back."""

    __tablename__ = "closing"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    closed_at: Mapped[datetime]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))  # None: the clock
    note: Mapped[str] = mapped_column(default="")  # public; required when a person closes early
    roll_sha256: Mapped[str]


class BoxCheck(Base):
    """The ballot box was checked blind by two people; what was certified is fixed from here on."""

    __tablename__ = "box_check"
    __table_args__ = (
        CheckConstraint("confirmed_by_id IS NULL OR confirmed_by_id <> checked_by_id", name="two_people"),
        CheckConstraint("(confirmed_at IS NULL) = (counted IS NULL)", name="certified_once"),
    )

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    checked_at: Mapped[datetime]
    checked_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    confirmed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    counted: Mapped[int | None]  # ballots certified
    set_aside: Mapped[int | None]
    set_aside_reasons: Mapped[dict[str, Any]] = mapped_column(default=dict)  # {reason: how many}
    key_lost: Mapped[bool] = mapped_column(default=False)  # then nobody could be told apart: every stored ballot counts
    key_destroyed_at: Mapped[datetime | None]


class Count(Base):
    """The box was opened: the tally, computed once and frozen."""

    __tablename__ = "round_count"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    counted_at: Mapped[datetime]
    counted_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    publish_at: Mapped[datetime]  # the embargo's end: then it is published by itself
    result: Mapped[dict[str, Any]]  # membership.voting.tally.Result.as_json()


class Publication(Base):
    """The result is public."""

    __tablename__ = "publication"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    published_at: Mapped[datetime]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))  # None: the embargo's end


class RollEntry(Base):
    """Somebody who may vote in this round; drawn from state, in member order, never removed."""

    __tablename__ = "roll_entry"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, index=True)


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
