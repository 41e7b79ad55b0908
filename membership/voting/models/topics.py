"""What could be reported, who suggested and who supports it, and what the newsroom answered."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId


class Topic(Base):
    """Something that could be reported. From the ballot on its state follows from the round and the commission."""

    __tablename__ = "topic"
    __table_args__ = (
        CheckConstraint("state IN ('suggested', 'approved', 'shortlisted', 'declined', 'merged')", name="state_known"),
        CheckConstraint("language IN ('en', 'uk')", name="language_known"),
        CheckConstraint("state <> 'declined' OR declined_reason <> ''", name="declined_with_reason"),
        CheckConstraint("(state = 'merged') = (merged_into_id IS NOT NULL)", name="merged_into_one"),
        CheckConstraint("merged_into_id <> id", name="merged_into_another"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)  # public, and part of the lot
    title: Mapped[str]
    title_key: Mapped[str] = mapped_column(default="", index=True)  # membership.voting.titles.title_key: the same for twins
    why: Mapped[str] = mapped_column(default="")
    sources: Mapped[list[Any]] = mapped_column(default=list)  # http(s) addresses, public once the topic is taken up
    language: Mapped[str] = mapped_column(default="en")
    state: Mapped[str] = mapped_column(default="suggested")
    declined_reason: Mapped[str] = mapped_column(default="")  # public
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("topic.id"), index=True)
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id", ondelete="SET NULL"), index=True)
    # Shown to its author and to staff only; None: the newsroom's own.
    suggested_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    suggested_as: Mapped[str] = mapped_column(default="")  # the name that its author wants beside it in public; empty: none
    created_at: Mapped[datetime]


class TopicWording(Base):
    """What a topic said before the newsroom changed its wording; for its author and staff."""

    __tablename__ = "topic_wording"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topic.id", ondelete="CASCADE"), index=True)
    title: Mapped[str]
    why: Mapped[str]
    sources: Mapped[list[Any]] = mapped_column(default=list)
    replaced_at: Mapped[datetime]
    replaced_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))


class TopicEvent(Base):
    """One step in a topic's public history; what follows from votes and commissions is not here but drawn from them."""

    __tablename__ = "topic_event"
    __table_args__ = (
        CheckConstraint(
            "act IN ('suggested', 'added', 'approved', 'shortlisted', 'declined', 'merged', 'reworded', 'reopened')",
            name="act_known",
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topic.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    act: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")  # public


class TopicTrigram(Base):
    """One of the trigrams of a topic's normalised title, computed in Python: one search for both databases."""

    __tablename__ = "topic_trigram"
    __table_args__ = (Index(None, "trigram", "topic_id"),)

    topic_id: Mapped[int] = mapped_column(ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True)
    trigram: Mapped[str] = mapped_column(primary_key=True)


class TopicSupport(Base):
    """A patron's mark "I'd read this": no vote, and without a time, so that it tells nothing about one."""

    __tablename__ = "topic_support"

    topic_id: Mapped[int] = mapped_column(ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True, index=True)
