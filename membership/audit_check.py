"""Does the audit trail still say what it said? Walks the chain and names what was changed, taken out, put in or moved."""

import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from membership import audit
from membership.audit import TRIGGERS, AuditEntry, AuditHead
from membership.db import Base, BigId, is_postgresql, transaction

log = structlog.get_logger()
BATCH = 1000
EVERY = timedelta(hours=24)
KEPT_FAULTS = 100
# Where many entries in a row don't fit, whose number is whose is not worked out.
MOST_COMPARED = 12

Progress = Callable[[int, int], None]


class AuditCheck(Base):
    """One walk along the whole chain: how far it went, its head then, and what it found (nothing, if all was well)."""

    __tablename__ = "audit_check"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    last_id: Mapped[int] = mapped_column(BigId)
    head: Mapped[str]
    faults: Mapped[list[Any]] = mapped_column(default=list)  # [[id, what]], the first KEPT_FAULTS


@dataclass(frozen=True)
class Head:
    """The end of the chain at some moment, as somebody has written it down: the last entry's id and HMAC."""

    last_id: int
    mac: bytes

    def __str__(self) -> str:
        return f"{self.last_id}:{self.mac.hex()}"

    @classmethod
    def parse(cls, written: str) -> "Head":
        """Return the head behind `N:HEX`. Raises ValueError."""
        number, _, mac = written.strip().partition(":")
        parsed = cls(int(number), bytes.fromhex(mac))
        if parsed.last_id < 0 or len(parsed.mac) != 32:
            raise ValueError("a head is a number, a colon and 64 hexadecimal digits")
        return parsed


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was left: removed, changed, moved, added, head, set_back, beginning, forgotten."""

    entry_id: int
    kind: str
    belongs_at: int | None = None  # of a moved entry: the id that it had

    def __str__(self) -> str:
        words = {
            "removed": "it was taken out",
            "changed": "it was changed, or put in by somebody without the key",
            "moved": f"it stands in the place of another: it was entry {self.belongs_at}",
            "added": "it was put in by somebody without the key",
            "head": "what is recorded as the chain's end is not its end",
            "set_back": "it was recorded as the chain's end by somebody without the key, so later ones may have been taken out",
            "beginning": "it, or an entry before it (from before the chain began), was changed, taken out or put in",
            "forgotten": "the head that was written down does not fit: entries were taken out or replaced since",
        }
        return f"entry {self.entry_id}: {words[self.kind]}"


@dataclass(frozen=True)
class Verification:
    """What a walk found."""

    checked: int
    head: Head | None
    faults: Sequence[Fault]


def current_head(session: Session) -> Head | None:
    """Return the chain's end, None before its beginning."""
    row = _head_row(session)
    return Head(row.last_id, row.mac) if row else None


def _head_row(session: Session) -> AuditHead | None:
    return session.scalar(select(AuditHead).execution_options(populate_existing=True))


def verify(
    session: Session,
    keys: Sequence[bytes],
    *,
    known: Head | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Walk the whole chain in one view of the database; known is a head that was written down outside of it."""
    session.commit()
    if is_postgresql(session):  # so that what is recorded meanwhile is no fault; SQLite's reads see one moment anyway
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    first_id = session.scalar(select(func.min(AuditEntry.id)).where(AuditEntry.mac.is_not(None)))
    last_id, digest = audit.digest_of_earlier(session, before=first_id)
    walk = _Walk(keys, [audit.beginning(digest, key=key) for key in keys], last_id, known)
    total = session.scalar(select(func.count()).select_from(AuditEntry)) or 0
    for batch in _batches(session, after=last_id):
        for entry in batch:
            walk.pass_by(entry)
        if progress:
            progress(walk.checked, total)
    row = _head_row(session)
    session.commit()
    faults = [*walk.faults, *walk.odd_ones(), *walk.end(row)]
    head = Head(row.last_id, row.mac) if row else None
    return Verification(walk.checked, head, sorted(faults, key=lambda fault: fault.entry_id))


def _batches(session: Session, *, after: int) -> Iterator[Sequence[AuditEntry]]:
    in_order = select(AuditEntry).where(AuditEntry.id > after).order_by(AuditEntry.id)
    return session.scalars(in_order.execution_options(yield_per=BATCH, populate_existing=True)).partitions()


class _Walk:
    """Passes by one entry after the other and notes what does not fit."""

    def __init__(self, keys: Sequence[bytes], beginnings: list[bytes], last_id: int, known: Head | None) -> None:
        self.keys, self.known = keys, known
        self.previous = beginnings  # what the next entry may be chained to; nothing after a gap: then that can't be told
        self.begun_at = self.last_id = self.checked = last_id
        self.has_met_known = known is None or (known.last_id == last_id and known.mac in beginnings)
        self.odd: list[tuple[AuditEntry, list[bytes]]] = []
        self.faults: list[Fault] = []

    def pass_by(self, entry: AuditEntry) -> None:
        """Compare one entry with the one before it."""
        if entry.id != self.last_id + 1:
            self.faults += _removed(self.last_id, entry.id)
            self.previous = []
        if entry.mac is None:
            self.faults.append(Fault(entry.id, "added"))
        elif self.previous and not self._fits(entry, entry.id, self.previous):
            self.odd.append((entry, self.previous))
        self.previous = [entry.mac] if entry.mac else []
        self.last_id = entry.id
        self.checked += 1
        self._meet(entry)

    def odd_ones(self) -> list[Fault]:
        """Tell of the entries that don't fit which are only next to one, which were moved, and which are not ours."""
        if len(self.odd) > MOST_COMPARED:
            return [Fault(entry.id, "changed") for entry, _previous in self.odd]
        ids = [entry.id for entry, _previous in self.odd]
        macs = [mac for entry, previous in self.odd for mac in (*previous, entry.mac or b"")]
        places = {entry.id: next((at for at in ids if self._fits(entry, at, macs)), None) for entry, _previous in self.odd}
        return [self._fault(entry_id, place) for entry_id, place in places.items() if place != entry_id]

    def end(self, head: AuditHead | None) -> list[Fault]:
        """Compare where the walk ended with the recorded head, and with the one that was known before."""
        faults = []
        if head is None:
            faults += [Fault(self.last_id, "head")] if self.checked > self.begun_at else []
        elif head.last_id > self.last_id:
            faults += _removed(self.last_id, head.last_id + 1)
        elif head.last_id < self.last_id or head.mac not in self.previous:
            faults.append(Fault(head.last_id, "head"))
        elif not audit.is_signed(head, self.keys):
            faults.append(Fault(head.last_id, "set_back"))
        if not self.has_met_known and self.known:
            faults.append(Fault(self.known.last_id, "forgotten"))
        return faults

    def _meet(self, entry: AuditEntry) -> None:
        if self.known and self.known.last_id == entry.id and self.known.mac == entry.mac:
            self.has_met_known = True

    def _fits(self, entry: AuditEntry, entry_id: int, macs: Sequence[bytes]) -> bool:
        made = (audit.mac_of(entry, entry_id, previous=previous, key=key) for previous in macs for key in self.keys)
        return any(hmac.compare_digest(entry.mac or b"", each) for each in made)

    def _fault(self, entry_id: int, place: int | None) -> Fault:
        if place is not None:
            return Fault(entry_id, "moved", place)
        return Fault(entry_id, "beginning" if entry_id == self.begun_at + 1 and self.begun_at else "changed")


def _removed(after: int, before: int) -> list[Fault]:
    return [Fault(missing, "removed") for missing in range(after + 1, min(before, after + 1 + KEPT_FAULTS))]


def is_append_only(session: Session) -> bool:
    """Return whether the database itself refuses to change the trail: whether its triggers are there."""
    dialect = "postgresql" if is_postgresql(session) else "sqlite"
    names = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_entry'::regclass AND tgenabled IN ('O', 'A')",
    }
    return TRIGGERS[dialect] <= set(session.scalars(text(names[dialect])))


def newest_check(session: Session) -> AuditCheck | None:
    """Return what the newest daily walk found."""
    newest = select(AuditCheck).order_by(AuditCheck.at.desc(), AuditCheck.id.desc()).limit(1)
    return session.scalar(newest.execution_options(populate_existing=True))


def _last_good_head(session: Session) -> Head | None:
    newest_first = select(AuditCheck).order_by(AuditCheck.at.desc(), AuditCheck.id.desc())
    good = next((check for check in session.scalars(newest_first) if not check.faults), None)
    return Head.parse(good.head) if good is not None and good.head else None


def check_daily(session: Session, keys: Sequence[bytes], *, now: datetime) -> int:
    """Walk the chain if that was not done for a day, keep and log what came of it; return how many walks that made.

    The head in the log is one that nobody who has the database alone can take back.
    """
    newest = newest_check(session)
    if newest is not None and newest.at > now - EVERY:
        return 0
    # What the last walk that was in order has met must be there still: entries taken out together with the recorded end are missed.
    found = verify(session, keys, known=_last_good_head(session))
    with transaction(session):
        session.add(
            AuditCheck(
                at=now,
                last_id=found.head.last_id if found.head else 0,
                head=str(found.head or ""),
                faults=[[fault.entry_id, str(fault)] for fault in found.faults[:KEPT_FAULTS]],
            ),
        )
    log.info("audit.head", head=str(found.head or ""), checked=found.checked)
    if found.faults:
        log.error("audit.broken", faults=[str(fault) for fault in found.faults[:KEPT_FAULTS]])
    return 1
