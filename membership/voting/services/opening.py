"""Opening a vote: from then on its rules are locked."""

import secrets
from contextlib import suppress

from sqlalchemy.orm import Session

from membership import audit
from membership.clock import Clock
from membership.db import transaction
from membership.errors import Conflict, NotAllowed, NotFound
from membership.page_version import raise_page_version
from membership.voting import lots, queries
from membership.voting.keys import RoundKeys
from membership.voting.models import Opening
from membership.voting.services.roll import enrol_patrons
from membership.voting.services.setting_up import check_ready

SEED_BYTES = 32


def open_round(session: Session, *, round_id: int, keys: RoundKeys, actor_id: int | None, clock: Clock) -> bool:
    """Open the vote: its settings are locked, the tie seed is committed to, its key is on the disk; before its time takes a person.

    Returns False if it is open already: its time came, or somebody was faster. Raises Conflict, NotAllowed.
    """
    with transaction(session):
        round_ = queries.lock_round(session, round_id)
        now = clock.now_in(session)  # after the wait for the row
        if round_.is_open(now):
            return False
        if round_.opening:
            raise Conflict("This vote has opened: it can't be changed or taken back any more.")
        if round_.scheduled_at is None:
            raise Conflict("This vote is a draft. Schedule it first.")
        if now >= round_.closes_at:
            raise Conflict("This vote's closing time has passed. Set up a new one.")
        if actor_id is None and now < round_.opens_at:
            raise Conflict("This vote's time has not come yet.")
        check_ready(session, round_, now=now)
        seed = secrets.token_bytes(SEED_BYTES)
        keys.create(round_id)  # durable before the opening commits: a ballot is never sealed with a key that a power cut could take
        round_.opens_at = min(round_.opens_at, now)
        session.flush()  # before the opening's row locks it
        session.add(Opening(round_id=round_id, opened_at=now, seed=seed, seed_sha256=lots.seed_commitment(seed)))
        enrol_patrons(session, round_id, at=now)
        audit.record(session, act="round.opened", subject=("round", round_id), actor_id=actor_id, now=now)
        raise_page_version(session)
        return True


def open_due_rounds(session: Session, *, keys: RoundKeys, clock: Clock) -> int:
    """Open every vote whose time has come; safe to repeat. Returns how many.

    One that can't be held as it stands (a topic was declined since) is left alone: its page on the desk says why.
    """
    opened = 0
    for round_id in queries.rounds_due_to_open(session, at=clock.now_in(session)):
        with suppress(Conflict, NotAllowed, NotFound):  # somebody changed it in this moment
            opened += open_round(session, round_id=round_id, keys=keys, actor_id=None, clock=clock)
    return opened
