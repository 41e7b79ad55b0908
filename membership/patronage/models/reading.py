"""What is left of which article brought whom, a year after a support has ended."""

from datetime import date

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from membership.db import Base


class ArticleMonth(Base):
    """How many came by an article in a month, and what they gave; of whom nobody can tell any more (DESIGN §4.4)."""

    __tablename__ = "article_month"

    month: Mapped[date] = mapped_column(primary_key=True)  # its first day
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id", ondelete="CASCADE"), primary_key=True, index=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    supports: Mapped[int] = mapped_column(default=0)  # that were begun
    payments: Mapped[int] = mapped_column(default=0)
    amount_minor: Mapped[int] = mapped_column(default=0)  # what went back taken off
