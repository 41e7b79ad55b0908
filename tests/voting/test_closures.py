"""Who deletes their account takes their ballot with them while the vote is open; afterwards nothing is taken back."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from membership.accounts import services as accounts
from membership.accounts.models import AccountClosure, ClosurePart, Member
from membership.clock import FixedClock
from membership.credits.closures import forget_closed
from membership.credits.drawing import draw_awards
from membership.credits.models import Award
from membership.db import transaction
from membership.voting import queries, services
from membership.voting.keys import KeyUnreadable, RoundKeys
from membership.voting.models import Ballot, Participation, RollEntry, Topic, TopicSupport
from tests.factories.voting import cast, certify_vote, close_vote, make_patron, make_topics, open_vote, publish_vote

MINUTE = timedelta(minutes=1)


def shut(session: Session, member_id: int, clock: FixedClock) -> None:
    """Bring the account as far as Stripe has let go of it."""
    accounts.ask_closure(session, member_id=member_id, now=clock.now())
    with transaction(session):
        found = session.scalars(select(AccountClosure).where(AccountClosure.member_id == member_id)).one()
        found.begun_at = found.confirmed_at = clock.now()
    accounts.shut_accounts(session, now=clock.now())


def withdraw(session: Session, keys: RoundKeys, clock: FixedClock) -> int:
    return services.withdraw_closed(session, keys=keys, clock=clock)


def parts(session: Session) -> list[str]:
    return list(session.scalars(select(ClosurePart.part)))


def test_ballots_in_every_open_vote_are_taken_back_and_nobody_elses(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    leaving, staying = make_patron(session, clock=clock), make_patron(session, clock=clock)
    rounds = [open_vote(session, keys=keys, clock=clock, slug=slug, topics=(f"{slug}a", f"{slug}b")) for slug in ("march", "april")]
    for round_ in rounds:
        for voter in (leaving, staying):
            cast(session, round_, voter, f"{round_.slug}a", keys=keys, clock=clock)
    shut(session, leaving, clock)
    clock.instant += MINUTE

    assert (withdraw(session, keys, clock), withdraw(session, keys, clock)) == (1, 0)
    voted = {voter: [queries.has_voted(session, round_, voter, keys) for round_ in rounds] for voter in (leaving, staying)}
    assert voted == {leaving: [False, False], staying: [True, True]}
    assert sorted(session.scalars(select(RollEntry.member_id))) == [leaving, leaving, staying, staying]
    assert parts(session) == ["ballots"]


def test_a_ballot_that_comes_in_while_the_account_is_shut_is_taken_back_too(
    session: Session, keys: RoundKeys, clock: FixedClock
) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    shut(session, patron, clock)
    assert (withdraw(session, keys, clock), parts(session)) == (0, [])
    cast(session, round_, patron, "water", keys=keys, clock=clock)  # by a request that had begun before
    clock.instant += MINUTE

    assert (withdraw(session, keys, clock), queries.count_ballots(session, round_.id)) == (1, 0)


def test_after_the_close_it_stays_and_counts(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, patron, "water", keys=keys, clock=clock)
    close_vote(session, round_, clock=clock)
    shut(session, patron, clock)
    clock.instant += MINUTE
    assert (withdraw(session, keys, clock), queries.count_ballots(session, round_.id)) == (1, 1)

    certify_vote(session, round_, keys=keys, clock=clock)

    assert session.scalars(select(Participation.counted)).all() == [True]


def test_a_key_that_cannot_be_read_just_now_is_waited_for(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    shut(session, patron, clock)
    clock.instant += MINUTE
    path = keys.directory / f"round-{round_.id}.key"
    kept = path.read_bytes()
    path.unlink()
    path.mkdir()

    with pytest.raises(KeyUnreadable):
        withdraw(session, keys, clock)
    assert parts(session) == []
    path.rmdir()
    path.write_bytes(kept)
    assert withdraw(session, keys, clock) == 1


def test_with_the_key_lost_every_ballot_stays_and_the_account_goes_all_the_same(
    session: Session, keys: RoundKeys, clock: FixedClock
) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, patron, "water", keys=keys, clock=clock)
    keys.destroy(round_.id)
    shut(session, patron, clock)
    clock.instant += MINUTE

    assert (withdraw(session, keys, clock), queries.count_ballots(session, round_.id)) == (1, 1)


def test_no_transaction_that_takes_a_ballot_back_writes_anything_that_names_a_member(
    session: Session, keys: RoundKeys, clock: FixedClock
) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, patron, "water", keys=keys, clock=clock)
    shut(session, patron, clock)
    clock.instant += MINUTE
    written: list[list[str]] = [[]]

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.split()[0] in ("INSERT", "UPDATE", "DELETE") or "FOR " in statement:
            written[-1].append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", lambda _connection: written.append([]))
    withdraw(session, keys, clock)
    event.remove(engine, "before_cursor_execute", note)

    ballots = [statements for statements in written if any(Ballot.__tablename__ in each for each in statements)]
    assert [len([each for each in statements if "member" in each or "closure" in each]) for statements in ballots] == [0]


def test_suggestions_stay_and_are_nobodys_and_marks_go(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    patron, other = make_patron(session, clock=clock), make_patron(session, clock=clock)
    words = {"title": "Who pays for water?", "why": "", "language": "en", "suggested_as": "Olena"}
    services.suggest_topic(session, **words, member_id=patron, now=clock.now())
    [port] = make_topics(session, ["port"], clock=clock)
    for supporter in (patron, other):
        services.support_topic(session, topic_id=port, member_id=supporter)
    shut(session, patron, clock)
    clock.instant += MINUTE
    withdraw(session, keys, clock)

    kept = session.execute(select(Topic.title, Topic.suggested_by_id, Topic.suggested_as).order_by(Topic.id))
    assert [tuple(row) for row in kept] == [("Who pays for water?", None, ""), ("About port", None, "")]
    assert [tuple(row) for row in session.execute(select(TopicSupport.topic_id, TopicSupport.member_id))] == [(port, other)]


def test_badges_go_and_do_not_come_again(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, patron, "water", keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)
    assert draw_awards(session, now=clock.now()) == 1
    shut(session, patron, clock)

    assert (forget_closed(session, now=clock.now()), forget_closed(session, now=clock.now())) == (1, 0)
    assert (draw_awards(session, now=clock.now()), session.scalars(select(Award.id)).all(), parts(session)) == (0, [], ["credits"])
    assert session.scalars(select(Member.closed_at).where(Member.id == patron)).one() is not None
