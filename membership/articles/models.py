"""What the newsroom publishes."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from membership.db import Base, BigId


class Article(Base):
    """One article, open to everybody from its publication on; known by (source, source_id), then by its slug."""

    __tablename__ = "article"
    __table_args__ = (
        UniqueConstraint("source", "source_id"),
        CheckConstraint("language IN ('en', 'uk')", name="language_known"),
        Index(None, "language", "published_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source: Mapped[str]
    source_id: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    language: Mapped[str] = mapped_column(default="en")
    headline: Mapped[str]
    standfirst: Mapped[str] = mapped_column(default="")
    byline: Mapped[str] = mapped_column(default="")
    body_html: Mapped[str]  # cleaned when it came in; printed as it is
    calm: Mapped[bool] = mapped_column(default=False)
    published_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    # [{"label": "…", "url": "https://…" or null}], in the newsroom's order
    read_more: Mapped[list[Any]] = mapped_column(default=list)
    tags: Mapped[list["ArticleTag"]] = relationship(lazy="selectin", cascade="all, delete-orphan", order_by="ArticleTag.tag")


class ArticleTag(Base):
    """One tag of one article."""

    __tablename__ = "article_tag"

    article_id: Mapped[int] = mapped_column(ForeignKey("article.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True, index=True)


class NewsroomText(Base):
    """One version of one of the newsroom's own texts (terms, privacy …) in one language; the newest one stands on the site."""

    __tablename__ = "newsroom_text"
    __table_args__ = (
        # Two who save at the same time make the same version: one of them is told.
        UniqueConstraint("key", "language", "version"),
        CheckConstraint("key IN ('terms', 'privacy', 'refunds', 'imprint')", name="key_known"),
        CheckConstraint("language IN ('en', 'uk')", name="language_known"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str]
    language: Mapped[str]
    version: Mapped[int]
    body: Mapped[str | None]  # Markdown; None: taken back to the draft in the repository
    written_at: Mapped[datetime]
    written_by: Mapped[int | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"))
