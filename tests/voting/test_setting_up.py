"""Setting up a vote: drafts, changes, announcing it, taking it back; what makes no sense or has opened is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.db import transaction
from membership.errors import Conflict, NotAllowed
from membership.voting import board, queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Round, Topic
from tests.factories.voting import cast_all, make_member, make_round, make_staff, make_topics, open_vote, publish_vote
from tests.voting.test_races import at_once


def settings_of(session: Session, clock: FixedClock, *slugs: str, **changes: Any) -> dict[str, Any]:
    """The settings of a vote that begins now and lasts a day."""
    times = {"opens_at": clock.now(), "closes_at": clock.now() + timedelta(days=1)}
    return {"name": "The April vote", "topic_ids": make_topics(session, slugs, clock=clock), "seats": 1} | times | changes


def draft_of(session: Session, clock: FixedClock, *slugs: str, **changes: Any) -> Round:
    settings = settings_of(session, clock, *slugs, **changes)
    round_id = services.create_round(session, actor_id=None, now=clock.now(), draft=True, **settings)
    return queries.get_round(session, round_id)


def titles_of(session: Session, round_: Round) -> list[str]:
    return [entry.topic.slug for entry in queries.get_round(session, round_.id).topics]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seats": 0}, "between one and five"),
        ({"seats": 6}, "between one and five"),
        ({"topics": ("water",), "seats": 1}, "two different topics"),
        ({"topics": ("water", "water"), "seats": 1}, "two different topics"),
        ({"topics": ("water", "port"), "seats": 3}, "fewer topics"),
        ({"days": 0}, "five minutes"),
        ({"days": 400}, "a year at most"),
    ],
)
def test_a_vote_that_makes_no_sense_is_refused(session: Session, clock: FixedClock, wrong: dict[str, object], said: str) -> None:
    with pytest.raises(NotAllowed, match=said):
        make_round(session, clock=clock, **wrong)  # type: ignore[arg-type]

    assert session.scalar(select(func.count()).select_from(Round)) == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"preset": "quick", "topic_ids": []}, "two different topics"),
        ({"preset": "quick", "seats": 2}, "promises one story"),
        ({"preset": "yearly"}, "which kind of vote"),
        ({"electorate": "everybody"}, "who can vote"),
        ({"max_ticks": 0}, "one and ten"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    session: Session, clock: FixedClock, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(NotAllowed, match=said):
        draft_of(session, clock, "water", "port", "roads", **wrong)


def test_a_topic_that_was_not_approved_stands_on_no_ballot(session: Session, clock: FixedClock) -> None:
    author = make_member(session, clock=clock)
    settings = settings_of(session, clock, "water", "port")
    services.suggest_topic(session, title="About roads and bridges", why="", language="en", member_id=author, now=clock.now())
    suggested = session.scalars(select(Topic.id).where(Topic.state == "suggested")).one()

    with pytest.raises(Conflict, match="taken up or shortlisted"):
        services.create_round(
            session, actor_id=None, now=clock.now(), **settings | {"topic_ids": [*settings["topic_ids"], suggested]}
        )


def test_a_topic_stands_on_one_ballot_at_a_time_drafts_included(session: Session, clock: FixedClock) -> None:
    draft = draft_of(session, clock, "water", "schools", "port")

    with pytest.raises(Conflict, match="another ballot"):
        make_round(session, clock=clock, slug="april")
    assert board.usable_topics(session) == []
    assert [topic.slug for topic in board.usable_topics(session, round_id=draft.id)] == ["port", "schools", "water"]


def test_what_was_chosen_is_not_asked_again_and_what_lost_may_be(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    cast_all(session, round_, {"water": 3, "port": 1}, keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)

    with pytest.raises(Conflict, match="chosen already"):
        make_round(session, clock=clock, slug="april", topics=("water", "port"))
    assert make_round(session, clock=clock, slug="may", topics=("schools", "port")).slug == "may"


def test_one_winner_is_counted_by_ticks_and_two_by_fair_share_unless_said(session: Session, clock: FixedClock) -> None:
    one = make_round(session, clock=clock, slug="one", topics=("a", "b"), seats=1)
    two = make_round(session, clock=clock, slug="two", topics=("c", "d"), seats=2)
    plain = draft_of(session, clock, "e", "f", seats=2, rule="plain")

    assert (one.rule, two.rule, plain.rule) == ("plain", "fair_share", "plain")


def test_a_draft_never_opens_by_itself_nor_by_hand_until_it_is_announced(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    draft, editor = draft_of(session, clock, "water", "port"), make_staff(session, clock=clock, role="editor")
    assert queries.round_state(draft, clock.now()) == "draft"

    assert services.open_due_rounds(session, keys=keys, clock=clock) == 0
    with pytest.raises(Conflict, match="is a draft"):
        services.open_round(session, round_id=draft.id, keys=keys, actor_id=editor, clock=clock)

    services.schedule_round(session, round_id=draft.id, actor_id=editor, now=clock.now())
    with pytest.raises(Conflict, match="scheduled already"):
        services.schedule_round(session, round_id=draft.id, actor_id=editor, now=clock.now())
    services.unschedule_round(session, round_id=draft.id, actor_id=editor, now=clock.now())
    assert services.open_due_rounds(session, keys=keys, clock=clock) == 0
    services.schedule_round(session, round_id=draft.id, actor_id=editor, now=clock.now())
    assert services.open_due_rounds(session, keys=keys, clock=clock) == 1
    acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    assert acts == ["round.created", "round.scheduled", "round.unscheduled", "round.scheduled", "round.opened"]


def test_a_draft_whose_time_has_passed_is_not_announced(session: Session, clock: FixedClock) -> None:
    draft, editor = draft_of(session, clock, "water", "port"), make_staff(session, clock=clock, role="editor")

    with pytest.raises(NotAllowed, match="time is over"):
        services.schedule_round(session, round_id=draft.id, actor_id=editor, now=draft.closes_at - timedelta(minutes=4))


def test_a_draft_whose_topic_was_declined_since_is_not_announced(session: Session, clock: FixedClock) -> None:
    draft, editor = draft_of(session, clock, "water", "port"), make_staff(session, clock=clock, role="editor")
    decline(session, "port")

    with pytest.raises(Conflict, match="taken up or shortlisted"):
        services.schedule_round(session, round_id=draft.id, actor_id=editor, now=clock.now())


def decline(session: Session, slug: str) -> None:
    with transaction(session):
        session.execute(update(Topic).where(Topic.slug == slug).values(state="declined", declined_reason="Done by others."))


def test_everything_of_a_vote_that_has_not_opened_can_be_changed_but_its_address(session: Session, clock: FixedClock) -> None:
    draft, editor = draft_of(session, clock, "water", "port"), make_staff(session, clock=clock, role="editor")
    changed = {
        "name": "The May vote",
        "name_uk": "Травневе голосування",
        "seats": 2,
        "max_ticks": 2,
        "electorate": "at_opening",
        "settling_hours": 24,
        "embargo_hours": 0,
        "opens_at": clock.now() + timedelta(days=2),
        "closes_at": clock.now() + timedelta(days=9),
    }

    topic_ids = make_topics(session, ["port", "roads", "water"], clock=clock)
    services.edit_round(session, round_id=draft.id, actor_id=editor, now=clock.now(), topic_ids=topic_ids, **changed)

    found = queries.get_round(session, draft.id)
    assert {name: getattr(found, name) for name in changed} == changed
    assert (found.slug, found.rule, titles_of(session, found)) == ("the-april-vote", "fair_share", ["port", "roads", "water"])


def test_a_vote_can_be_taken_back_or_changed_before_it_opens_and_not_after(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    editor = make_staff(session, clock=clock, role="editor")
    mistake = make_round(session, clock=clock)
    services.drop_round(session, round_id=mistake.id, actor_id=editor, now=clock.now())
    opened = open_vote(session, keys=keys, clock=clock)
    settings = settings_of(session, clock, "water", "port")

    act = {"round_id": opened.id, "actor_id": editor, "now": clock.now()}
    for refused in (services.drop_round, services.unschedule_round, services.schedule_round):
        with pytest.raises(Conflict, match="has opened"):
            refused(session, **act)
    with pytest.raises(Conflict, match="has opened"):
        services.edit_round(session, **act, **settings)
    assert [round_.id for round_ in queries.all_rounds(session)] == [opened.id]
    assert titles_of(session, opened) == ["water", "schools", "port"]


def test_an_address_is_made_of_the_name_and_stays_unique(session: Session, clock: FixedClock) -> None:
    names = [("The March vote", "a", "b"), ("The March vote", "c", "d"), ("Березневе голосування", "e", "f"), ("New", "g", "h")]
    made = [draft_of(session, clock, *topics, name=name) for name, *topics in names]

    assert [round_.slug for round_ in made] == ["the-march-vote", "the-march-vote-2", "berezneve-holosuvannia", "new-2"]


def test_a_vote_that_was_voided_is_nobodys_first(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, editor = open_vote(session, keys=keys, clock=clock), make_staff(session, clock=clock, role="editor")
    assert queries.has_opened_a_round(session) is True

    services.void_round(session, round_id=round_.id, reason="The topics were wrong.", actor_id=editor, clock=clock)

    assert queries.has_opened_a_round(session) is False


def test_two_editors_who_put_the_same_topic_on_a_ballot_at_once_get_one_vote(
    session: Session, engine: Engine, clock: FixedClock
) -> None:
    first, second = (settings_of(session, clock, *slugs) for slugs in (("water", "port"), ("roads", "water")))
    session.commit()

    def set_up(settings: dict[str, Any], slug: str) -> Callable[[Session], str]:
        def create(own: Session) -> str:
            try:
                services.create_round(own, actor_id=None, now=clock.now(), slug=slug, **settings)
            except Conflict:
                return "refused"
            return "set up"

        return create

    assert sorted(at_once([set_up(first, "one"), set_up(second, "two")], engine)) == ["refused", "set up"]
    assert len(queries.all_rounds(session)) == 1


def test_a_vote_of_a_usual_kind_is_held_to_it(session: Session, clock: FixedClock) -> None:
    with pytest.raises(NotAllowed, match="24 hours"):
        draft_of(session, clock, "a", "b", "c", preset="quick", closes_at=clock.now() + timedelta(hours=25))

    assert draft_of(session, clock, "a", "b", "c", preset="quick").preset == "quick"
