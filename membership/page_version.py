"""The version of everything that open pages show: raised in the commit of each change, read by the page cache once a second."""

from sqlalchemy import CheckConstraint, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from membership.db import Base


class PageVersion(Base):
    """One row; an empty table means version 0."""

    __tablename__ = "page_version"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]


def raise_page_version(session: Session) -> None:
    """Raise the version in the caller's transaction: every cached page is rendered anew within a second."""
    raised = session.execute(update(PageVersion).values(version=PageVersion.version + 1).returning(PageVersion.version)).first()
    if raised is None:
        session.execute(insert(PageVersion).values(id=1, version=1))


def page_version(session: Session) -> int:
    """Return the present version."""
    return session.scalar(select(PageVersion.version)) or 0
