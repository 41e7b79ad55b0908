"""Setting up, opening, drawing the roll, closing."""

import hashlib
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.errors import Conflict, NotAllowed
from membership.page_version import page_version
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from membership.voting.roll import roll_hash
from tests.factories.voting import (
    cast_all,
    close_vote,
    make_member,
    make_patrons,
    make_round,
    make_staff,
    make_topics,
    open_vote,
    publish_vote,
)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seats": 0}, "between one and five"),
        ({"seats": 6}, "between one and five"),
        ({"topics": ("water",), "seats": 1}, "two different topics"),
        ({"topics": ("water", "water"), "seats": 1}, "two different topics"),
        ({"topics": ("water", "port"), "seats": 3}, "fewer topics"),
        ({"days": 0}, "five minutes"),
    ],
)
def test_a_vote_that_makes_no_sense_is_refused(session: Session, clock: FixedClock, wrong: dict[str, object], said: str) -> None:
    with pytest.raises(NotAllowed, match=said):
        make_round(session, clock=clock, **wrong)  # type: ignore[arg-type]

    assert session.scalar(select(func.count()).select_from(Round)) == 0


def test_a_topic_that_was_not_approved_stands_on_no_ballot(session: Session, clock: FixedClock) -> None:
    author = make_member(session, clock=clock)
    services.suggest_topic(session, title="water", why="", language="en", member_id=author, now=clock.now())

    with pytest.raises(Conflict, match="taken up or shortlisted"):
        make_round(session, clock=clock)


def test_a_topic_stands_on_one_ballot_at_a_time(session: Session, clock: FixedClock) -> None:
    make_round(session, clock=clock)

    with pytest.raises(Conflict, match="another ballot"):
        make_round(session, clock=clock, slug="april")


def test_what_was_chosen_is_not_asked_again_and_what_lost_may_be(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    cast_all(session, round_, {"water": 3, "port": 1}, keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)

    with pytest.raises(Conflict, match="chosen already"):
        make_round(session, clock=clock, slug="april", topics=("water", "port"))
    assert make_round(session, clock=clock, slug="may", topics=("schools", "port")).slug == "may"


def test_one_winner_is_counted_by_ticks_and_two_by_fair_share(session: Session, clock: FixedClock) -> None:
    one = make_round(session, clock=clock, slug="one", topics=("a", "b"), seats=1)
    two = make_round(session, clock=clock, slug="two", topics=("c", "d"), seats=2)

    assert (one.rule, two.rule) == ("plain", "fair_share")


def test_a_vote_can_be_taken_back_before_it_opens_and_not_after(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    editor = make_staff(session, clock=clock, role="editor")
    mistake = make_round(session, clock=clock)
    services.drop_round(session, round_id=mistake.id, actor_id=editor, now=clock.now())
    opened = open_vote(session, keys=keys, clock=clock)

    with pytest.raises(Conflict, match="has opened"):
        services.drop_round(session, round_id=opened.id, actor_id=editor, now=clock.now())
    assert [round_.id for round_ in queries.all_rounds(session)] == [opened.id]


def test_opening_commits_to_a_seed_keeps_a_key_and_draws_the_roll(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patrons = make_patrons(session, 3, clock=clock)
    make_member(session, clock=clock)
    before = page_version(session)

    round_ = open_vote(session, keys=keys, clock=clock)

    assert round_.opening is not None
    assert round_.opening.seed_sha256 == hashlib.sha256(round_.opening.seed).hexdigest()
    assert (keys.exists(round_.id), queries.roll_of(session, round_.id)) == (True, patrons)
    assert (queries.round_state(round_, clock.now()), page_version(session)) == ("open", before + 1)
    acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    assert acts == ["round.created", "round.opened"]


def test_a_vote_opens_once(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    key = keys.read(round_.id)

    with pytest.raises(Conflict, match="open already"):
        services.open_round(session, round_id=round_.id, keys=keys, actor_id=None, clock=clock)
    assert keys.read(round_.id) == key


def test_a_vote_whose_end_has_passed_can_not_be_opened(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = make_round(session, clock=clock)
    clock.instant = round_.closes_at

    with pytest.raises(Conflict, match="has passed"):
        services.open_round(session, round_id=round_.id, keys=keys, actor_id=None, clock=clock)
    assert keys.exists(round_.id) is False


def test_the_job_opens_what_is_due_and_nothing_before(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = make_round(session, clock=clock)
    early = round_.opens_at - timedelta(seconds=1)

    assert services.open_due_rounds(session, keys=keys, clock=FixedClock(early)) == 0
    assert services.open_due_rounds(session, keys=keys, clock=FixedClock(round_.opens_at)) == 1
    assert services.open_due_rounds(session, keys=keys, clock=FixedClock(round_.opens_at)) == 0


def test_staff_are_never_on_the_roll(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    make_staff(session, clock=clock)
    patrons = make_patrons(session, 2, clock=clock)

    assert queries.roll_of(session, open_vote(session, keys=keys, clock=clock).id) == patrons


def test_whoever_becomes_a_patron_while_it_is_open_joins_the_roll_and_nobody_leaves_it(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    [early] = make_patrons(session, 1, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    [late] = make_patrons(session, 1, clock=clock)

    assert services.draw_rolls(session, now=clock.now()) == 1
    assert services.draw_rolls(session, now=clock.now()) == 0
    assert queries.roll_of(session, round_.id) == [early, late]


def test_nobody_joins_the_roll_after_the_close(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    close_vote(session, round_, clock=clock)
    make_patrons(session, 1, clock=clock)

    assert services.draw_roll(session, round_id=round_.id, now=clock.now()) == 0
    assert queries.roll_of(session, round_.id) == []


def test_closing_early_takes_a_person_and_a_public_note(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    editor = make_staff(session, clock=clock, role="editor")

    for actor, note in ((None, "a note"), (editor, "  ")):
        with pytest.raises(NotAllowed, match="note that everybody can read"):
            services.close_round(session, round_id=round_.id, note=note, actor_id=actor, clock=clock)
    services.close_round(session, round_id=round_.id, note="The mayor resigned.", actor_id=editor, clock=clock)

    closing = queries.get_round(session, round_.id).closing
    assert closing is not None
    assert (closing.closed_at, closing.closed_by_id, closing.note) == (clock.now(), editor, "The mayor resigned.")


def test_a_vote_closes_once_and_for_good(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = close_vote(session, open_vote(session, keys=keys, clock=clock), clock=clock)

    with pytest.raises(Conflict, match="not open"):
        services.close_round(session, round_id=round_.id, note="again", actor_id=None, clock=clock)


def test_a_vote_that_never_opened_can_not_be_closed(session: Session, clock: FixedClock) -> None:
    round_ = make_round(session, clock=clock)

    with pytest.raises(Conflict, match="not open"):
        services.close_round(session, round_id=round_.id, actor_id=None, clock=FixedClock(round_.closes_at))


def test_a_late_job_closes_at_the_time_announced_and_fixes_the_roll(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patrons = make_patrons(session, 2, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)

    closed = services.close_due_rounds(session, clock=FixedClock(round_.closes_at + timedelta(minutes=9)))

    closing = queries.get_round(session, round_.id).closing
    assert closing is not None
    assert (closed, closing.closed_at, closing.closed_by_id) == (1, round_.closes_at, None)
    assert closing.roll_sha256 == roll_hash("march", patrons)


def test_votes_are_named_and_found(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    later = open_vote(session, keys=keys, clock=clock, slug="later", topics=("a", "b"), days=9)
    sooner = open_vote(session, keys=keys, clock=clock, slug="sooner", topics=("c", "d"), days=3)

    assert [r.id for r in queries.open_rounds(session, at=clock.now())] == [sooner.id, later.id]
    assert queries.find_open_round(session, at=clock.now()) == sooner
    assert queries.find_open_round(session, at=later.closes_at) is None


def test_an_address_is_made_of_the_name_and_stays_unique(session: Session, clock: FixedClock) -> None:
    names = [("The March vote", "a", "b"), ("The March vote", "c", "d"), ("Березневе голосування", "e", "f"), ("???", "g", "h")]
    made = [
        services.create_round(
            session,
            name=name,
            topic_ids=make_topics(session, topics, clock=clock),
            seats=1,
            opens_at=clock.now(),
            closes_at=clock.now() + timedelta(days=1),
            actor_id=None,
            now=clock.now(),
        )
        for name, *topics in names
    ]

    assert [queries.get_round(session, round_id).slug for round_id in made] == [
        "the-march-vote",
        "the-march-vote-2",
        "berezneve-holosuvannia",
        "vote",
    ]


class DatabaseAhead(FixedClock):
    """A host whose clock is two minutes behind the database's; it says which use case asked."""

    asked_while_locked = 0

    def now_in(self, session: Session) -> datetime:
        self.asked_while_locked += bool(session.info.get("in_use_case"))
        return self.instant + timedelta(minutes=2)


def test_a_vote_opens_and_closes_at_the_databases_instant_once_its_row_is_locked(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, behind = make_round(session, clock=clock), DatabaseAhead(clock.now())
    editor = make_staff(session, clock=clock, role="editor")

    services.open_round(session, round_id=round_.id, keys=keys, actor_id=editor, clock=behind)
    services.close_round(session, round_id=round_.id, note="The mayor resigned.", actor_id=editor, clock=behind)

    done = queries.get_round(session, round_.id)
    assert done.opening
    assert done.closing
    assert (done.opening.opened_at, done.closing.closed_at) == (behind.now_in(session), behind.now_in(session))
    assert behind.asked_while_locked == 2


def test_what_is_due_is_asked_of_the_databases_clock_too(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = make_round(session, clock=clock)

    opened = services.open_due_rounds(session, keys=keys, clock=DatabaseAhead(round_.opens_at - timedelta(minutes=1)))
    closed = services.close_due_rounds(session, clock=DatabaseAhead(round_.closes_at - timedelta(minutes=1)))

    assert (opened, closed) == (1, 1)
