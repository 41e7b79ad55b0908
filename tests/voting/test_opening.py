"""Opening a vote once, at its time; from then on its rules are locked, in the database too."""

import hashlib
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.db import transaction
from membership.errors import Conflict
from membership.page_version import page_version
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Topic
from membership.voting.services.setting_up import find_obstacle
from tests.factories.voting import make_member, make_patrons, make_round, make_staff, open_vote


class DatabaseAhead(FixedClock):
    """A host whose clock is two minutes behind the database's; it counts who asked while a row was locked."""

    asked_while_locked = 0

    def now_in(self, session: Session) -> datetime:
        self.asked_while_locked += bool(session.info.get("in_use_case"))
        return self.instant + timedelta(minutes=2)


def test_a_vote_opens_once(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    opened_at, key = clock.instant, keys.read(round_.id)

    clock.instant += timedelta(minutes=1)
    assert services.open_round(session, round_id=round_.id, keys=keys, actor_id=None, clock=clock) is False
    clock.instant = round_.closes_at
    with pytest.raises(Conflict, match="has opened"):
        services.open_round(session, round_id=round_.id, keys=keys, actor_id=None, clock=clock)
    opening = queries.get_round(session, round_.id).opening
    assert opening is not None
    assert (opening.opened_at, keys.read(round_.id)) == (opened_at, key)


def test_a_vote_whose_end_has_passed_can_not_be_opened(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = make_round(session, clock=clock)
    clock.instant = round_.closes_at

    with pytest.raises(Conflict, match="has passed"):
        services.open_round(session, round_id=round_.id, keys=keys, actor_id=None, clock=clock)
    assert keys.exists(round_.id) is False


def test_a_vote_whose_topic_was_declined_since_stays_shut_and_its_page_says_why(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = make_round(session, clock=clock)
    with transaction(session):
        session.execute(update(Topic).where(Topic.slug == "port").values(state="declined", declined_reason="Done by others."))

    assert services.open_due_rounds(session, keys=keys, clock=clock) == 0
    assert (queries.get_round(session, round_.id).opening, keys.exists(round_.id)) == (None, False)
    assert find_obstacle(session, round_, now=clock.now()) == (
        "Only topics that were taken up or shortlisted can stand on a ballot."
    )


RULES = (
    "slug = 'another'",
    "seats = 1",
    "max_ticks = 9",
    "rule = 'plain'",
    "electorate = 'at_opening'",
    "opens_at = closes_at",
    "settling_hours = 1",
    "embargo_hours = 1",
)
CHANGES = (
    *(f"UPDATE round SET {rule}" for rule in RULES),
    "DELETE FROM round_topic",
    "UPDATE round_topic SET position = 9",
    "INSERT INTO round_topic (round_id, topic_id, position) SELECT opening.round_id, topic.id, 9 FROM opening, topic",
    "UPDATE opening SET seed_sha256 = 'another'",
    "DELETE FROM opening",
)


def test_the_database_itself_refuses_to_change_an_opened_votes_rules(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = make_round(session, clock=clock)
    with transaction(session):
        session.execute(text("UPDATE round SET max_ticks = 2"))  # while nobody has opened it
    services.open_round(session, round_id=round_.id, keys=keys, actor_id=None, clock=clock)

    refused = []
    for change in CHANGES:
        with pytest.raises(DBAPIError) as error, transaction(session):
            session.execute(text(change))
        refused.append(str(error.value.orig))

    assert all("locked" in said or "written once" in said for said in refused), refused
    assert queries.get_round(session, round_.id).max_ticks == 2


def test_opening_commits_to_a_seed_keeps_a_key_and_draws_the_roll(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patrons = make_patrons(session, 3, clock=clock)
    make_member(session, clock=clock)
    prepared = make_round(session, clock=clock)
    before = page_version(session)

    services.open_round(session, round_id=prepared.id, keys=keys, actor_id=None, clock=clock)

    round_ = queries.get_round(session, prepared.id)
    assert round_.opening is not None
    assert round_.opening.seed_sha256 == hashlib.sha256(round_.opening.seed).hexdigest()
    assert (keys.exists(round_.id), queries.roll_of(session, round_.id)) == (True, patrons)
    assert (queries.round_state(round_, clock.now()), page_version(session)) == ("open", before + 1)
    acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    assert acts == ["round.created", "round.opened"]


def test_the_job_opens_what_is_due_and_nothing_before(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = make_round(session, clock=clock)
    early = round_.opens_at - timedelta(seconds=1)

    assert services.open_due_rounds(session, keys=keys, clock=FixedClock(early)) == 0
    assert services.open_due_rounds(session, keys=keys, clock=FixedClock(round_.opens_at)) == 1
    assert services.open_due_rounds(session, keys=keys, clock=FixedClock(round_.opens_at)) == 0


def test_a_person_may_open_it_before_its_time_and_the_job_may_not(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, editor = make_round(session, clock=clock), make_staff(session, clock=clock, role="editor")
    early = FixedClock(round_.opens_at - timedelta(hours=1))

    with pytest.raises(Conflict, match="not come yet"):
        services.open_round(session, round_id=round_.id, keys=keys, actor_id=None, clock=early)
    services.open_round(session, round_id=round_.id, keys=keys, actor_id=editor, clock=early)

    opened = queries.get_round(session, round_.id)
    assert opened.opening
    assert (opened.opening.opened_at, opened.opens_at) == (early.now(), early.now())


def test_a_vote_opens_at_the_databases_instant_once_its_row_is_locked(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, behind = make_round(session, clock=clock), DatabaseAhead(clock.now() - timedelta(minutes=1))

    assert services.open_due_rounds(session, keys=keys, clock=behind) == 1

    opened = queries.get_round(session, round_.id)
    assert opened.opening
    assert (opened.opening.opened_at, behind.asked_while_locked) == (clock.now() + timedelta(minutes=1), 1)
