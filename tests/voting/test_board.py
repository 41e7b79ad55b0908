"""The topic board: states, search, sorting, paging, and what it costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Engine, event, insert, select
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.voting import services
from membership.voting.board import board, lines_of, usable_topics, waiting_suggestions
from membership.voting.keys import RoundKeys
from membership.voting.models import Topic, TopicSupport
from tests.conftest import NOW
from tests.factories.voting import (
    cast_all,
    make_patron,
    make_round,
    make_staff,
    make_supporters,
    make_topics,
    open_vote,
    publish_vote,
    suggest,
)


def states(session: Session, **asked: object) -> dict[str, str]:
    return {line.topic.slug: line.state for line in board(session, **asked).lines}  # type: ignore[arg-type]


def slugs(session: Session, **asked: object) -> list[str]:
    return list(states(session, **asked))


@contextmanager
def counted_statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_suggestion_is_seen_by_its_author_and_staff_alone_until_it_is_answered(session: Session, clock: FixedClock) -> None:
    author, other = make_patron(session, clock=clock), make_patron(session, clock=clock)
    topic_id = suggest(session, author, clock=clock)
    make_topics(session, ["water"], clock=clock)
    with transaction(session):  # of somebody whose account is deleted
        session.add(Topic(slug="gone", title="Gone", state="suggested", created_at=NOW - timedelta(days=1)))

    hidden = {"water": "taken_up"}
    seen = hidden | {"who-repairs-the-road": "suggested"}
    assert [states(session, viewer_id=viewer) for viewer in (author, other, None)] == [seen, hidden, hidden]
    assert states(session, is_staff=True, viewer_id=other) == seen | {"gone": "suggested"}
    assert slugs(session, viewer_id=author, mine=True) == ["who-repairs-the-road"]
    assert [topic.slug for topic in waiting_suggestions(session)] == ["gone", "who-repairs-the-road"]

    actor_id = make_staff(session, clock=clock)
    services.decide_topic(session, topic_id=topic_id, state="declined", reason="Done in May.", actor_id=actor_id, now=NOW)
    assert states(session) == hidden | {"who-repairs-the-road": "declined"}


def test_the_board_knows_where_topics_stand_and_what_became_of_them(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    [roads] = make_topics(session, ["roads"], clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock, seats=2)
    water, schools, port = (entry.topic_id for entry in round_.topics)
    voters = cast_all(session, round_, {"water": 2, "port": 1}, keys=keys, clock=clock)
    assert states(session) == {"water": "on_ballot", "schools": "on_ballot", "port": "on_ballot", "roads": "taken_up"}
    assert [topic.slug for topic in usable_topics(session)] == ["roads"]
    publish_vote(session, round_, keys=keys, clock=clock)

    assert states(session, sort="state") == {"schools": "taken_up", "roads": "taken_up", "port": "chosen", "water": "chosen"}
    became = states(session, progress={water: "published", port: "dropped", roads: "published"})
    assert became == {"port": "dropped", "schools": "taken_up", "water": "published", "roads": "taken_up"}
    assert [topic.slug for topic in usable_topics(session)] == ["roads", "schools"]

    services.support_topic(session, topic_id=schools, member_id=voters[0])
    lines = lines_of(session, [session.get_one(Topic, topic_id) for topic_id in (water, schools)], viewer_id=voters[0])
    shown = [(line.state, line.round and line.round.slug, line.support, line.is_supported, line.is_mine) for line in lines]
    assert shown == [("chosen", "march", 0, False, False), ("taken_up", None, 1, True, False)]


def test_what_was_withdrawn_or_stood_in_a_voided_vote_is_free_again(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    editor = make_staff(session, clock=clock, role="editor")
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    schools = round_.topics[1].topic_id
    services.withdraw_topic(session, round_id=round_.id, topic_id=schools, reason="Done.", actor_id=editor, clock=clock)
    assert states(session) == {"water": "on_ballot", "schools": "taken_up", "port": "on_ballot"}
    assert usable_topics(session) == []

    services.void_round(session, round_id=round_.id, reason="A wrong list.", actor_id=editor, clock=clock)

    assert set(states(session).values()) == {"taken_up"}
    assert [topic.slug for topic in usable_topics(session)] == ["port", "schools", "water"]


def test_a_ballot_that_is_prepared_takes_its_topics_from_other_ballots_but_not_from_itself(
    session: Session, clock: FixedClock
) -> None:
    services.ensure_topic(session, slug="roads", title="Roads", why="", state="shortlisted", now=NOW)
    round_ = make_round(session, clock=clock)

    assert set(states(session).values()) == {"taken_up", "shortlisted"}  # nobody sees what is being prepared
    assert [topic.slug for topic in usable_topics(session)] == ["roads"]
    assert [topic.slug for topic in usable_topics(session, round_id=round_.id)] == ["roads", "port", "schools", "water"]


def test_the_board_is_searched_filtered_sorted_and_paged(session: Session, clock: FixedClock) -> None:
    for slug, title in (("well", "Їхня криниця"), ("eve", "Ера води"), ("unity", "Єдність"), ("port", "About port")):
        services.ensure_topic(session, slug=slug, title=title, why="Чому " + slug, now=clock.now())
    services.ensure_topic(session, slug="road", title="Roads", why="", state="shortlisted", now=clock.now())
    make_supporters(session, session.scalars(select(Topic.id).where(Topic.slug == "eve")).one(), 2, clock=clock)

    assert slugs(session, search=" ВОДИ чому") == ["eve"]
    assert slugs(session, state="shortlisted") == ["road"]
    assert slugs(session) == ["road", "port", "unity", "eve", "well"]
    assert slugs(session, sort="title") == ["port", "road", "eve", "unity", "well"]
    assert slugs(session, sort="support") == ["eve", "road", "port", "unity", "well"]
    second = board(session, sort="title", page=2, per_page=2)
    assert ([line.topic.slug for line in second.lines], second.page, second.pages, second.total) == (["eve", "unity"], 2, 3, 5)
    last, empty = board(session, page=99, per_page=2), board(session, search="nothing", page=3)
    assert (last.page, len(last.lines)) == (3, 1)
    assert (empty.page, empty.pages, empty.total, empty.lines) == (1, 1, 0, [])


def test_a_page_of_two_thousand_topics_costs_as_many_statements_as_one_of_ten(
    engine: Engine, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    publish_vote(session, open_vote(session, keys=keys, clock=clock, seats=1), keys=keys, clock=clock)
    open_vote(session, keys=keys, clock=clock, slug="april", topics=("roads", "ships"), seats=1)
    patron = make_patron(session, clock=clock)
    with counted_statements(engine) as before:
        board(session, sort="support", viewer_id=patron)
    with transaction(session):
        row = {"title": "T", "state": "approved", "why": "", "language": "en", "created_at": NOW, "sources": [], "title_key": "t"}
        session.execute(insert(Topic), [row | {"slug": f"topic-{at}"} for at in range(2000)])
        ids = session.scalars(select(Topic.id)).all()
        session.execute(insert(TopicSupport), [{"topic_id": topic_id, "member_id": patron} for topic_id in ids])
    session.expunge_all()

    with counted_statements(engine) as after:
        assert board(session, sort="support", viewer_id=patron).total == 2005

    assert len(after) == len(before) <= 10
