"""Reading topics: by address, similar ones, their public history."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.errors import NotFound
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Topic, TopicEvent, TopicTrigram
from membership.voting.topic_queries import find_topic_by_slug, follow_ups_on_ballot, get_topic_by_slug, history_of, similar_topics
from tests.conftest import NOW
from tests.factories.articles import make_article
from tests.factories.voting import cast_all, make_patron, make_staff, make_topics, open_vote, publish_vote, suggest

HOUR = timedelta(hours=1)


def history(session: Session, topic_id: int) -> list[tuple[int, str, str, str, str]]:
    """What happened to a topic: after how many hours, what, why, in which vote, with which other topic."""
    steps = history_of(session, queries.get_topic(session, topic_id))
    return [
        (
            int((step.at - NOW) / HOUR),
            step.what,
            step.reason,
            step.round.slug if step.round else "",
            step.other.slug if step.other else "",
        )
        for step in steps
    ]


def slugs(topics: list[Topic]) -> list[str]:
    return [topic.slug for topic in topics]


def test_what_is_still_being_read_has_an_address_for_its_author_alone(session: Session, clock: FixedClock) -> None:
    author, other = make_patron(session, clock=clock), make_patron(session, clock=clock)
    topic_id = suggest(session, author, clock=clock)

    for viewer_id in (None, other):
        with pytest.raises(NotFound):
            get_topic_by_slug(session, "who-repairs-the-road", viewer_id=viewer_id)
    with pytest.raises(NotFound):
        get_topic_by_slug(session, "nothing", viewer_id=author)
    assert get_topic_by_slug(session, "who-repairs-the-road", viewer_id=author).id == topic_id
    assert find_topic_by_slug(session, "nothing") is None


def test_similar_topics_are_public_ones_the_likest_first_and_what_was_merged_is_its_target(
    session: Session, clock: FixedClock
) -> None:
    editor = make_staff(session, clock=clock, role="editor")
    titles = {
        "road": "Who repairs the road to the port?",
        "roads": "Repairs of our roads: who pays?",
        "school": "Why is the school closed?",
        "bridge": "The bridge",
        "budget": "Where did the city’s money go?",
    }
    made = {slug: services.ensure_topic(session, slug=slug, title=title, why="", now=NOW) for slug, title in titles.items()}
    suggest(session, make_patron(session, clock=clock), "Who repairs the road at all?", clock=clock)
    services.merge_topic(session, topic_id=made["bridge"], into_id=made["budget"], actor_id=editor, now=NOW)
    services.decide_topic(session, topic_id=made["roads"], state="declined", reason="Done.", actor_id=editor, now=NOW)

    assert slugs(similar_topics(session, "who repairs the roads")) == ["road", "roads"]
    assert slugs(similar_topics(session, "who repairs the roads", limit=1)) == ["road"]
    assert slugs(similar_topics(session, "who repairs the roads", besides=made["road"])) == ["roads"]
    assert slugs(similar_topics(session, "Our bridge")) == ["budget"]
    assert [similar_topics(session, nothing) for nothing in ("", "Elections in 2031")] == [[], []]


def test_topics_from_before_the_index_are_found_once_it_is_written(session: Session, clock: FixedClock) -> None:
    make_topics(session, ["water"], clock=clock)
    with transaction(session):
        session.execute(delete(TopicTrigram))
        session.execute(update(Topic).values(title_key=""))
    assert similar_topics(session, "About water") == []

    assert [services.index_topics(session), services.index_topics(session)] == [1, 0]

    assert slugs(similar_topics(session, "About water")) == ["water"]


def test_a_topics_history_joins_what_the_newsroom_did_with_what_follows_from_votes(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    editor, author = make_staff(session, clock=clock, role="editor"), make_patron(session, clock=clock)
    road, [street] = suggest(session, author, clock=clock), make_topics(session, ["street"], clock=clock)
    clock.instant += HOUR
    services.merge_topic(session, topic_id=road, into_id=street, actor_id=editor, now=clock.now())
    clock.instant += HOUR
    voided = open_vote(session, keys=keys, clock=clock, slug="march", topics=("street", "port"), seats=1)
    clock.instant += HOUR
    services.void_round(session, round_id=voided.id, reason="A wrong list.", actor_id=editor, clock=clock)
    topics = ("street", "port", "school", "water")
    april = open_vote(session, keys=keys, clock=clock, slug="april", topics=topics, seats=1, days=1)
    port, school = (entry.topic_id for entry in april.topics[1:3])
    services.withdraw_topic(session, round_id=april.id, topic_id=school, reason="It has reopened.", actor_id=editor, clock=clock)
    cast_all(session, april, {"street": 2}, keys=keys, clock=clock)
    publish_vote(session, april, keys=keys, clock=clock)
    ended = int((clock.now() - NOW) / HOUR)

    assert history(session, road) == [(0, "suggested", "", "", ""), (1, "merged", "", "", "street")]
    assert history(session, street) == [
        (0, "added", "", "", ""),
        (1, "took_in", "", "", "who-repairs-the-road"),
        (2, "on_ballot", "", "march", ""),
        (3, "voided", "A wrong list.", "march", ""),
        (3, "on_ballot", "", "april", ""),
        (ended, "chosen", "", "april", ""),
    ]
    assert history(session, port)[-1] == (ended, "not_chosen", "", "april", "")
    assert history(session, school)[-1] == (3, "withdrawn", "It has reopened.", "april", "")


def test_a_topic_from_before_there_were_steps_begins_with_its_suggestion(session: Session, clock: FixedClock) -> None:
    made = [suggest(session, make_patron(session, clock=clock), clock=clock), *make_topics(session, ["water"], clock=clock)]
    with transaction(session):
        session.execute(delete(TopicEvent))

    assert [history(session, topic_id) for topic_id in made] == [[(0, "suggested", "", "", "")], [(0, "added", "", "", "")]]


def test_an_article_knows_which_of_its_follow_ups_can_be_ticked_now(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    article = make_article(session)
    water, _schools, port = make_topics(session, ["water", "schools", "port"], clock=clock)
    with transaction(session):
        session.execute(update(Topic).where(Topic.id.in_((water, port))).values(article_id=article.id))
    assert session.execute(follow_ups_on_ballot(article.id, at=clock.now())).all() == []

    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    editor = make_staff(session, clock=clock, role="editor")
    services.withdraw_topic(session, round_id=round_.id, topic_id=port, reason="Done.", actor_id=editor, clock=clock)

    found = session.execute(follow_ups_on_ballot(article.id, at=clock.now()))
    on_ballot = [(topic.slug, vote.slug) for topic, vote in found]
    assert on_ballot == [("water", "march")]
    assert session.execute(follow_ups_on_ballot(article.id, at=round_.closes_at)).all() == []


def test_a_merge_that_was_undone_names_no_topic_that_it_did_not_go_into(session: Session, clock: FixedClock) -> None:
    editor = make_staff(session, clock=clock, role="editor")
    road, street, square = make_topics(session, ["road", "street", "square"], clock=clock)
    services.merge_topic(session, topic_id=road, into_id=street, actor_id=editor, now=NOW)
    services.unmerge_topic(session, topic_id=road, actor_id=editor, now=NOW)
    services.merge_topic(session, topic_id=road, into_id=square, actor_id=editor, now=NOW)

    assert [(what, other) for _, what, _, _, other in history(session, road)] == [
        ("added", ""),
        ("merged", ""),
        ("reopened", ""),
        ("merged", "square"),
    ]
