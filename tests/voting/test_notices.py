"""Each mailing about a vote is written once, for the whole roll, whatever happens meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select, update
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.voting import queries
from membership.voting.keys import RoundKeys
from membership.voting.models import ClosingChange, Round, RoundNotice, TopicWithdrawal, Voiding
from membership.voting.services.notices import reminder_at, write_notices
from tests.conftest import NOW
from tests.factories.accounts import race
from tests.factories.voting import cast, make_patrons, make_round, open_vote, publish_vote


class PowerCut(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    ("length", "before_its_end"),
    [
        (timedelta(hours=5, minutes=59), None),
        (timedelta(hours=6), timedelta(hours=1, minutes=30)),
        (timedelta(hours=24), timedelta(hours=6)),
        (timedelta(days=3), timedelta(hours=24)),
        (timedelta(days=31), timedelta(hours=24)),
    ],
)
def test_the_reminder_comes_a_day_before_the_end_or_after_three_quarters(
    length: timedelta, before_its_end: timedelta | None
) -> None:
    expected = NOW + length - before_its_end if before_its_end else None

    assert reminder_at(NOW, NOW + length) == expected


def test_of_a_vote_that_has_not_opened_nobody_is_told(session: Session, clock: FixedClock) -> None:
    make_patrons(session, 2, clock=clock)
    make_round(session, clock=clock)

    assert (write_notices(session, now=NOW), written(session)) == (0, {})


def test_of_what_is_long_over_nobody_is_told(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    patrons = make_patrons(session, 3, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, patrons[0], "water", keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)

    assert write_notices(session, now=clock.now() + timedelta(days=3)) == 0


def test_everybody_on_the_roll_is_told_once_of_each_thing(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    patrons = make_patrons(session, 3, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    water = round_.topics[0].topic_id
    counts = [write_notices(session, now=clock.now()), write_notices(session, now=clock.now())]
    clock.instant += timedelta(days=1)
    change_id = extend(session, round_, days=1, now=clock.now())
    with transaction(session):
        reason = "The town has answered."
        session.add(TopicWithdrawal(round_id=round_.id, topic_id=water, withdrawn_at=clock.now(), reason=reason))
    counts += [write_notices(session, now=clock.now()), write_notices(session, now=clock.now())]
    clock.instant = NOW + timedelta(days=7)  # a day before its new end
    counts += [write_notices(session, now=clock.now()), write_notices(session, now=clock.now())]
    cast(session, round_, patrons[0], "port", keys=keys, clock=clock)
    publish_vote(session, queries.get_round(session, round_.id), keys=keys, clock=clock)
    counts += [write_notices(session, now=clock.now()), write_notices(session, now=clock.now())]

    assert counts == [3, 0, 6, 0, 3, 0, 3, 0]
    assert written(session) == {
        "vote_opened": ({"round_id": round_.id}, patrons),
        "vote_changed": ({"round_id": round_.id, "change_id": change_id}, patrons),
        "vote_topic_withdrawn": ({"round_id": round_.id, "topic_id": water}, patrons),
        "vote_reminder": ({"round_id": round_.id}, patrons),
        "vote_result": ({"round_id": round_.id}, patrons),
    }
    assert set(session.scalars(select(OutboxItem.member_id).distinct())) == {None}


def test_of_a_voided_vote_only_that_is_told(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    patrons = make_patrons(session, 2, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    with transaction(session):
        session.add(Voiding(round_id=round_.id, reason="A topic was invented.", after_count=False, asked_at=NOW, voided_at=NOW))

    write_notices(session, now=NOW)

    assert written(session) == {"vote_voided": ({"round_id": round_.id}, patrons)}


def test_who_hears_of_the_vote_only_after_the_reminders_time_is_not_reminded_too(
    session: Session, keys: RoundKeys, clock: FixedClock
) -> None:
    make_patrons(session, 2, clock=clock)
    open_vote(session, keys=keys, clock=clock, days=2)
    clock.instant += timedelta(hours=40)

    write_notices(session, now=clock.now())
    write_notices(session, now=clock.now() + timedelta(hours=1))

    assert list(written(session)) == ["vote_opened"]


def test_who_has_voted_makes_no_difference_to_any_row(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    patrons = make_patrons(session, 4, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    for voter in patrons[:2]:
        cast(session, round_, voter, "water", keys=keys, clock=clock)
    clock.instant += timedelta(days=6)
    write_notices(session, now=clock.now())

    items = session.scalars(select(OutboxItem)).all()
    rows = {
        tuple(value for name, value in vars(item).items() if name not in ("_sa_instance_state", "id", "key", "payload"))
        for item in items
    }

    assert sorted(item.payload["member_id"] for item in items) == patrons
    assert {tuple(sorted(item.payload)) for item in items} == {("member_id", "round_id")}
    assert len(rows) == 1


def test_nobody_is_always_among_the_first(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    patrons = make_patrons(session, 40, clock=clock)
    open_vote(session, keys=keys, clock=clock)
    write_notices(session, now=NOW)

    order = [item.payload["member_id"] for item in session.scalars(select(OutboxItem).order_by(OutboxItem.id))]

    assert sorted(order) == patrons
    assert order != patrons


def test_a_run_that_was_killed_is_finished_by_the_next_one(
    session: Session, engine: Engine, keys: RoundKeys, clock: FixedClock
) -> None:
    patrons = make_patrons(session, 10, clock=clock)
    open_vote(session, keys=keys, clock=clock)

    with pytest.raises(PowerCut), killed_at_batch(engine, 3):
        write_notices(session, now=NOW, at_once=2)
    left = session.scalar(select(func.count()).select_from(OutboxItem))
    rest = write_notices(session, now=NOW, at_once=2)

    assert (left, rest) == (4, 6)
    assert {kind: who for kind, (_about, who) in written(session).items()} == {"vote_opened": patrons}


def test_two_runners_at_once_write_each_row_once(session: Session, engine: Engine, keys: RoundKeys, clock: FixedClock) -> None:
    patrons = make_patrons(session, 30, clock=clock)
    open_vote(session, keys=keys, clock=clock)

    counts = race(engine, lambda racer: write_notices(racer, now=NOW, at_once=4), racers=4)

    assert sum(counts) == 30
    assert {kind: who for kind, (_about, who) in written(session).items()} == {"vote_opened": patrons}
    assert session.scalars(select(RoundNotice.kind)).all() == ["opened"]


def extend(session: Session, round_: Round, *, days: int, now: datetime) -> int:
    """Let the vote end so many days later; return the change's id."""
    with transaction(session):
        later = round_.closes_at + timedelta(days=days)
        change = ClosingChange(
            round_id=round_.id, changed_at=now, closed_before=round_.closes_at, closes_at=later, note="Power cuts"
        )
        session.add(change)
        session.execute(
            update(Round).where(Round.id == round_.id).values(closes_at=later).execution_options(synchronize_session=False)
        )
        session.flush()
        return change.id


def written(session: Session) -> dict[str, tuple[dict[str, int], list[int]]]:
    """The mailings in the outbox: what each is about, and the members in ascending order."""
    session.rollback()
    found: dict[str, tuple[dict[str, int], list[int]]] = {}
    for item in session.scalars(select(OutboxItem).order_by(OutboxItem.created_at)):
        about = {name: value for name, value in item.payload.items() if name != "member_id"}
        found.setdefault(item.kind, (about, []))[1].append(item.payload["member_id"])
    return {kind: (about, sorted(who)) for kind, (about, who) in found.items()}


@contextmanager
def killed_at_batch(engine: Engine, number: int) -> Iterator[None]:
    """Let the process end when it is about to write this batch of rows."""
    batches = iter(range(1, number))

    def cut(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO outbox_item") and next(batches, None) is None:
            raise PowerCut

    event.listen(engine, "before_cursor_execute", cut)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", cut)
