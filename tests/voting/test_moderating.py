"""The newsroom answers suggestions, words them well, and puts twins together."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.errors import Conflict, NotAllowed, NotFound
from membership.outbox import OutboxItem
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Topic, TopicEvent
from membership.voting.topic_queries import find_twin, first_wording, moving_support, support_of, supported_by
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

Act = Callable[..., Any]


@pytest.fixture
def editor(session: Session, clock: FixedClock) -> int:
    return make_staff(session, clock=clock, role="editor")


@pytest.fixture
def decide(session: Session, clock: FixedClock, editor: int) -> Act:
    return lambda topic_id, state, reason="": services.decide_topic(
        session, topic_id=topic_id, state=state, reason=reason, actor_id=editor, now=clock.now()
    )


@pytest.fixture
def reword(session: Session, clock: FixedClock, editor: int) -> Act:
    return lambda topic_id, title, why="", sources=(): services.reword_topic(
        session, topic_id=topic_id, title=title, why=why, sources=sources, actor_id=editor, now=clock.now()
    )


@pytest.fixture
def merge(session: Session, clock: FixedClock, editor: int) -> Act:
    return lambda topic_id, into_id: services.merge_topic(
        session, topic_id=topic_id, into_id=into_id, actor_id=editor, now=clock.now()
    )


def steps_of(session: Session, topic_id: int) -> list[tuple[str, str]]:
    found = session.execute(
        select(TopicEvent.act, TopicEvent.reason).where(TopicEvent.topic_id == topic_id).order_by(TopicEvent.id)
    )
    return [(act, reason) for act, reason in found]


def letters(session: Session) -> list[tuple[str, int | None, list[str]]]:
    return [
        (item.kind, item.member_id, sorted(item.payload)) for item in session.scalars(select(OutboxItem).order_by(OutboxItem.id))
    ]


def merged_into(session: Session) -> dict[str, tuple[str, int | None]]:
    return {
        row.slug: (row.state, row.merged_into_id) for row in session.execute(select(Topic.slug, Topic.state, Topic.merged_into_id))
    }


def test_a_decision_without_sense_is_refused(session: Session, clock: FixedClock, decide: Act) -> None:
    topic_id = suggest(session, make_patron(session, clock=clock), clock=clock)

    for state, reason, said in (
        ("declined", " \u200b", "Say why"),
        ("merged", "", "taken up"),
        ("declined", "x" * 601, "600 char"),
    ):
        with pytest.raises(NotAllowed, match=said):
            decide(topic_id, state, reason)
    with pytest.raises(NotFound):
        decide(999, "approved")
    assert (queries.get_topic(session, topic_id).state, letters(session)) == ("suggested", [])


def test_what_stands_on_a_ballot_is_left_alone(
    session: Session, clock: FixedClock, keys: RoundKeys, decide: Act, reword: Act, merge: Act
) -> None:
    [roads] = make_topics(session, ["roads"], clock=clock)
    prepared = make_round(session, clock=clock, topics=("water", "schools"), seats=1).topics[0].topic_id
    for act in (lambda: decide(prepared, "declined", "No."), lambda: merge(prepared, roads)):
        with pytest.raises(Conflict, match="being prepared"):
            act()
    reword(prepared, "About clean water")

    round_ = open_vote(session, keys=keys, clock=clock, slug="april", topics=("port", "ships"), seats=1)
    port = round_.topics[0].topic_id
    acts = (
        lambda: decide(port, "declined", "No."),
        lambda: reword(port, "About the harbour"),
        lambda: merge(port, roads),
        lambda: merge(roads, port),
    )
    for act in acts:
        with pytest.raises(Conflict, match="under way"):
            act()
    services.void_round(session, round_id=round_.id, reason="Wrong list.", actor_id=make_staff(session, clock=clock), clock=clock)
    decide(port, "declined", "No.")
    assert merged_into(session) == {
        "roads": ("approved", None),
        "water": ("approved", None),
        "schools": ("approved", None),
        "port": ("declined", None),
        "ships": ("approved", None),
    }


def test_after_a_vote_what_lost_is_free_but_its_title_and_what_was_chosen_stay(
    session: Session, clock: FixedClock, keys: RoundKeys, decide: Act, reword: Act, merge: Act
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    cast_all(session, round_, {"water": 2, "port": 1}, keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)
    water, schools, port = (entry.topic_id for entry in round_.topics)

    for act in (lambda: decide(water, "declined", "No."), lambda: merge(water, port)):
        with pytest.raises(Conflict, match="follows from the story"):
            act()
    with pytest.raises(Conflict, match="names its title"):
        reword(port, "About the harbour")
    reword(port, "About port", "The ships are late.")
    merge(schools, water)
    decide(port, "declined", "It is closed.")

    assert merged_into(session) == {"water": ("approved", None), "schools": ("merged", water), "port": ("declined", None)}


def test_an_answer_is_public_audited_and_mailed_to_the_author_once(
    session: Session, clock: FixedClock, decide: Act, editor: int
) -> None:
    topic_id = suggest(session, make_patron(session, clock=clock), clock=clock)

    decide(topic_id, "declined", " Done in May. ")
    decide(topic_id, "declined", "Done in May.")
    services.reopen_topic(session, topic_id=topic_id, actor_id=editor, now=clock.now())
    decide(topic_id, "shortlisted")

    topic = queries.get_topic(session, topic_id)
    assert (topic.state, topic.declined_reason) == ("shortlisted", "")
    assert steps_of(session, topic_id) == [("suggested", ""), ("declined", "Done in May."), ("reopened", ""), ("shortlisted", "")]
    audited = session.execute(select(AuditEntry.act, AuditEntry.reason).order_by(AuditEntry.id))
    assert [tuple(row) for row in audited] == [
        ("topic.declined", "Done in May."),
        ("topic.reopened", ""),
        ("topic.shortlisted", ""),
    ]
    assert letters(session) == [("topic_answered", None, ["step_id"])] * 3
    with pytest.raises(Conflict, match="Only a declined topic"):
        services.reopen_topic(session, topic_id=topic_id, actor_id=editor, now=clock.now())


def test_the_newsrooms_own_topics_are_held_to_the_same_words_and_mail_nobody(
    session: Session, clock: FixedClock, editor: int, decide: Act
) -> None:
    words = {"why": "", "language": "en", "actor_id": editor, "now": clock.now()}
    with pytest.raises(NotAllowed, match="capitals"):
        services.add_topic(session, title="WHO REPAIRS THE ROAD?", **words)
    topic_id = services.add_topic(session, title="Who repairs the road?", sources=["https://example.org"], **words)
    decide(topic_id, "declined", "No.")

    assert (steps_of(session, topic_id), letters(session)) == ([("added", ""), ("declined", "No.")], [])


def test_a_new_wording_keeps_the_first_and_is_told_with_the_answer(
    session: Session, clock: FixedClock, reword: Act, decide: Act
) -> None:
    topic_id = suggest(session, make_patron(session, clock=clock), clock=clock)
    with pytest.raises(NotAllowed, match="Links belong"):
        reword(topic_id, "See www.example.org")
    reword(topic_id, "Who repairs the road?", "It rains.")  # nothing new
    assert first_wording(session, topic_id) is None

    reword(topic_id, "Who pays for roads?", "It rains.", ["https://example.org"])
    assert letters(session) == []
    decide(topic_id, "approved")
    reword(topic_id, "Who pays for our roads?", "It rains.", ["https://example.org"])

    first, topic = first_wording(session, topic_id), queries.get_topic(session, topic_id)
    assert first
    assert (first.title, first.why, first.sources) == ("Who repairs the road?", "It rains.", [])
    assert (topic.title, topic.slug, topic.sources) == ("Who pays for our roads?", "who-repairs-the-road", ["https://example.org"])
    assert [act for act, _reason in steps_of(session, topic_id)] == ["suggested", "approved", "reworded"]
    assert [kind for kind, *_rest in letters(session)] == ["topic_answered"] * 2
    found = find_twin(session, "who pays for our roads")
    assert (found and found.id, find_twin(session, "Who repairs the road?")) == (topic_id, None)


def test_a_merge_that_makes_no_sense_is_refused(session: Session, clock: FixedClock, merge: Act, decide: Act) -> None:
    waiting = suggest(session, make_patron(session, clock=clock), clock=clock)
    water, port, declined = make_topics(session, ["water", "port", "declined"], clock=clock)
    decide(declined, "declined", "No.")
    merge(port, water)

    with pytest.raises(NotAllowed, match="itself"):
        merge(water, water)
    for into in (waiting, declined, port):
        with pytest.raises(Conflict, match="Only a topic that was taken up"):
            merge(water, into)
    with pytest.raises(Conflict, match="already"):
        merge(port, water)
    with pytest.raises(Conflict, match="Take them apart"):
        decide(port, "approved")
    with pytest.raises(NotFound):
        merge(water, 999)


def test_a_merge_moves_support_without_doubling_and_tells_everybody_concerned(
    session: Session, clock: FixedClock, merge: Act, decide: Act
) -> None:
    author = make_patron(session, clock=clock)
    road, [street, square] = suggest(session, author, clock=clock), make_topics(session, ["street", "square"], clock=clock)
    decide(road, "approved")
    both, one = make_supporters(session, road, 2, clock=clock)
    make_supporters(session, street, 1, clock=clock)
    services.support_topic(session, topic_id=street, member_id=both)
    assert moving_support(session, road, street) == 1

    assert merge(road, street) == 1

    assert (support_of(session), supported_by(session, one)) == ({street: 3}, {street})
    told = session.scalars(select(OutboxItem).where(OutboxItem.kind == "topic_merged").order_by(OutboxItem.id)).all()
    assert [(item.member_id, item.payload["member_id"]) for item in told] == [(None, who) for who in sorted((author, both, one))]
    assert merge(street, square) == 3
    assert merged_into(session) == {
        "who-repairs-the-road": ("merged", square),
        "street": ("merged", square),
        "square": ("approved", None),
    }


@pytest.mark.parametrize(("decision", "again"), [("", "suggested"), ("shortlisted", "shortlisted"), ("declined", "approved")])
def test_a_merge_is_undone_without_the_marks(
    session: Session, clock: FixedClock, editor: int, merge: Act, decide: Act, decision: str, again: str
) -> None:
    road, [street] = suggest(session, make_patron(session, clock=clock), clock=clock), make_topics(session, ["street"], clock=clock)
    with pytest.raises(Conflict, match="was not put together"):
        services.unmerge_topic(session, topic_id=road, actor_id=editor, now=clock.now())
    if decision:
        decide(road, decision, "No." if decision == "declined" else "")

    for _ in range(2):
        merge(road, street)
        services.unmerge_topic(session, topic_id=road, actor_id=editor, now=clock.now())

    assert merged_into(session) == {"who-repairs-the-road": (again, None), "street": ("approved", None)}
    assert steps_of(session, road)[-2:] == [("merged", ""), ("reopened", "")]
