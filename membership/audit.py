"""The audit trail: who did what to which thing, and why; ids only, never a choice, never an address.

Each entry carries an HMAC over itself and the one before it, by a key that is not in the database: what was changed, taken out or
put in by somebody who has the database is found by membership.audit_check.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DDL, CheckConstraint, Index, event, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from membership.db import Base, BigId, closing_step, insert_into

# What keeps whoever has the app's access to the database from rewriting what was done; a migration that makes the table anew
# (SQLite's way of changing one) has to run these again.
APPEND_ONLY: Mapping[str, tuple[str, ...]] = {
    "sqlite": (
        "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END",
        "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit entries are append-only'; END $$",
        "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only()",
    ),
}
TRIGGERS: Mapping[str, frozenset[str]] = {
    "sqlite": frozenset({"audit_entry_no_update", "audit_entry_no_delete"}),
    "postgresql": frozenset({"audit_entry_append_only"}),
}


class AuditEntry(Base):
    """One act, written in the transaction of the act itself. The ids have no gaps."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "subject_type", "subject_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None]
    act: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    mac: Mapped[bytes | None]  # None: of the days before the chain; the chain's beginning holds what these were


class AuditHead(Base):
    """The chain's end: the last entry's id and HMAC, and our signature of both. One row, none before the first entry of a chain.

    Without the latter, who cuts off the last entries could set the end back to one that is left: its HMAC stands beside it.
    """

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(BigId)
    mac: Mapped[bytes]  # of the last entry; empty for a moment, within the transaction that begins the chain
    signature: Mapped[bytes]  # empty for good once this end was found without ours


for _dialect, _statements in APPEND_ONLY.items():
    for _statement in _statements:
        event.listen(AuditEntry.__table__, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]


def record(
    session: Session,
    *,
    act: str,
    subject: tuple[str, object],
    actor_id: int | None,
    now: datetime,
    reason: str = "",
    **details: Any,
) -> None:
    """Add one entry to the use case under way; actor_id is a member's id, None for the system itself.

    It is written when the use case ends, just before the commit. Raises RuntimeError outside of a transaction().
    """
    subject_type, subject_id = subject
    entry = AuditEntry(
        at=now,
        actor_id=actor_id,
        act=act,
        subject_type=subject_type,
        subject_id=str(subject_id),
        reason=reason,
        # As the database will give it back: lists for tuples, text for keys.
        details=json.loads(json.dumps(details)),
    )
    closing_step(session, _ToAppend).entries.append(entry)


class _ToAppend:
    """What a use case has recorded; called, it gives each entry its number and its HMAC."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def __call__(self, session: Session) -> None:
        keys: Sequence[bytes] = session.info["audit_keys"]
        if not keys:
            raise RuntimeError("no audit key")
        key = keys[0]
        head = _lock_head(session, key)
        is_ours = is_signed(head, keys)
        for entry in self.entries:
            entry.id = head.last_id + 1
            entry.mac = mac_of(entry, entry.id, previous=head.mac, key=key)
            head.last_id, head.mac = entry.id, entry.mac
        # Never after an end that somebody without the key has set: our signature would make it good.
        head.signature = _signature(head, key) if is_ours else b""
        session.add_all(self.entries)


def _lock_head(session: Session, key: bytes) -> AuditHead:
    """Return the head, held until the commit; the first entry of all begins the chain."""
    held = select(AuditHead).with_for_update().execution_options(populate_existing=True)
    head = session.scalar(held)
    if head is None:
        # Racers meet here: one inserts, the others wait for it and find its row.
        empty = insert_into(session, AuditHead).values(id=1, last_id=0, mac=b"", signature=b"")
        session.execute(empty.on_conflict_do_nothing())
        head = session.scalars(held).one()
    if not head.mac:
        head.last_id, digest = digest_of_earlier(session)
        head.mac = beginning(digest, key=key)
        head.signature = _signature(head, key)
    return head


def is_signed(head: AuditHead, keys: Sequence[bytes]) -> bool:
    """Return whether somebody with one of these keys has set the chain's end."""
    return any(hmac.compare_digest(head.signature, _signature(head, key)) for key in keys)


def _signature(head: AuditHead, key: bytes) -> bytes:
    return hmac.new(key, b"head" + head.last_id.to_bytes(8) + head.mac, hashlib.sha256).digest()


def digest_of_earlier(session: Session, *, before: int | None = None) -> tuple[int, bytes]:
    """Return the last id of the entries from before the chain (0 if there are none), and the SHA-256 over all of them in order.

    before is the id of the chain's first entry, if it has any.
    """
    in_order = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=500, populate_existing=True)
    digest, last_id = hashlib.sha256(), 0
    for entry in session.scalars(in_order if before is None else in_order.where(AuditEntry.id < before)):
        digest.update(_canonical(entry, entry.id))
        last_id = entry.id
    return last_id, digest.digest()


def beginning(digest: bytes, *, key: bytes) -> bytes:
    """Return what the chain's first entry is chained to."""
    return hmac.new(key, b"beginning" + digest, hashlib.sha256).digest()


def mac_of(entry: AuditEntry, entry_id: int, *, previous: bytes, key: bytes) -> bytes:
    """Return the HMAC of an entry under this id after this predecessor."""
    return hmac.new(key, previous + _canonical(entry, entry_id), hashlib.sha256).digest()


def derive_key(secret: str) -> bytes:
    """Return the chain's key behind a secret, which may serve for other things too."""
    return hmac.new(secret.encode(), b"audit chain", hashlib.sha256).digest()


def _canonical(entry: AuditEntry, entry_id: int) -> bytes:
    fields = {
        "id": entry_id,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor_id": entry.actor_id,
        "act": entry.act,
        "subject_type": entry.subject_type,
        "subject_id": entry.subject_id,
        "reason": entry.reason,
        "details": entry.details,
    }
    return json.dumps(fields, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()
