"""Suggesting topics, answering suggestions, and the board."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.errors import Conflict, NotAllowed, NotFound
from membership.limits import LimitedAct, keyed
from membership.voting import services
from membership.voting.board import board, usable_topics
from membership.voting.keys import RoundKeys
from membership.voting.models import Topic
from membership.voting.slugs import slugify
from membership.voting.views import SUGGESTIONS_A_DAY
from tests.factories.accounts import SAME_ORIGIN
from tests.factories.voting import (
    cast_all,
    make_member,
    make_patron,
    make_round,
    make_staff,
    make_topics,
    open_vote,
    publish_vote,
)
from tests.voting.test_views import signed_in, text_of


def suggest(session: Session, member_id: int, clock: FixedClock, title: str = "Who repairs the road?") -> int:
    return services.suggest_topic(session, title=title, why="", language="en", member_id=member_id, now=clock.now())


def test_the_sixth_suggestion_waits_for_an_answer(session: Session, clock: FixedClock) -> None:
    patron = make_patron(session, clock=clock)
    for _ in range(5):
        suggest(session, patron, clock)

    with pytest.raises(Conflict, match="still being read"):
        suggest(session, patron, clock)


def test_past_the_days_limit_a_suggestion_says_when_to_try_again_and_keeps_what_was_typed(
    app: Flask, session: Session, clock: FixedClock
) -> None:
    patron = make_patron(session, clock=clock)
    who = keyed(app.config["SECRET_KEY"], "member", str(patron))
    with transaction(session):
        session.add_all(LimitedAct(act="suggestion", who=who, at=clock.now()) for _ in range(SUGGESTIONS_A_DAY))
    client = signed_in(app, patron)

    page = client.post("/topics/suggest", data={"title": "Who repairs the road?", "why": "It rains."}, headers=SAME_ORIGIN)

    assert (page.status_code, page.headers["Retry-After"]) == (429, "86400")
    assert "Try again after " in text_of(page)
    assert 'value="Who repairs the road?"' in page.text
    assert "It rains." in page.text


def test_declining_needs_a_public_reason(session: Session, clock: FixedClock) -> None:
    topic_id, editor = suggest(session, make_patron(session, clock=clock), clock), make_staff(session, clock=clock, role="editor")

    with pytest.raises(NotAllowed, match="Say why"):
        services.decide_topic(session, topic_id=topic_id, state="declined", reason=" ", actor_id=editor, now=clock.now())


def test_a_topic_that_stood_on_a_ballot_is_not_decided_by_hand(session: Session, clock: FixedClock) -> None:
    round_, editor = make_round(session, clock=clock), make_staff(session, clock=clock, role="editor")

    with pytest.raises(Conflict, match="stood on a ballot"):
        services.decide_topic(
            session, topic_id=round_.topics[0].topic_id, state="declined", reason="x", actor_id=editor, now=clock.now()
        )
    with pytest.raises(NotFound):
        services.decide_topic(session, topic_id=999, state="approved", actor_id=editor, now=clock.now())


def test_a_suggestion_is_seen_by_its_author_alone_until_it_is_answered(session: Session, clock: FixedClock) -> None:
    author, other = make_patron(session, clock=clock), make_patron(session, clock=clock)
    topic_id = suggest(session, author, clock)
    seen = [[line.state for line in board(session, viewer_id=viewer)] for viewer in (author, other, None)]
    assert seen == [["waiting"], [], []]

    services.decide_topic(
        session,
        topic_id=topic_id,
        state="declined",
        reason="Done in May.",
        actor_id=make_staff(session, clock=clock),
        now=clock.now(),
    )

    [line] = board(session)
    assert (line.state, line.topic.declined_reason, line.is_mine) == ("declined", "Done in May.", False)


def test_the_board_knows_what_is_on_a_ballot_and_what_was_chosen(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    make_topics(session, ["roads"], clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    assert {line.topic.slug: line.state for line in board(session)} == {
        "water": "on_ballot",
        "schools": "on_ballot",
        "port": "on_ballot",
        "roads": "suggested",
    }
    assert [topic.slug for topic in usable_topics(session)] == ["roads"]

    cast_all(session, round_, {"water": 2}, keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)

    states = [(line.topic.slug, line.state) for line in board(session, sort="state")]
    assert states[0] == ("water", "chosen")
    assert sorted(topic.slug for topic in usable_topics(session)) == ["port", "roads", "schools"]


def test_the_board_is_searched_and_sorted(session: Session, clock: FixedClock) -> None:
    make_topics(session, ["water", "schools", "port"], clock=clock)

    assert [line.topic.slug for line in board(session, search=" ABOUT P")] == ["port"]
    assert [line.topic.slug for line in board(session, sort="title")] == ["port", "schools", "water"]


def test_the_same_title_gets_another_address(session: Session, clock: FixedClock) -> None:
    patron = make_patron(session, clock=clock)
    made = [suggest(session, patron, clock, title) for title in ("Хто лагодить дорогу?", "Хто лагодить дорогу?", "???")]

    slugs = [session.get_one(Topic, topic_id).slug for topic_id in made]
    assert slugs == ["khto-lahodyt-dorohu", "khto-lahodyt-dorohu-2", "topic"]
    assert len(slugify("long " * 40)) <= 60


def test_only_patrons_suggest(app: Flask, session: Session, clock: FixedClock) -> None:
    form = {"title": "Who repairs the road?", "why": ""}

    stranger = app.test_client().post("/topics/suggest", data=form, headers=SAME_ORIGIN)
    reader = signed_in(app, make_member(session, clock=clock)).post("/topics/suggest", data=form, headers=SAME_ORIGIN)

    assert (stranger.status_code, "/sign-in" in stranger.headers["Location"], reader.status_code) == (303, True, 403)
    assert session.scalar(select(func.count()).select_from(Topic)) == 0


@pytest.mark.parametrize("title", ["", "?????????", "short", "x" * 121])
def test_a_suggestion_without_a_title_is_refused_and_kept(app: Flask, session: Session, clock: FixedClock, title: str) -> None:
    client = signed_in(app, make_patron(session, clock=clock))

    refused = client.post("/topics/suggest", data={"title": title, "why": "Because of the bridge"}, headers=SAME_ORIGIN)

    assert (refused.status_code, "Because of the bridge" in text_of(refused)) == (422, True)


def test_a_patron_suggests_and_an_editor_answers(app: Flask, session: Session, clock: FixedClock) -> None:
    patron = signed_in(app, make_patron(session, clock=clock))
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))

    sent = patron.post("/topics/suggest", data={"title": "Who repairs the road?", "why": "Holes"}, headers=SAME_ORIGIN)
    assert "being read" in text_of(patron.get(sent.headers["Location"]))
    assert "Who repairs the road?" not in text_of(app.test_client().get("/topics"))

    topic_id = session.scalar(select(Topic.id))
    session.commit()
    decide: Any = lambda **data: editor.post(f"/staff/topics/{topic_id}/decision", data=data, headers=SAME_ORIGIN)  # noqa: E731
    assert "Who repairs the road?" in text_of(editor.get("/staff/topics"))
    assert decide(state="declined", reason="").status_code == 422
    assert decide(state="shortlisted").status_code == 303

    assert "Who repairs the road?" in text_of(app.test_client().get("/topics?q=road"))
    assert "No topic holds these words." in text_of(app.test_client().get("/topics?q=nothing"))
