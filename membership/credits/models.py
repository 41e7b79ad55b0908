"""What became of what readers chose: commissions, credits on articles, badges."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base, BigId


class Commission(Base):
    """A chosen topic that the newsroom promised to report; drawn from each published round."""

    __tablename__ = "commission"
    __table_args__ = (
        UniqueConstraint("round_id", "topic_id"),
        ForeignKeyConstraint(["round_id", "topic_id"], ["round_topic.round_id", "round_topic.topic_id"]),
        CheckConstraint("state IN ('in_progress', 'published', 'dropped')", name="state_known"),
        CheckConstraint("(state = 'published') = (article_id IS NOT NULL)", name="published_with_article"),
        CheckConstraint("(state = 'published') = (published_at IS NOT NULL)", name="published_with_date"),
        CheckConstraint("(state = 'dropped') = (dropped_reason <> '')", name="dropped_with_reason"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    round_id: Mapped[int]
    topic_id: Mapped[int] = mapped_column(index=True)
    seat: Mapped[int]  # 1 for the first winner
    state: Mapped[str] = mapped_column(default="in_progress")
    promised_on: Mapped[date]  # the first day of the month promised at first; never changed, so that moving it stays visible
    due_on: Mapped[date]  # the first day of the month promised now
    # One article keeps one promise, so that its credit names one vote.
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id"), unique=True)
    published_at: Mapped[datetime | None]
    dropped_reason: Mapped[str] = mapped_column(default="")  # public
    created_at: Mapped[datetime]
    # Every counted voter's "here is the story" is in the outbox.
    letters_written_at: Mapped[datetime | None]


class Award(Base):
    """One badge of one member; facts outlive a lapse."""

    __tablename__ = "award"
    __table_args__ = (
        UniqueConstraint("member_id", "badge", "round_id"),
        CheckConstraint("badge IN ('co_creator')", name="badge_known"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))
    badge: Mapped[str]
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), index=True)
    awarded_at: Mapped[datetime]


class SiteFigures(Base):
    """The few numbers that open pages print, drawn by a job so that a page costs no counting. One row."""

    __tablename__ = "site_figures"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    patrons: Mapped[int] = mapped_column(default=0)
    stories_chosen: Mapped[int] = mapped_column(default=0)
    stories_published: Mapped[int] = mapped_column(default=0)
    # Of the card payments of the last twelve months: gross and net, minor units of the plan's currency.
    gross_minor: Mapped[int] = mapped_column(default=0)
    net_minor: Mapped[int] = mapped_column(default=0)
    drawn_at: Mapped[datetime]
