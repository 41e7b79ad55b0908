"""Voiding: at once until the box is opened, by two people from then on, never once the result is public."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.errors import Conflict, NotAllowed
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Ballot, BallotChoice, Round, Voiding
from membership.voting.roll import roll_hash
from tests.factories.voting import (
    cast_all,
    certify_vote,
    close_vote,
    count_vote,
    make_round,
    make_staff,
    open_vote,
    publish_vote,
)

WHY = "Somebody bought forty memberships."


def void(session: Session, round_: Round, *, clock: FixedClock, actor_id: int | None = None) -> Round:
    actor = actor_id or make_staff(session, clock=clock)
    services.void_round(session, round_id=round_.id, reason=f" {WHY} ", actor_id=actor, clock=clock)
    return queries.get_round(session, round_.id)


def checked_once(session: Session, round_: Round, *, keys: RoundKeys, clock: FixedClock) -> Round:
    close_vote(session, round_, clock=clock)
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())
    return queries.get_round(session, round_.id)


def ballots_left(session: Session) -> tuple[int, int]:
    ballots, choices = (session.scalar(select(func.count()).select_from(model)) or 0 for model in (Ballot, BallotChoice))
    return ballots, choices


def test_what_never_opened_is_taken_back_not_voided(session: Session, clock: FixedClock) -> None:
    with pytest.raises(Conflict, match="has not opened"):
        void(session, make_round(session, clock=clock), clock=clock)


def test_voiding_needs_a_public_reason_and_happens_once(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, counter = open_vote(session, keys=keys, clock=clock), make_staff(session, clock=clock)

    with pytest.raises(NotAllowed, match="reason that everybody can read"):
        services.void_round(session, round_id=round_.id, reason=" ", actor_id=counter, clock=clock)
    assert queries.get_round(session, round_.id).closing is None
    void(session, round_, clock=clock)
    with pytest.raises(Conflict, match="void already"):
        void(session, round_, clock=clock)


def test_a_public_result_can_not_be_made_to_disappear(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    published = publish_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)

    with pytest.raises(Conflict, match="made to disappear"):
        void(session, published, clock=clock)
    assert queries.round_state(queries.get_round(session, published.id), clock.now()) == "published"


def as_it_is(session: Session, round_: Round, *, keys: RoundKeys, clock: FixedClock) -> Round:
    return round_


def closed(session: Session, round_: Round, *, keys: RoundKeys, clock: FixedClock) -> Round:
    return close_vote(session, round_, clock=clock)


@pytest.mark.parametrize("bring", [as_it_is, closed, checked_once])
def test_voided_before_the_check_its_ballots_and_its_key_are_destroyed_and_nothing_goes_on(
    session: Session, clock: FixedClock, keys: RoundKeys, bring: Callable[..., Round]
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    voters = cast_all(session, round_, {"water": 3, "port,schools": 2}, keys=keys, clock=clock)
    bring(session, round_, keys=keys, clock=clock)
    assert ballots_left(session) == (5, 7)

    done = void(session, round_, clock=clock)

    assert (queries.round_state(done, clock.now()), ballots_left(session)) == ("voided", (0, 0))
    assert services.destroy_due_keys(session, keys=keys, clock=clock) == 1
    assert services.destroy_due_keys(session, keys=keys, clock=clock) == 0
    assert (keys.exists(round_.id), session.scalar(select(Voiding.key_destroyed_at))) == (False, clock.now())
    assert done.closing
    assert done.closing.roll_sha256 == roll_hash("march", voters)
    for go_on in (services.check_box, services.confirm_check):
        with pytest.raises(Conflict):
            go_on(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())


def test_an_open_vote_closes_with_its_voiding_for_the_same_reason(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, counter = open_vote(session, keys=keys, clock=clock), make_staff(session, clock=clock)

    done = void(session, round_, clock=clock, actor_id=counter)

    assert done.closing
    assert done.voiding
    assert (done.closing.closed_at, done.closing.note, done.closing.closed_by_id) == (clock.now(), WHY, counter)
    assert (done.voiding.reason, done.voiding.after_count, done.voiding.voided_at) == (WHY, False, clock.now())
    assert queries.open_rounds(session, at=clock.now()) == []


def test_a_certified_box_is_voided_by_one_and_can_not_be_opened(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    certified = certify_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)

    assert queries.round_state(void(session, certified, clock=clock), clock.now()) == "voided"
    with pytest.raises(Conflict):
        services.open_box(session, round_id=certified.id, actor_id=make_staff(session, clock=clock), now=clock.now())


def test_a_counted_vote_takes_a_second_person(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    counted = count_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)
    first, second = make_staff(session, clock=clock), make_staff(session, clock=clock)
    act: dict[str, Any] = {"round_id": counted.id, "now": clock.now()}

    with pytest.raises(Conflict, match="Nobody has asked"):
        services.confirm_voiding(session, actor_id=second, **act)
    assert queries.round_state(void(session, counted, clock=clock, actor_id=first), clock.now()) == "counted"
    with pytest.raises(Conflict, match="asked for this already"):
        void(session, counted, clock=clock, actor_id=second)
    with pytest.raises(NotAllowed, match="second person"):
        services.confirm_voiding(session, actor_id=first, **act)
    services.confirm_voiding(session, actor_id=second, **act)

    done = queries.get_round(session, counted.id)
    assert (queries.round_state(done, clock.now()), queries.result_of(done)) == ("voided", queries.result_of(counted))
    assert services.publish_due(session, now=clock.now() + timedelta(days=9)) == 0
    with pytest.raises(Conflict, match="void"):
        services.publish(session, round_id=counted.id, actor_id=second, now=clock.now())
    acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act.startswith("round.void")).order_by(AuditEntry.id)).all()
    assert acts == ["round.voiding_asked", "round.voided"]


def test_a_voiding_that_nobody_confirmed_does_not_stop_the_publication(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    counted = count_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)
    void(session, counted, clock=clock)
    assert counted.count

    assert services.publish_due(session, now=counted.count.publish_at) == 1
    with pytest.raises(Conflict, match="made to disappear"):
        services.confirm_voiding(session, round_id=counted.id, actor_id=make_staff(session, clock=clock), now=clock.now())
    assert queries.round_state(queries.get_round(session, counted.id), clock.now()) == "published"


def test_a_result_that_is_due_to_be_public_stands_even_if_the_job_is_late(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    counted = count_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)
    void(session, counted, clock=clock)
    assert counted.count
    clock.instant = counted.count.publish_at

    with pytest.raises(Conflict, match="made to disappear"):
        services.confirm_voiding(session, round_id=counted.id, actor_id=make_staff(session, clock=clock), now=clock.now())
    with pytest.raises(Conflict, match="made to disappear"):
        void(session, counted, clock=clock)
    assert services.publish_due(session, now=clock.now()) == 1


def test_a_voiding_that_nobody_confirmed_can_be_taken_back_and_asked_for_anew(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    counted = count_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)
    first, second = make_staff(session, clock=clock), make_staff(session, clock=clock)
    void(session, counted, clock=clock, actor_id=first)

    services.take_back_voiding(session, round_id=counted.id, actor_id=first, now=clock.now())
    assert queries.get_round(session, counted.id).voiding is None
    void(session, counted, clock=clock, actor_id=second)
    services.confirm_voiding(session, round_id=counted.id, actor_id=first, now=clock.now())
    with pytest.raises(Conflict, match="Nobody has asked"):
        services.take_back_voiding(session, round_id=counted.id, actor_id=second, now=clock.now())


def test_the_topics_of_a_voided_vote_can_stand_on_another_ballot(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    void(session, open_vote(session, keys=keys, clock=clock), clock=clock)

    assert make_round(session, clock=clock, slug="april").slug == "april"
