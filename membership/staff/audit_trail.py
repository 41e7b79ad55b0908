"""Reading the audit trail: filtered, page by page, newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sqlalchemy import ColumnElement, false, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member, StaffRole
from membership.audit import AuditEntry

PAGE = 50
EXPORT_PAGE = 1000
SYSTEM = "system"  # in place of a person's number


@dataclass(frozen=True)
class Filter:
    """What is looked for; an empty value looks for everything."""

    act: str = ""
    subject_type: str = ""
    subject_id: str = ""
    person: str = ""  # a member's number, or SYSTEM
    since: date | None = None
    until: date | None = None  # that day included


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


def trail(
    session: Session,
    wanted: Filter,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
    zone: tzinfo = UTC,
) -> Page:
    """Return the page that ends before one entry's id, or begins after it; without either the newest. Days are those of zone."""
    query = select(AuditEntry, Member.display_name, Member.id).outerjoin(Member, Member.id == AuditEntry.actor_id)
    query = query.where(*_conditions(wanted, zone))
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


def whole_trail(session: Session, wanted: Filter, *, zone: tzinfo) -> Iterator[Line]:
    """Give every line that fits, newest first, with nothing held open between the batches."""
    before = None
    while True:
        page = trail(session, wanted, before=before, limit=EXPORT_PAGE, zone=zone)
        session.commit()
        session.expunge_all()
        yield from page.lines
        before = page.older_before
        if before is None:
            return


def known_acts(session: Session) -> list[str]:
    """Return every kind of act that was ever recorded, for the filter."""
    return list(session.scalars(select(AuditEntry.act).distinct().order_by(AuditEntry.act)))


def staff_names(session: Session) -> dict[str, str]:
    """Return those who work here now, by their number, for the filter; who has given no name is a number."""
    working = select(Member.id, Member.display_name).where(Member.id.in_(select(StaffRole.member_id)))
    rows = session.execute(working.order_by(Member.display_name, Member.id))
    return {str(member_id): name or f"#{member_id}" for member_id, name in rows}


def _conditions(wanted: Filter, zone: tzinfo) -> list[ColumnElement[bool]]:
    asked = (
        (AuditEntry.act, wanted.act),
        (AuditEntry.subject_type, wanted.subject_type),
        (AuditEntry.subject_id, wanted.subject_id),
    )
    conditions = [column == value for column, value in asked if value]
    if wanted.person:
        conditions.append(_is_by(wanted.person))
    if wanted.since:
        conditions.append(AuditEntry.at >= _midnight(wanted.since, zone))
    if wanted.until:
        conditions.append(AuditEntry.at < _midnight(wanted.until + timedelta(days=1), zone))
    return conditions


def _is_by(person: str) -> ColumnElement[bool]:
    if person == SYSTEM:
        return AuditEntry.actor_id.is_(None)
    return AuditEntry.actor_id == int(person) if person.isascii() and person.isdigit() and len(person) < 19 else false()


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)
