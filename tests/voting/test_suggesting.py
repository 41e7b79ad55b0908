"""A patron suggests a topic, and takes it back while nobody has answered."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.errors import Conflict, NotAllowed, NotFound, TooOften
from membership.voting import services
from membership.voting.models import Topic, TopicEvent, TopicSupport, TopicTrigram
from membership.voting.refusals import TwinTopic
from membership.voting.slugs import slugify
from membership.voting.trigrams import trigrams
from tests.factories.voting import make_patron, make_staff, make_supporters, make_topics, suggest


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": " Roads "}, "between 8 and 120"),
        ({"why": "See www.example.org"}, "Links belong in the sources"),
        ({"sources": ["javascript:alert(1)"]}, "begins with https://"),
        ({"suggested_as": "O\u200blena"}, "invisible characters"),
    ],
)
def test_what_is_wrong_with_a_suggestion_is_said_and_nothing_is_kept(
    session: Session, clock: FixedClock, wrong: dict[str, Any], said: str
) -> None:
    words = {"title": "Who repairs the road?", "why": "", "language": "en"} | wrong

    with pytest.raises(NotAllowed, match=said):
        services.suggest_topic(session, **words, member_id=make_patron(session, clock=clock), now=clock.now())

    assert session.scalar(select(func.count()).select_from(Topic)) == 0


def test_the_sixth_suggestion_waits_for_an_answer(session: Session, clock: FixedClock) -> None:
    patron = make_patron(session, clock=clock)
    for at in range(5):
        suggest(session, patron, f"Who repairs road {at}?", clock=clock)

    with pytest.raises(Conflict, match="still being read"):
        suggest(session, patron, clock=clock)


def test_past_the_days_limit_a_suggestion_waits_for_tomorrow(session: Session, clock: FixedClock) -> None:
    words = {"why": "", "language": "en", "member_id": make_patron(session, clock=clock), "asked_by": {b"who": 1}}
    services.suggest_topic(session, title="Who repairs the road?", **words, now=clock.now())

    with pytest.raises(TooOften) as refused:
        services.suggest_topic(session, title="Who sweeps the square?", **words, now=clock.now())

    assert refused.value.retry_at == clock.now() + timedelta(days=1)


def test_a_twin_of_a_public_topic_is_refused_and_names_it(session: Session, clock: FixedClock) -> None:
    patron, editor = make_patron(session, clock=clock), make_staff(session, clock=clock, role="editor")
    first = suggest(session, patron, clock=clock)
    second = suggest(session, make_patron(session, clock=clock), "Whо rераirs thе rоаd", clock=clock)  # nobody can see the first
    make_topics(session, ["water"], clock=clock)
    [into] = session.scalars(select(Topic.id).where(Topic.slug == "water"))
    services.decide_topic(session, topic_id=first, state="declined", reason="Done in May.", actor_id=editor, now=clock.now())

    with pytest.raises(TwinTopic) as refused:
        suggest(session, patron, "who repairs  THE road!", clock=clock)
    assert (refused.value.slug, refused.value.title) == ("who-repairs-the-road", "Who repairs the road?")

    for merged in (first, second):
        services.merge_topic(session, topic_id=merged, into_id=into, actor_id=editor, now=clock.now())
    with pytest.raises(TwinTopic) as refused:
        suggest(session, patron, clock=clock)
    assert (refused.value.slug, refused.value.title) == ("water", "About water")


def test_a_second_click_suggests_nothing_twice(session: Session, clock: FixedClock) -> None:
    patron = make_patron(session, clock=clock)
    suggest(session, patron, clock=clock)

    with pytest.raises(Conflict, match="suggested this already"):
        suggest(session, patron, clock=clock)


def test_a_suggestion_is_kept_cleaned_and_is_found_by_its_title(session: Session, clock: FixedClock) -> None:
    patron = make_patron(session, clock=clock)
    topic_id = services.suggest_topic(
        session,
        title="  Who\u00a0repairs the  road? ",
        why="It rains.\r\n\r\n\r\n\r\nAnd snows.",
        sources=["https://example.org/road"],
        suggested_as=" Olena  K. ",
        language="uk",
        member_id=patron,
        now=clock.now(),
    )

    topic = session.get_one(Topic, topic_id)
    kept = (topic.title, topic.why, topic.sources, topic.suggested_as, topic.language, topic.state, topic.title_key)
    assert kept == (
        "Who repairs the road?",
        "It rains.\n\nAnd snows.",
        ["https://example.org/road"],
        "Olena K.",
        "uk",
        "suggested",
        "who repairs the road",
    )
    assert session.scalars(select(TopicEvent.act)).all() == ["suggested"]
    assert set(session.scalars(select(TopicTrigram.trigram))) == trigrams("Who repairs the road")


def test_the_same_address_is_given_once(session: Session, clock: FixedClock) -> None:
    made = [suggest(session, make_patron(session, clock=clock), "Хто лагодить дорогу?", clock=clock) for _ in range(2)]

    slugs = [session.get_one(Topic, topic_id).slug for topic_id in made]
    assert slugs == ["khto-lahodyt-dorohu", "khto-lahodyt-dorohu-2"]
    assert len(slugify("long " * 40)) <= 60


def test_only_ones_own_suggestion_that_is_still_being_read_is_taken_back(session: Session, clock: FixedClock) -> None:
    author, other = make_patron(session, clock=clock), make_patron(session, clock=clock)
    answered, waiting = suggest(session, author, clock=clock), suggest(session, author, "Who sweeps the square?", clock=clock)
    editor = make_staff(session, clock=clock, role="editor")
    services.decide_topic(session, topic_id=answered, state="approved", actor_id=editor, now=clock.now())
    make_supporters(session, answered, 1, clock=clock)

    with pytest.raises(NotFound):
        services.take_back_suggestion(session, topic_id=waiting, member_id=other)
    with pytest.raises(Conflict, match="answered this suggestion"):
        services.take_back_suggestion(session, topic_id=answered, member_id=author)
    services.take_back_suggestion(session, topic_id=waiting, member_id=author)

    left = [
        set(session.scalars(select(column)))
        for column in (Topic.id, TopicEvent.topic_id, TopicTrigram.topic_id, TopicSupport.topic_id)
    ]
    assert left == [{answered}] * 4
