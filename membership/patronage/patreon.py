"""Reading what is known of those who pay at Patreon, and what a new list of them would change."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.errors import NotFound
from membership.patronage.models import PaidPeriod, PatreonImport, PatreonMember
from membership.patronage.patreon_sheet import PatreonRow

PATREON = "patreon"
SHOWN_LISTS = 12
CHUNK = 500
# A list is uploaded each month. Who leaves Patreon for good is not asked for one for ever.
DUE_AFTER, FORGOTTEN_AFTER = timedelta(days=35), timedelta(days=90)


@dataclass(frozen=True)
class PatreonChanges:
    """What a list changes, by what becomes of whom.

    waiting: a charge is under way there, so nothing changes. unreachable: new, and no mail can be sent to what stands in the list.
    """

    joined: tuple[PatreonRow, ...]
    prolonged: tuple[PatreonRow, ...]
    unchanged: tuple[PatreonRow, ...]
    waiting: tuple[PatreonRow, ...]
    unreachable: tuple[PatreonRow, ...]
    left: tuple[PatreonMember, ...]

    @property
    def paying(self) -> tuple[PatreonRow, ...]:
        """Everybody who is a patron by this list, always in one order."""
        return tuple(sorted((*self.joined, *self.prolonged, *self.unchanged), key=lambda row: row.patreon_id))


def compare_patreon(session: Session, rows: Sequence[PatreonRow], *, at: datetime) -> PatreonChanges:
    """Return what a list would change; changes nothing. Who paid until a day that is over does not pay."""
    known = {
        member.patreon_id: member for member in session.scalars(select(PatreonMember).execution_options(populate_existing=True))
    }
    paying = [row for row in rows if row.paid_until is not None and row.paid_until > at]
    pending = [row for row in rows if row.paid_until is None]
    new = [row for row in paying if row.patreon_id not in known]
    here = [row for row in paying if row.patreon_id in known]
    listed = {row.patreon_id for row in (*paying, *pending)}
    left = (member for member in known.values() if member.left_at is None and member.patreon_id not in listed)
    return PatreonChanges(
        joined=tuple(row for row in new if row.email),
        prolonged=tuple(row for row in here if goes_on(known[row.patreon_id], row)),
        unchanged=tuple(row for row in here if not goes_on(known[row.patreon_id], row)),
        waiting=tuple(pending),
        unreachable=tuple(row for row in new if not row.email),
        left=tuple(sorted(left, key=lambda member: member.patreon_id)),
    )


def goes_on(member: PatreonMember, row: PatreonRow) -> bool:
    """Return whether a list gives more time to somebody who is here, or brings them back."""
    if member.member_id is None or row.paid_until is None:
        return False
    return row.paid_until > member.paid_until or member.left_at is not None


def drafted_rows(draft: PatreonImport) -> list[PatreonRow]:
    """Return the rows of a list that was not applied yet."""
    rows = draft.draft or []
    return [PatreonRow(key, email, datetime.fromisoformat(until) if until else None) for key, email, until in rows]


def find_draft(session: Session) -> PatreonImport | None:
    """Return the list that waits to be applied or put away."""
    drafts = select(PatreonImport).where(PatreonImport.draft.is_not(None)).order_by(PatreonImport.id.desc()).limit(1)
    return session.scalars(drafts.execution_options(populate_existing=True)).first()


def get_list(session: Session, import_id: int, *, lock: bool = False) -> PatreonImport:
    """Return a list as it is now; raises NotFound."""
    one = select(PatreonImport).where(PatreonImport.id == import_id).execution_options(populate_existing=True)
    found = session.scalar(one.with_for_update() if lock else one)
    if found is None:
        raise NotFound("There is no such list.")
    return found


def applied_lists(session: Session) -> list[PatreonImport]:
    """Return the lists that were applied, newest first."""
    applied = select(PatreonImport).where(PatreonImport.applied_at.is_not(None))
    return list(session.scalars(applied.order_by(PatreonImport.applied_at.desc(), PatreonImport.id.desc()).limit(SHOWN_LISTS)))


def find_overdue_list(session: Session, *, at: datetime) -> datetime | None:
    """Return when the last list was applied if that is long ago while somebody is here by it; else None."""
    here = exists().where(
        PatreonMember.left_at.is_(None), PatreonMember.member_id.is_not(None), PatreonMember.paid_until > at - FORGOTTEN_AFTER
    )
    newest = select(PatreonImport.applied_at).where(PatreonImport.applied_at.is_not(None), here)
    applied_at = session.scalars(newest.order_by(PatreonImport.applied_at.desc()).limit(1)).first()
    return applied_at if applied_at is not None and applied_at < at - DUE_AFTER else None


def count_patrons_otherwise(session: Session, addresses: Collection[str], *, at: datetime) -> int:
    """Return how many of these addresses are those of patrons by another way: by card, say."""
    covered = exists().where(
        PaidPeriod.member_id == Member.id,
        PaidPeriod.source != PATREON,
        PaidPeriod.starts_at <= at,
        PaidPeriod.ends_at > at,
        PaidPeriod.reversed_at.is_(None),
        PaidPeriod.disputed_at.is_(None),
    )
    found: set[int] = set()
    every = sorted(set(addresses))
    for start in range(0, len(every), CHUNK):
        some = every[start : start + CHUNK]
        own = or_(Member.email.in_(some), Member.typed_email.in_(some) & Member.email.is_(None))
        found.update(session.scalars(select(Member.id).where(own, covered)))
    return len(found)


def addresses_of(session: Session, members: Collection[PatreonMember]) -> dict[str, str]:
    """Return the address under which each of these is known here, by their number at Patreon."""
    number_of = {member.member_id: member.patreon_id for member in members if member.member_id is not None}
    every, found = sorted(number_of), {}
    for start in range(0, len(every), CHUNK):
        people = select(Member.id, Member.email, Member.typed_email).where(Member.id.in_(every[start : start + CHUNK]))
        found.update({number_of[member_id]: email or typed or "" for member_id, email, typed in session.execute(people)})
    return found
