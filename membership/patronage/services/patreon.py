"""Patreon beside us: everybody who pays there is a patron here until the day that is paid for; their money stays where it is."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from membership import audit, outbox
from membership.db import transaction
from membership.errors import Conflict
from membership.patronage import patreon, queries
from membership.patronage.models import PatreonImport, PatreonMember
from membership.patronage.patreon import PATREON, compare_patreon, drafted_rows
from membership.patronage.patreon_sheet import PatreonRow, PatreonSheet
from membership.patronage.services import ledger
from membership.patronage.services.recipients import lock_people, member_at

DRAFT_FOR = timedelta(days=1)
CHUNK = 100


def upload_patreon(session: Session, *, sheet: PatreonSheet, actor_id: int, now: datetime) -> int:
    """Keep a list to be looked at before it is applied, in place of an earlier one; return its id.

    Raises Conflict for one with faults.
    """
    if sheet.faults:
        raise Conflict("This list has lines that can't be read. Nothing was taken over.")
    with transaction(session):
        session.execute(update(PatreonImport).where(PatreonImport.draft.is_not(None)).values(draft=None))
        draft = [[row.patreon_id, row.email, row.paid_until.isoformat() if row.paid_until else ""] for row in sheet.rows]
        made = PatreonImport(uploaded_by=actor_id, uploaded_at=now, draft=draft)
        session.add(made)
        session.flush()
    return made.id


def apply_patreon(session: Session, *, import_id: int, language: str = "en", actor_id: int, now: datetime) -> PatreonImport:
    """Apply a list that was looked at, some people at a time; applied twice, or gone on with after a crash, it is applied once.

    language is that of the mails to those who are new. Raises NotFound, Conflict for a list that was put away.
    """
    made = patreon.get_list(session, import_id)
    paying = compare_patreon(session, drafted_rows(made), at=now).paying
    for start in range(0, len(paying), CHUNK):
        with transaction(session):
            if _lock_open_list(session, import_id).applied_at is None:
                _take_over(session, paying[start : start + CHUNK], made, language, now)
    with transaction(session):
        if _lock_open_list(session, import_id).applied_at is None:
            _finish(session, made, paying, actor_id, now)
    return made


def discard_patreon(session: Session, *, import_id: int) -> None:
    """Put a list away that was only looked at; safe to repeat."""
    with transaction(session):
        session.execute(update(PatreonImport).where(PatreonImport.id == import_id).values(draft=None))


def forget_patreon_drafts(session: Session, *, now: datetime) -> int:
    """Put lists away that nobody applied within a day, addresses included; safe to repeat. Return how many."""
    with transaction(session):
        old = update(PatreonImport).where(PatreonImport.draft.is_not(None), PatreonImport.uploaded_at < now - DRAFT_FOR)
        return len(session.execute(old.values(draft=None).returning(PatreonImport.id)).all())


def _lock_open_list(session: Session, import_id: int) -> PatreonImport:
    """Lock a list, so that it is applied by one at a time."""
    made = patreon.get_list(session, import_id, lock=True)
    if made.applied_at is None and made.draft is None:
        raise Conflict("This list was put away. Please upload it again.")
    return made


def _take_over(session: Session, rows: Sequence[PatreonRow], made: PatreonImport, language: str, now: datetime) -> None:
    numbers = [row.patreon_id for row in rows]
    owners = select(PatreonMember.patreon_id, PatreonMember.member_id).where(PatreonMember.patreon_id.in_(numbers))
    here = {row.patreon_id: row.member_id for row in session.execute(owners)}
    new = [row.email for row in rows if row.patreon_id not in here]
    lock_people(session, addresses=new, member_ids=[member_id for member_id in here.values() if member_id is not None])
    known = select(PatreonMember).where(PatreonMember.patreon_id.in_(numbers)).execution_options(populate_existing=True)
    members = {member.patreon_id: member for member in session.scalars(known)}
    for row in rows:
        member = members.get(row.patreon_id)
        if member is None:
            member = _welcome(session, row, made.id, language, now)
            made.joined += 1
        elif patreon.goes_on(member, row):
            made.prolonged += 1
        _prolong(session, member, row, now)
        member.last_import_id, member.left_at = made.id, None
    session.flush()


def _welcome(session: Session, row: PatreonRow, import_id: int, language: str, now: datetime) -> PatreonMember:
    member_id = member_at(session, address=row.email, language=language, now=now)
    member = PatreonMember(patreon_id=row.patreon_id, member_id=member_id, paid_until=now, last_import_id=import_id)
    session.add(member)
    session.flush()
    payload = {"patreon_id": row.patreon_id}
    key = f"patreon-welcome:{row.patreon_id}"
    outbox.enqueue(session, kind="patreon_welcome", key=key, payload=payload, member_id=member_id, now=now)
    return member


def _prolong(session: Session, member: PatreonMember, row: PatreonRow, now: datetime) -> None:
    """Give somebody the time until the day that is paid at Patreon.

    It is not put after time paid for here: what is paid there runs out there on its day, whatever they pay us. Who pays both ways
    is a patron both ways.
    """
    assert row.paid_until is not None
    starts_at = max(now, member.paid_until)
    if member.member_id is None or row.paid_until <= starts_at:
        return
    reference = f"{row.patreon_id}:{row.paid_until:%Y-%m-%d}"
    if queries.find_period(session, source=PATREON, reference=reference) is None:
        period = (starts_at, row.paid_until)
        ledger.record_period(session, member_id=member.member_id, source=PATREON, reference=reference, period=period)
    member.paid_until = row.paid_until


def _finish(session: Session, made: PatreonImport, paying: Sequence[PatreonRow], actor_id: int, now: datetime) -> None:
    left = compare_patreon(session, drafted_rows(made), at=now).left
    for member in left:
        member.left_at = now
    made.unchanged, made.left = len(paying) - made.joined - made.prolonged, len(left)
    made.applied_at, made.draft = now, None
    audit.record(
        session,
        act="patreon.applied",
        subject=("patreon_import", made.id),
        actor_id=actor_id,
        now=now,
        joined=made.joined,
        prolonged=made.prolonged,
        left=made.left,
    )
