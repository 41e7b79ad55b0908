"""A vote from its draft to its closing. Its state is which of these rows exist."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import DDL, CheckConstraint, ForeignKey, ForeignKeyConstraint, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from membership.db import Base, BigId

if TYPE_CHECKING:
    from membership.voting.models.box import BoxCheck, Count, Publication
    from membership.voting.models.topics import Topic

WHILE_OPEN, AT_OPENING = "while_open", "at_opening"


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
        CheckConstraint("preset IN ('quick', 'monthly', 'custom')", name="preset_known"),
        CheckConstraint("electorate IN ('while_open', 'at_opening')", name="electorate_known"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]  # "The March vote"
    name_uk: Mapped[str] = mapped_column(default="")
    preset: Mapped[str] = mapped_column(default="custom")
    seats: Mapped[int]
    max_ticks: Mapped[int] = mapped_column(default=3)
    rule: Mapped[str]
    electorate: Mapped[str] = mapped_column(default=WHILE_OPEN)  # or only who was a patron at its opening
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    settling_hours: Mapped[int] = mapped_column(default=72)
    embargo_hours: Mapped[int] = mapped_column(default=24)
    created_at: Mapped[datetime]
    scheduled_at: Mapped[datetime | None]  # None: a draft, which never opens by itself
    opening: Mapped["Opening | None"] = relationship(lazy="joined")
    closing: Mapped["Closing | None"] = relationship(lazy="joined")
    box_check: Mapped["BoxCheck | None"] = relationship(lazy="joined")
    count: Mapped["Count | None"] = relationship(lazy="joined")
    publication: Mapped["Publication | None"] = relationship(lazy="joined")
    voiding: Mapped["Voiding | None"] = relationship(lazy="joined")
    topics: Mapped[list["RoundTopic"]] = relationship(lazy="selectin", order_by="RoundTopic.position")
    closing_changes: Mapped[list["ClosingChange"]] = relationship(order_by="ClosingChange.id", viewonly=True)

    def name_in(self, language: str) -> str:
        """Return the vote's name in this language, the newsroom's main one where there is none."""
        return self.name_uk if language == "uk" and self.name_uk else self.name

    @property
    def titles(self) -> dict[str, str]:
        """Return the title of each topic on the ballot by its slug, withdrawn ones too."""
        return {entry.topic.slug: entry.topic.title for entry in self.topics}

    @property
    def standing_topics(self) -> list["RoundTopic"]:
        """Return what can be ticked and can win: every topic that was not withdrawn."""
        return [entry for entry in self.topics if entry.withdrawal is None]

    @property
    def ends_at(self) -> datetime:
        """The instant from which no ballot is taken: the closing if it has happened, else the time announced."""
        return self.closing.closed_at if self.closing else self.closes_at

    @property
    def is_void(self) -> bool:
        """Whether the vote was voided."""
        return self.voiding is not None and self.voiding.voided_at is not None

    def is_open(self, at: datetime) -> bool:
        """Whether ballots are taken at this instant."""
        return self.opening is not None and self.closing is None and at < self.closes_at


class RoundTopic(Base):
    """One topic on one ballot paper."""

    __tablename__ = "round_topic"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topic.id"), primary_key=True, index=True)
    position: Mapped[int]
    topic: Mapped["Topic"] = relationship(lazy="joined", innerjoin=True)
    withdrawal: Mapped["TopicWithdrawal | None"] = relationship(lazy="joined", viewonly=True)


class Opening(Base):
    """The vote was opened: its rules are locked and the tie seed is committed to."""

    __tablename__ = "opening"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    opened_at: Mapped[datetime]
    seed: Mapped[bytes]  # secret until the count
    seed_sha256: Mapped[str]  # public from the opening on


class ClosingChange(Base):
    """The vote's end was moved to a later time while it was open, with a public note."""

    __tablename__ = "closing_change"
    __table_args__ = (
        CheckConstraint("closes_at > closed_before", name="later"),
        CheckConstraint("note <> ''", name="with_note"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), index=True)
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    closed_before: Mapped[datetime]  # the end announced until then
    closes_at: Mapped[datetime]
    note: Mapped[str]  # public


class TopicWithdrawal(Base):
    """A topic was taken off an open ballot: every ballot stands, but it can't be ticked any more and can't win."""

    __tablename__ = "topic_withdrawal"
    __table_args__ = (
        ForeignKeyConstraint(["round_id", "topic_id"], ["round_topic.round_id", "round_topic.topic_id"]),
        CheckConstraint("reason <> ''", name="with_reason"),
    )

    round_id: Mapped[int] = mapped_column(primary_key=True)
    topic_id: Mapped[int] = mapped_column(primary_key=True, index=True)
    withdrawn_at: Mapped[datetime]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    reason: Mapped[str]  # public


class Closing(Base):
    """The vote was closed: written once, never taken back."""

    __tablename__ = "closing"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    closed_at: Mapped[datetime]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))  # None: the clock
    note: Mapped[str] = mapped_column(default="")  # public; required when a person closes early
    roll_sha256: Mapped[str]


class Voiding(Base):
    """The vote counts for nothing. Once the box was opened that takes two people, and the counts are published with it."""

    __tablename__ = "voiding"
    __table_args__ = (
        CheckConstraint("reason <> ''", name="with_reason"),
        CheckConstraint("NOT after_count OR confirmed_by_id IS NULL OR confirmed_by_id <> asked_by_id", name="two_people"),
    )

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    reason: Mapped[str]  # public
    after_count: Mapped[bool]
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    voided_at: Mapped[datetime | None]  # None: a second person has to confirm; until then everything goes its way
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
    key_destroyed_at: Mapped[datetime | None]  # of a vote that was voided before its box was checked


class RoundNotice(Base):
    """One mailing about a vote was written for everybody whom it concerns, once."""

    __tablename__ = "round_notice"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # opened, reminder, result, voided, change:<id>, withdrawal:<topic id>
    written_at: Mapped[datetime]


class RollEntry(Base):
    """Somebody who may vote in this round; drawn from state, in member order, never removed."""

    __tablename__ = "roll_entry"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, index=True)


# What was locked at the opening stays locked, whoever holds the app's access to the database; a migration that makes one of these
# tables anew (SQLite's way of changing one) has to run these again.
LOCKED: dict[str, dict[str, tuple[str, ...]]] = {
    "round": {
        "sqlite": (
            "CREATE TRIGGER round_locked BEFORE UPDATE OF slug, seats, max_ticks, rule, electorate, opens_at, settling_hours, "
            "embargo_hours ON round WHEN EXISTS (SELECT 1 FROM opening WHERE round_id = OLD.id) "
            "BEGIN SELECT RAISE(ABORT, 'the rules of an opened vote are locked'); END",
        ),
        "postgresql": (
            "CREATE OR REPLACE FUNCTION round_locked() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN IF EXISTS (SELECT 1 FROM opening WHERE round_id = OLD.id) THEN "
            "RAISE EXCEPTION 'the rules of an opened vote are locked'; END IF; RETURN NEW; END $$",
            "CREATE TRIGGER round_locked BEFORE UPDATE OF slug, seats, max_ticks, rule, electorate, opens_at, settling_hours, "
            "embargo_hours ON round FOR EACH ROW EXECUTE FUNCTION round_locked()",
        ),
    },
    "round_topic": {
        "sqlite": tuple(
            f"CREATE TRIGGER round_topic_no_{act.lower()} BEFORE {act} ON round_topic "  # noqa: S608 -- our own words
            f"WHEN EXISTS (SELECT 1 FROM opening WHERE round_id = {row}.round_id) "
            "BEGIN SELECT RAISE(ABORT, 'the ballot of an opened vote is locked'); END"
            for act, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD"))
        ),
        "postgresql": (
            "CREATE OR REPLACE FUNCTION round_topic_locked() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN IF EXISTS (SELECT 1 FROM opening WHERE round_id = COALESCE(OLD.round_id, NEW.round_id)) THEN "
            "RAISE EXCEPTION 'the ballot of an opened vote is locked'; END IF; RETURN COALESCE(NEW, OLD); END $$",
            "CREATE TRIGGER round_topic_locked BEFORE INSERT OR UPDATE OR DELETE ON round_topic "
            "FOR EACH ROW EXECUTE FUNCTION round_topic_locked()",
        ),
    },
    "opening": {
        "sqlite": (
            "CREATE TRIGGER opening_no_update BEFORE UPDATE ON opening "
            "BEGIN SELECT RAISE(ABORT, 'an opening is written once'); END",
            "CREATE TRIGGER opening_no_delete BEFORE DELETE ON opening "
            "BEGIN SELECT RAISE(ABORT, 'an opening is written once'); END",
        ),
        "postgresql": (
            "CREATE OR REPLACE FUNCTION opening_written_once() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'an opening is written once'; END $$",
            "CREATE TRIGGER opening_written_once BEFORE UPDATE OR DELETE ON opening "
            "FOR EACH ROW EXECUTE FUNCTION opening_written_once()",
        ),
    },
}


def _lock(table: Any, statements: dict[str, tuple[str, ...]]) -> None:
    for dialect, each in statements.items():
        for statement in each:
            event.listen(table, "after_create", DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]


for _model in (Round, RoundTopic, Opening):
    _lock(_model.__table__, LOCKED[_model.__tablename__])
