"""Reading the audit trail: filtered, page by page, newest first."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.audit import AuditEntry

PAGE = 50


@dataclass(frozen=True)
class Filter:
    """What is looked for; an empty value looks for everything."""

    act: str = ""
    subject_type: str = ""
    subject_id: str = ""


@dataclass(frozen=True)
class Line:
    """One act and the name of who did it; without name the system did it, or somebody who is no longer here."""

    entry: AuditEntry
    actor: str


@dataclass(frozen=True)
class Page:
    """Some lines, newest first, and where the neighbouring pages begin."""

    lines: tuple[Line, ...]
    newer_after: int | None
    older_before: int | None


def trail(session: Session, wanted: Filter, *, before: int | None = None, after: int | None = None, limit: int = PAGE) -> Page:
    """Return the page that ends before one entry's id, or begins after it; the newest page without either."""
    query = select(AuditEntry, Member.display_name, Member.id).outerjoin(Member, Member.id == AuditEntry.actor_id)
    query = query.where(*_conditions(wanted))
    if after is not None:
        query = query.where(AuditEntry.id > after).order_by(AuditEntry.id)
    else:
        query = query.order_by(AuditEntry.id.desc())
    if before is not None:
        query = query.where(AuditEntry.id < before)
    rows = [
        Line(entry, name or (f"#{member_id}" if member_id else ""))
        for entry, name, member_id in session.execute(query.limit(limit + 1))
    ]
    has_more, rows = len(rows) > limit, rows[:limit]
    if after is not None:
        rows.reverse()
    has_newer = has_more if after is not None else before is not None
    has_older = True if after is not None else has_more
    return Page(
        lines=tuple(rows),
        newer_after=rows[0].entry.id if rows and has_newer else None,
        older_before=rows[-1].entry.id if rows and has_older else None,
    )


def known_acts(session: Session) -> list[str]:
    """Return every kind of act that was ever recorded, for the filter."""
    return list(session.scalars(select(AuditEntry.act).distinct().order_by(AuditEntry.act)))


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    asked = (
        (AuditEntry.act, wanted.act),
        (AuditEntry.subject_type, wanted.subject_type),
        (AuditEntry.subject_id, wanted.subject_id),
    )
    return [column == value for column, value in asked if value]
