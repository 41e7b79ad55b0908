"""An account is deleted: its ballots in open votes and its marks on topics go, and its suggestions are nobody's (DESIGN §4)."""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from membership.accounts import closures
from membership.accounts.closures import Closing
from membership.clock import Clock
from membership.db import transaction
from membership.voting import queries
from membership.voting.keys import KeyLost, RoundKeys
from membership.voting.models import Topic, TopicSupport
from membership.voting.receipts import voter_tag
from membership.voting.refusals import BallotRefused
from membership.voting.services.ballots import withdraw_ballot

PART = "ballots"
# A request that had begun when the account was shut may still send a ballot: it is looked for until it is over.
LONGEST_REQUEST = timedelta(minutes=1)


def withdraw_closed(session: Session, *, keys: RoundKeys, clock: Clock) -> int:
    """Take back the ballots of deleted accounts, then note for each that it is done; return for how many.

    First all ballots, in random order and in transactions that name nobody; only then what names their owners.
    """
    now = clock.now()
    due = closures.closures_without(session, PART)
    tags = list(_tags(session, due, keys, clock.now_in(session)))
    random.SystemRandom().shuffle(tags)
    for round_id, tag in tags:
        with suppress(BallotRefused):  # closed in this moment: it counts, and can't be taken back any more
            withdraw_ballot(session, round_id=round_id, tag=tag, clock=clock)
    return sum(_let_go(session, closing, now) for closing in due if closing.shut_at <= now - LONGEST_REQUEST)


def _tags(session: Session, due: list[Closing], keys: RoundKeys, at: datetime) -> Iterator[tuple[int, bytes]]:
    if not due:
        return
    for round_ in queries.open_rounds(session, at=at):
        with suppress(KeyLost):  # then nobody's ballot can be told from another's, and every stored one counts
            key = keys.read(round_.id)
            yield from ((round_.id, voter_tag(key, closing.member_id)) for closing in due)


def _let_go(session: Session, closing: Closing, now: datetime) -> int:
    with transaction(session):
        # In one order, as others lock several of them.
        theirs = select(Topic.id).where(Topic.suggested_by_id == closing.member_id).order_by(Topic.id)
        session.execute(theirs.with_for_update(key_share=True)).all()
        own = update(Topic).where(Topic.suggested_by_id == closing.member_id)
        session.execute(own.values(suggested_by_id=None, suggested_as="").execution_options(synchronize_session=False))
        session.execute(delete(TopicSupport).where(TopicSupport.member_id == closing.member_id))
        return closures.note_part(session, closing.id, PART, now=now)
