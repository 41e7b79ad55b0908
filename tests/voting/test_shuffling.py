"""Ballots are rewritten under new ids and in another order, and nothing else about them changes."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Ballot, BallotShuffle, Round
from membership.voting.receipts import voter_tag
from tests.factories.voting import cast, cast_all, certify_vote, close_vote, make_patrons, open_vote, topic_ids
from tests.locking import ON_POSTGRESQL, meet
from tests.voting.test_races import at_once, ballots_by_tag

HOUR = timedelta(hours=1)


def sealed(session: Session, round_: Round, voters: list[int], keys: RoundKeys) -> list[frozenset[int]]:
    """What each voter finds on their own ballot."""
    key = keys.read(round_.id)
    session.commit()
    return [queries.ballot_of(session, round_id=round_.id, tag=voter_tag(key, voter)) for voter in voters]


def ids_of(session: Session) -> dict[bytes, object]:
    return {row.voter_tag: row.id for row in session.execute(select(Ballot.voter_tag, Ballot.id))}


def test_every_ballot_stays_its_voters_and_gets_a_new_id(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    other = open_vote(session, keys=keys, clock=clock, slug="april", topics=("a", "b"))
    voters = cast_all(session, round_, {"water": 3, "schools,port": 2, "port": 1}, keys=keys, clock=clock)
    cast(session, other, voters[0], "a", keys=keys, clock=clock)
    before, ids = sealed(session, round_, voters, keys), ids_of(session)

    services.shuffle_ballots(session, round_id=round_.id, clock=clock)

    new = ids_of(session)
    kept = voter_tag(keys.read(other.id), voters[0])
    assert sealed(session, round_, voters, keys) == before
    assert {tag for tag in ids if new[tag] == ids[tag]} == {kept}
    assert set(new) == set(ids)
    assert session.scalar(select(BallotShuffle.shuffled_at).where(BallotShuffle.round_id == round_.id)) == clock.now()


def test_a_vote_is_shuffled_each_hour_and_once_after_its_close(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 2}, keys=keys, clock=clock)

    def after(minutes: int) -> int:
        clock.instant += timedelta(minutes=minutes)
        return services.shuffle_due(session, clock=clock)

    assert [after(59), after(1), after(1), after(59)] == [0, 1, 0, 1]
    close_vote(session, round_, clock=clock)
    assert [after(0), after(600)] == [1, 0]
    certify_vote(session, round_, keys=keys, clock=clock)
    assert after(600) == 0


def test_shuffling_writes_nothing_that_names_a_member(session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 2}, keys=keys, clock=clock)
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: said.append(" ".join(args[2].split())))

    services.shuffle_ballots(session, round_id=round_.id, clock=clock)

    written = {statement.split()[2] for statement in said if statement.startswith(("INSERT", "DELETE"))}
    assert written == {"ballot", "ballot_choice", "ballot_shuffle"}
    assert not any("member" in statement or "roll_entry" in statement for statement in said)


@ON_POSTGRESQL
def test_afterwards_all_ballots_are_of_one_transaction_and_stand_in_no_order_of_arrival(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    """200 ballots in 200 transactions: what tells when each came is gone, and the heap's order too."""
    round_ = open_vote(session, keys=keys, clock=clock)
    voters = cast_all(session, round_, {"water": 1}, keys=keys, clock=clock) * 60
    key = keys.read(round_.id)
    tags = [voter_tag(key, 10_000 + number) for number in range(len(voters))]
    ticked = frozenset({round_.topics[0].topic_id})
    for tag in tags:
        services.cast_ballot(session, round_id=round_.id, tag=tag, topics=ticked, clock=clock)

    services.shuffle_ballots(session, round_id=round_.id, clock=clock)

    rows = session.execute(text("SELECT voter_tag, xmin::text AS xid FROM ballot ORDER BY ctid")).all()
    order = [tags.index(bytes(row.voter_tag)) for row in rows if bytes(row.voter_tag) in tags]
    in_order = sum(order[at] < order[at + 1] for at in range(len(order) - 1))
    assert len({row.xid for row in rows}) == 1
    assert 10 < in_order < 49  # of 59 neighbours; about half by chance


def test_who_votes_while_ballots_are_rewritten_is_neither_lost_nor_doubled(
    session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys
) -> None:
    patrons = make_patrons(session, 8, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    tags = [voter_tag(keys.read(round_.id), patron) for patron in patrons]
    first, changed = topic_ids(session, "water,port"), topic_ids(session, "schools")
    session.commit()

    def voter(tag: bytes) -> Callable[[Session], str]:
        def vote(own: Session) -> str:
            for ticked in (first, changed):
                services.cast_ballot(own, round_id=round_.id, tag=tag, topics=ticked, clock=clock)
            return "counted"

        return vote

    def shuffle(own: Session) -> str:
        for _ in range(3):
            services.shuffle_ballots(own, round_id=round_.id, clock=clock)
        return "shuffled"

    at_once([*(voter(tag) for tag in tags), shuffle], engine)

    assert ballots_by_tag(session) == {tag: set(changed) for tag in tags}
    assert queries.count_ballots(session, round_.id) == len(tags)


@ON_POSTGRESQL
def test_ballots_are_rewritten_only_after_whoever_is_just_changing_theirs(
    session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys
) -> None:
    (patron,) = make_patrons(session, 1, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    vote = {"round_id": round_.id, "tag": voter_tag(keys.read(round_.id), patron), "clock": clock}
    first, changed = topic_ids(session, "water,port"), topic_ids(session, "schools")
    services.cast_ballot(session, topics=first, **vote)

    changes, rewrites = meet(
        engine,
        "SELECT FROM ballot WHERE voter_tag = :tag FOR UPDATE",
        {"tag": vote["tag"]},
        lambda own: services.cast_ballot(own, topics=changed, **vote),
        lambda own: services.shuffle_ballots(own, round_id=round_.id, clock=clock),
    )

    assert (changes.result(), rewrites.result()) == (None, None)
    assert ballots_by_tag(session) == {vote["tag"]: set(changed)}
