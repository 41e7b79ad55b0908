"""Checking the ballot box: one person looks, a second confirms; then what was tied to a voter is destroyed."""

import random
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Engine, delete, insert, text, update
from sqlalchemy.orm import Session

from membership import audit
from membership.clock import Clock
from membership.db import transaction
from membership.errors import Conflict
from membership.voting import box, queries
from membership.voting.box import BoxReport, SortedBox
from membership.voting.keys import RoundKeys
from membership.voting.models import Ballot, BallotChoice, BoxCheck, CertifiedBallot, CertifiedReceipt, Participation, Round
from membership.voting.receipts import receipt, receipt_hash
from membership.voting.refusals import SamePerson, StillSettling


def check_box(session: Session, *, round_id: int, keys: RoundKeys, actor_id: int, now: datetime) -> None:
    """Note that one person found the closed box in order.

    Raises Conflict, Unavailable, StillSettling while first payments are pending.
    """
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        if round_.closing is None or round_.box_check:
            raise Conflict("This box is not waiting for a first check.")
        found = _sound_report(session, round_, keys=keys, now=now)
        session.add(BoxCheck(round_id=round_id, checked_at=now, checked_by_id=actor_id, key_lost=found.key_lost))
        audit.record(session, act="box.checked", subject=("round", round_id), actor_id=actor_id, now=now, ballots=found.ballots)


def take_back_check(session: Session, *, round_id: int, actor_id: int, now: datetime) -> None:
    """Take back a first check that nobody has confirmed: the box is looked at anew by two people. Raises Conflict."""
    with transaction(session):
        check = queries.lock_round(session, round_id).box_check
        if check is None or check.confirmed_at:
            raise Conflict("This box is not waiting for a second check.")
        session.delete(check)
        audit.record(session, act="box.check_taken_back", subject=("round", round_id), actor_id=actor_id, now=now)


def confirm_check(session: Session, *, round_id: int, keys: RoundKeys, actor_id: int, now: datetime) -> None:
    """Certify the box as its second checker; the originals are deleted in the same commit.

    Raises Conflict, SamePerson, StillSettling, Unavailable.
    """
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        check = round_.box_check
        if check is None or check.confirmed_at:
            raise Conflict("This box is not waiting for a second check.")
        if check.checked_by_id == actor_id:
            raise SamePerson
        _sound_report(session, round_, keys=keys, now=now)
        sorted_ = box.sort_ballots(session, round_, keys=keys, at=now)
        if check.key_lost != (sorted_.key is None):  # two people vouch for one box: with its key, or both without
            raise Conflict("The vote's key isn't as it was at the first check. Nothing was certified.")
        certified = _certify(session, round_id, sorted_)
        reasons = box.set_aside(sorted_)
        check.confirmed_at, check.confirmed_by_id = now, actor_id
        check.counted, check.set_aside, check.set_aside_reasons = certified, sum(reasons.values()), dict(reasons)
        audit.record(session, act="box.confirmed", subject=("round", round_id), actor_id=actor_id, now=now, counted=certified)


def destroy_due_keys(session: Session, *, keys: RoundKeys, clock: Clock) -> int:
    """Destroy the keys of certified votes and what the database's files still hold of their ballots; safe to repeat."""
    due = queries.rounds_with_due_key(session)
    for round_id in due:
        keys.destroy(round_id)
    if due:
        session.commit()
        _vacuum(session)
    for round_id in due:
        with transaction(session):
            destroyed = update(BoxCheck).where(BoxCheck.round_id == round_id, BoxCheck.key_destroyed_at.is_(None))
            session.execute(destroyed.values(key_destroyed_at=clock.now()))
            audit.record(session, act="round_key.destroyed", subject=("round", round_id), actor_id=None, now=clock.now())
    return len(due)


def _sound_report(session: Session, round_: Round, *, keys: RoundKeys, now: datetime) -> BoxReport:
    found = box.report(session, round_, keys=keys, at=now)
    if not found.roll_intact:
        raise Conflict("The list of who can vote is not the one that was fixed at the close. The box can't be certified.")
    if not found.is_settled(now):
        raise StillSettling(pending=found.pending, until=found.pending_until)
    return found


def _certify(session: Session, round_id: int, sorted_: SortedBox) -> int:
    """Copy what counts in random order without its tag, note who took part, delete the originals. Returns how many count."""
    choices = box.choices_of(session, round_id)
    counted = [choices[ballot_id] for ballot_id, reason in sorted_.reasons.items() if reason is None]
    random.SystemRandom().shuffle(counted)
    session.execute(delete(BallotChoice).where(BallotChoice.round_id == round_id))
    session.execute(delete(Ballot).where(Ballot.round_id == round_id))
    if counted:
        # A new random id each, and inserted in the order of these ids: neither the file nor the key remembers an order.
        ids = sorted(uuid4() for _ in counted)
        rows = [{"id": one, "round_id": round_id, "topics": topics} for one, topics in zip(ids, counted, strict=True)]
        session.execute(insert(CertifiedBallot), rows)
    _note_participation(session, round_id, sorted_)
    _publish_receipts(session, round_id, sorted_)
    return len(counted)


def _note_participation(session: Session, round_id: int, sorted_: SortedBox) -> None:
    rows = [
        {"round_id": round_id, "member_id": member_id, "counted": sorted_.reasons[ballot_id] is None}
        for member_id, ballot_id in sorted(sorted_.voters.items())
    ]
    if rows:
        session.execute(insert(Participation), rows)


def _publish_receipts(session: Session, round_id: int, sorted_: SortedBox) -> None:
    key = sorted_.key
    if key is None:
        return
    counted = [member_id for member_id, ballot_id in sorted_.voters.items() if _counts(sorted_, ballot_id)]
    hashes = sorted(receipt_hash(receipt(key, member_id)) for member_id in counted)
    if hashes:
        session.execute(insert(CertifiedReceipt), [{"round_id": round_id, "receipt_sha256": one} for one in hashes])


def _counts(sorted_: SortedBox, ballot_id: UUID) -> bool:
    return sorted_.reasons[ballot_id] is None


def _vacuum(session: Session) -> None:
    """Rewrite the files that held ballots, so that deleted rows can't be read from them."""
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    if engine.dialect.name == "sqlite":
        raw = engine.raw_connection()  # no BEGIN: VACUUM runs outside of a transaction
        try:
            raw.cursor().execute("VACUUM")
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET lock_timeout = '10s'"))  # voters in another round must not queue behind us; we come again
        try:
            connection.execute(text("VACUUM (FULL) ballot, ballot_choice"))
        finally:
            connection.execute(text("RESET lock_timeout"))
