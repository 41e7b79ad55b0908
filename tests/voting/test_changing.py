"""What may change while a vote is open, each with public words: more time, and a topic taken off the ballot."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.errors import Conflict, NotAllowed
from membership.page_version import page_version
from membership.voting import counting, queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import ClosingChange, TopicWithdrawal
from membership.voting.refusals import RoundClosed
from tests.factories.voting import (
    cast,
    cast_all,
    close_vote,
    count_vote,
    make_patron,
    make_round,
    make_staff,
    open_vote,
    topic_ids,
)
from tests.voting.test_races import at_once

NOTE = "The flood cut the city off."


def test_only_an_open_vote_changes(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    editor = make_staff(session, clock=clock, role="editor")
    waiting = make_round(session, clock=clock, slug="april", topics=("a", "b", "c"))
    over = close_vote(session, open_vote(session, keys=keys, clock=clock), clock=clock)
    late = open_vote(session, keys=keys, clock=clock, slug="may", topics=("d", "e", "f"))
    clock.instant = late.closes_at  # its time has come, and no job has noticed yet

    for round_ in (waiting, over, late):
        with pytest.raises(Conflict, match="not open"):
            services.extend_round(
                session,
                round_id=round_.id,
                closes_at=clock.now() + timedelta(days=1),
                note=NOTE,
                actor_id=editor,
                clock=clock,
            )
        with pytest.raises(Conflict, match="not open"):
            services.withdraw_topic(
                session, round_id=round_.id, topic_id=round_.topics[0].topic_id, reason=NOTE, actor_id=editor, clock=clock
            )
    assert session.scalars(select(ClosingChange)).all() == []


def test_more_time_is_later_than_announced_with_a_note_and_has_an_end(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, editor = open_vote(session, keys=keys, clock=clock), make_staff(session, clock=clock, role="editor")
    day = timedelta(days=1)

    for closes_at, note, said in (
        (round_.closes_at + day, "  ", "note that everybody can read"),
        (round_.closes_at, NOTE, "later than the one announced"),
        (round_.closes_at - day, NOTE, "later than the one announced"),
        (round_.closes_at + 32 * day, NOTE, "31 days"),
    ):
        with pytest.raises(NotAllowed, match=said):
            services.extend_round(session, round_id=round_.id, closes_at=closes_at, note=note, actor_id=editor, clock=clock)
    assert queries.get_round(session, round_.id).closes_at == round_.closes_at


def test_an_extended_vote_takes_ballots_until_its_new_end_and_says_what_was_announced_before(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    patron = make_patron(session, clock=clock)
    round_, editor = open_vote(session, keys=keys, clock=clock), make_staff(session, clock=clock, role="editor")
    announced, day, before = round_.closes_at, timedelta(days=1), page_version(session)
    act = {"round_id": round_.id, "note": f" {NOTE} ", "actor_id": editor, "clock": clock}

    services.extend_round(session, closes_at=announced + day, **act)
    services.extend_round(session, closes_at=announced + 31 * day, **act)
    with pytest.raises(NotAllowed, match="31 days"):  # counted from what was announced at first
        services.extend_round(session, closes_at=announced + 32 * day, **act)

    clock.instant = announced + 31 * day - timedelta(seconds=1)
    assert services.close_due_rounds(session, clock=clock) == 0
    cast(session, round_, patron, "water", keys=keys, clock=clock)
    clock.instant += timedelta(seconds=1)
    with pytest.raises(RoundClosed):
        cast(session, round_, patron, "port", keys=keys, clock=clock)
    changed = queries.get_round(session, round_.id)
    assert [(change.closed_before, change.closes_at, change.note) for change in changed.closing_changes] == [
        (announced, announced + day, NOTE),
        (announced + day, announced + 31 * day, NOTE),
    ]
    assert page_version(session) == before + 2


def test_two_topics_stay_on_the_ballot_and_a_reason_is_given(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, editor = open_vote(session, keys=keys, clock=clock), make_staff(session, clock=clock, role="editor")
    water, schools, port = (entry.topic_id for entry in round_.topics)
    act = {"round_id": round_.id, "actor_id": editor, "clock": clock}

    with pytest.raises(NotAllowed, match="reason that everybody can read"):
        services.withdraw_topic(session, topic_id=water, reason=" ", **act)
    with pytest.raises(Conflict, match="does not stand"):
        services.withdraw_topic(session, topic_id=water + 100, reason=NOTE, **act)
    services.withdraw_topic(session, topic_id=water, reason=NOTE, **act)
    with pytest.raises(Conflict, match="does not stand"):
        services.withdraw_topic(session, topic_id=water, reason=NOTE, **act)
    with pytest.raises(NotAllowed, match="Two topics have to stay"):
        services.withdraw_topic(session, topic_id=port, reason=NOTE, **act)
    assert [entry.topic_id for entry in queries.get_round(session, round_.id).standing_topics] == [schools, port]


def test_ballots_stand_without_the_topic_that_was_withdrawn_and_it_can_not_win(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, editor = open_vote(session, keys=keys, clock=clock), make_staff(session, clock=clock, role="editor")
    cast_all(session, round_, {"water": 5, "port,water": 3, "schools": 2}, keys=keys, clock=clock)
    [water], before = topic_ids(session, "water"), page_version(session)

    services.withdraw_topic(session, round_id=round_.id, topic_id=water, reason=NOTE, actor_id=editor, clock=clock)
    counted = count_vote(session, round_, keys=keys, clock=clock)

    result = queries.result_of(counted)
    assert (result.counted, result.totals, result.winners) == (10, {"port": 3, "schools": 2}, ("port", "schools"))
    assert counting.recount(session, counted) is True
    assert page_version(session) > before
    [withdrawn] = session.scalars(select(TopicWithdrawal))
    assert (withdrawn.withdrawn_by_id, withdrawn.withdrawn_at < clock.now(), withdrawn.reason) == (editor, True, NOTE)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "round.topic_withdrawn")).one()
    assert (entry.reason, entry.details) == (NOTE, {"topic_id": water})


def test_more_time_given_at_the_very_end_holds_or_the_vote_is_closed_never_both(
    session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, editor = open_vote(session, keys=keys, clock=clock), make_staff(session, clock=clock, role="editor")
    announced = round_.closes_at
    session.commit()

    def extend(own: Session) -> str:
        last_moment = FixedClock(announced - timedelta(seconds=1))
        later = {"closes_at": announced + timedelta(days=1), "note": NOTE}
        try:
            services.extend_round(own, round_id=round_.id, actor_id=editor, clock=last_moment, **later)
        except Conflict:
            return "refused"
        return "extended"

    def close(own: Session) -> str:
        return "closed" if services.close_due_rounds(own, clock=FixedClock(announced)) else "left open"

    told = at_once([extend, close], engine)

    after = queries.get_round(session, round_.id)
    assert told in (["extended", "left open"], ["refused", "closed"])
    assert (after.closing is None, after.closes_at > announced) == ((told[0] == "extended",) * 2)
