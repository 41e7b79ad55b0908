"""Checking the ballot box: one person looks, a second confirms; then what was tied to a voter is destroyed."""

import random
from datetime import datetime
from uuid import uuid4

import structlog
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from membership import audit
from membership.clock import Clock
from membership.db import transaction
from membership.errors import Conflict
from membership.voting import box, checkers, queries, sealed
from membership.voting.box import BoxReport, SortedBox
from membership.voting.keys import KeyUnreadable, RoundKeys
from membership.voting.models import (
    Ballot,
    BallotChoice,
    BoxCheck,
    CertifiedBallot,
    CertifiedReceipt,
    Participation,
    Round,
    Voiding,
)
from membership.voting.receipts import receipt, receipt_hash
from membership.voting.refusals import SamePerson, StillSettling, TooSoonAlone
from membership.voting.services.vacuuming import rewrite_files

log = structlog.get_logger()


def check_box(session: Session, *, round_id: int, keys: RoundKeys, actor_id: int, now: datetime) -> None:
    """Note that one person found the closed box in order.

    Raises Conflict, Unavailable, StillSettling while first payments are pending.
    """
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        if round_.closing is None or round_.box_check or round_.is_void:
            raise Conflict("This box is not waiting for a first check.")
        found = _sound_report(session, round_, box.sort_ballots(session, round_, keys=keys, at=now), now=now)
        session.add(BoxCheck(round_id=round_id, checked_at=now, checked_by_id=actor_id, key_lost=found.key_lost))
        audit.record(session, act="box.checked", subject=("round", round_id), actor_id=actor_id, now=now, ballots=found.ballots)


def take_back_check(session: Session, *, round_id: int, actor_id: int, now: datetime) -> None:
    """Take back a first check that nobody has confirmed: the box is looked at anew by two people. Raises Conflict."""
    with transaction(session):
        session.delete(_first_check(queries.lock_round(session, round_id)))
        audit.record(session, act="box.check_taken_back", subject=("round", round_id), actor_id=actor_id, now=now)


def confirm_check(session: Session, *, round_id: int, keys: RoundKeys, actor_id: int, now: datetime) -> None:
    """Certify the box as its second checker; the originals are deleted in the same commit.

    Where nobody else can check a box, the first checker looks again a day later, and the result says so. Raises Conflict,
    SamePerson, TooSoonAlone, StillSettling, Unavailable.
    """
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        check = _first_check(round_)
        check.checked_alone = _is_alone(session, round_, actor_id, now)
        sorted_ = box.sort_ballots(session, round_, keys=keys, at=now)
        _sound_report(session, round_, sorted_, now=now)
        if check.key_lost != (sorted_.key is None):  # two people vouch for one box: with its key, or both without
            raise Conflict("The vote's key isn't as it was at the first check. Nothing was certified.")
        certified = _certify(session, round_id, sorted_)
        reasons = box.set_aside(sorted_)
        check.confirmed_at, check.confirmed_by_id = now, actor_id
        check.counted, check.set_aside, check.set_aside_reasons = certified, sum(reasons.values()), dict(reasons)
        act, alone = "box.confirmed", check.checked_alone
        audit.record(session, act=act, subject=("round", round_id), actor_id=actor_id, now=now, counted=certified, alone=alone)


def destroy_due_keys(session: Session, *, keys: RoundKeys, clock: Clock) -> int:
    """Destroy the keys of certified and voided votes and what the database's files still hold of their ballots; safe to repeat.

    A host without the folder that held a key leaves it to one that has it.
    """
    due = [round_id for round_id in sealed.rounds_with_due_key(session) if _destroy(keys, round_id)]
    if due:
        rewrite_files(session)
    for round_id in due:
        _note_destroyed(session, round_id, now=clock.now())
        keys.forget(round_id)
    return len(due)


def give_up_key(session: Session, *, round_id: int, keys: RoundKeys, now: datetime) -> None:
    """Note that a key which this machine's folder never held is lost for good: then the box can be checked without it.

    That is said by whoever runs the server. Raises Conflict where the key can be read or isn't needed.
    """
    with transaction(session):
        if not sealed.is_sealed(session, queries.lock_round(session, round_id).id):
            raise Conflict("This vote has no ballots that need a key.")
        keys.give_up(round_id)
        audit.record(session, act="round_key.given_up", subject=("round", round_id), actor_id=None, now=now)


def _destroy(keys: RoundKeys, round_id: int) -> bool:
    try:
        keys.destroy(round_id)
    except KeyUnreadable as error:
        log.error("round_key.not_here", round=round_id, error=error.message)
        return False
    return True


def _note_destroyed(session: Session, round_id: int, *, now: datetime) -> None:
    with transaction(session):
        for model in (BoxCheck, Voiding):
            destroyed = update(model).where(model.round_id == round_id, model.key_destroyed_at.is_(None))
            session.execute(destroyed.values(key_destroyed_at=now).execution_options(synchronize_session=False))
        audit.record(session, act="round_key.destroyed", subject=("round", round_id), actor_id=None, now=now)


def _first_check(round_: Round) -> BoxCheck:
    check = round_.box_check
    if check is None or check.confirmed_at or round_.is_void:
        raise Conflict("This box is not waiting for a second check.")
    return check


def _is_alone(session: Session, round_: Round, actor_id: int, now: datetime) -> bool:
    """Return whether a first checker may confirm their own look, for want of anybody else; raises SamePerson, TooSoonAlone."""
    if round_.box_check is None or round_.box_check.checked_by_id != actor_id:
        return False
    second_look_from = checkers.second_look_from(session, round_, actor_id)
    if second_look_from is None:
        raise SamePerson
    if now < second_look_from:
        raise TooSoonAlone
    return True


def _sound_report(session: Session, round_: Round, sorted_: SortedBox, *, now: datetime) -> BoxReport:
    found = box.report_on(session, round_, sorted_)
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
    counted = [member_id for member_id, ballot_id in sorted_.voters.items() if sorted_.reasons[ballot_id] is None]
    hashes = sorted(receipt_hash(receipt(key, member_id)) for member_id in counted)
    if hashes:
        session.execute(insert(CertifiedReceipt), [{"round_id": round_id, "receipt_sha256": one} for one in hashes])
