"""Sending, changing and taking back a ballot; what the database alone makes impossible."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.errors import NotFound
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Ballot, BallotChoice, Round
from membership.voting.receipts import voter_tag
from membership.voting.refusals import NoTicks, NotOpenYet, RoundClosed, TooManyTicks, UnknownTopic, WithdrawnTopic
from tests.factories.voting import cast, close_vote, make_patron, make_round, make_staff, open_vote, topic_ids


def slugs_of(session: Session, round_: Round, member_id: int, keys: RoundKeys) -> set[str]:
    ticked = queries.ballot_of(session, round_id=round_.id, tag=voter_tag(keys.read(round_.id), member_id))
    return {entry.topic.slug for entry in round_.topics if entry.topic_id in ticked}


def test_no_ballot_goes_to_a_vote_that_does_not_exist(session: Session, clock: FixedClock) -> None:
    with pytest.raises(NotFound):
        services.cast_ballot(session, round_id=404, tag=b"tag", topics=frozenset({1}), clock=clock)


def test_no_ballot_is_taken_before_the_opening(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = make_round(session, clock=clock)

    with pytest.raises(NotOpenYet):
        services.cast_ballot(session, round_id=round_.id, tag=b"tag", topics=topic_ids(session, "water"), clock=clock)


@pytest.mark.parametrize(
    ("slugs", "refusal"), [("", NoTicks), ("water,schools,port,roads", TooManyTicks), ("water,elsewhere", UnknownTopic)]
)
def test_a_wrong_ballot_is_refused_and_the_earlier_one_stays(
    session: Session, clock: FixedClock, keys: RoundKeys, slugs: str, refusal: type[Exception]
) -> None:
    patron = make_patron(session, clock=clock)
    make_round(session, clock=clock, slug="other", topics=("elsewhere", "nowhere"))
    round_ = open_vote(session, keys=keys, clock=clock, topics=("water", "schools", "port", "roads"))
    cast(session, round_, patron, "water", keys=keys, clock=clock)

    with pytest.raises(refusal):
        cast(session, round_, patron, slugs, keys=keys, clock=clock)

    assert slugs_of(session, round_, patron, keys) == {"water"}


def test_a_topic_taken_off_the_ballot_is_not_ticked_any_more_and_earlier_ballots_stand(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    earlier, later = make_patron(session, clock=clock), make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, earlier, "water", keys=keys, clock=clock)
    editor, [water] = make_staff(session, clock=clock, role="editor"), topic_ids(session, "water")
    services.withdraw_topic(session, round_id=round_.id, topic_id=water, reason="It is out", actor_id=editor, clock=clock)

    with pytest.raises(WithdrawnTopic):
        cast(session, round_, later, "water,port", keys=keys, clock=clock)

    assert (slugs_of(session, round_, earlier, keys), slugs_of(session, round_, later, keys)) == ({"water"}, set())


def test_a_late_ballot_is_refused_even_while_the_closing_job_is_late_and_is_told_how_late(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    clock.instant = round_.closes_at + timedelta(seconds=2)

    with pytest.raises(RoundClosed) as refused:
        cast(session, round_, patron, "water", keys=keys, clock=clock)

    assert (refused.value.closed_at, refused.value.received_at) == (round_.closes_at, clock.instant)
    assert queries.count_ballots(session, round_.id) == 0


def test_after_an_early_close_nothing_is_taken_nor_taken_back(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, patron, "water", keys=keys, clock=clock)
    editor = make_staff(session, clock=clock, role="editor")
    services.close_round(session, round_id=round_.id, note="Enough", actor_id=editor, clock=clock)

    with pytest.raises(RoundClosed):
        cast(session, round_, patron, "port", keys=keys, clock=clock)
    with pytest.raises(RoundClosed):
        services.withdraw_ballot(session, round_id=round_.id, tag=voter_tag(keys.read(round_.id), patron), clock=clock)
    assert slugs_of(session, round_, patron, keys) == {"water"}


def test_a_second_ballot_replaces_the_first_as_a_whole(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron, other = make_patron(session, clock=clock), make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, other, "water,schools", keys=keys, clock=clock)

    cast(session, round_, patron, "water,schools", keys=keys, clock=clock)
    cast(session, round_, patron, "port", keys=keys, clock=clock)

    assert slugs_of(session, round_, patron, keys) == {"port"}
    assert slugs_of(session, round_, other, keys) == {"water", "schools"}
    assert (queries.count_ballots(session, round_.id), session.scalar(select(func.count()).select_from(BallotChoice))) == (2, 3)


def test_a_ballot_taken_back_leaves_nothing_and_can_be_sent_again(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    tag = voter_tag(keys.read(round_.id), patron)
    cast(session, round_, patron, "water", keys=keys, clock=clock)

    services.withdraw_ballot(session, round_id=round_.id, tag=tag, clock=clock)
    services.withdraw_ballot(session, round_id=round_.id, tag=tag, clock=clock)

    assert (queries.has_voted(session, round_, patron, keys), queries.count_ballots(session, round_.id)) == (False, 0)
    cast(session, round_, patron, "port", keys=keys, clock=clock)
    assert queries.has_voted(session, round_, patron, keys) is True


def test_the_database_alone_refuses_a_second_ballot_of_the_same_voter(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)

    with pytest.raises(IntegrityError), transaction(session):
        session.execute(
            insert(Ballot),
            [{"id": uuid4(), "round_id": round_.id, "voter_tag": b"t"}, {"id": uuid4(), "round_id": round_.id, "voter_tag": b"t"}],
        )


def test_the_database_alone_refuses_another_rounds_topic(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    other = make_round(session, clock=clock, slug="other", topics=("elsewhere", "nowhere"))
    elsewhere = other.topics[0].topic_id
    ballot_id = uuid4()

    for named in (round_.id, other.id):
        with pytest.raises(IntegrityError), transaction(session):
            session.execute(insert(Ballot).values(id=ballot_id, round_id=round_.id, voter_tag=bytes(32)))
            session.execute(insert(BallotChoice).values(ballot_id=ballot_id, round_id=named, topic_id=elsewhere))


def test_a_ballots_transaction_writes_and_locks_nothing_that_names_a_member(
    session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys
) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: said.append(" ".join(args[2].split())))

    cast(session, round_, patron, "water", keys=keys, clock=clock)
    cast(session, round_, patron, "port,water", keys=keys, clock=clock)
    services.withdraw_ballot(session, round_id=round_.id, tag=voter_tag(keys.read(round_.id), patron), clock=clock)

    written = {statement.split()[2] for statement in said if statement.startswith(("INSERT", "DELETE"))}
    locking = {statement.split("FOR ")[0].split("FROM ")[1].split()[0] for statement in said if " FOR " in statement}
    assert written == {"ballot", "ballot_choice"}
    assert locking <= {"round"}
    assert not any(statement.startswith(("UPDATE", "MERGE")) for statement in said)
    assert not any("member" in statement or "roll_entry" in statement for statement in said)


def test_turnout_is_rounded_down_while_open_and_exact_after(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patrons = [make_patron(session, clock=clock) for _ in range(13)]
    round_ = open_vote(session, keys=keys, clock=clock)
    for patron in patrons[:12]:
        cast(session, round_, patron, "water", keys=keys, clock=clock)

    assert queries.turnout(session, round_, at=clock.now()) == queries.Turnout(10, 13, is_rounded=True)
    closed = close_vote(session, round_, clock=clock)
    assert queries.turnout(session, closed, at=clock.now()) == queries.Turnout(12, 13, is_rounded=False)
