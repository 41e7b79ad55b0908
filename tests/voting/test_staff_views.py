"""The desk's pages of a vote: each step by who may take it, two people for the box, no number before it is opened."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.voting import queries
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from tests.factories.accounts import SAME_ORIGIN
from tests.factories.voting import cast_all, close_vote, make_member, make_round, make_staff, make_topics, open_vote
from tests.voting.test_views import signed_in, text_of

PAGES = ("/staff/votes", "/staff/votes/new", "/staff/votes/march", "/staff/topics")
ACTS = ("opening", "removal", "closing", "check", "confirmation", "count", "recount", "publication")


def act(client: FlaskClient, what: str, **data: str) -> Any:
    return client.post(f"/staff/votes/march/{what}", data=data, headers=SAME_ORIGIN)


def state_of(session: Session, clock: FixedClock) -> str:
    session.commit()
    return queries.round_state(queries.get_round_by_slug(session, "march"), clock.now())


def test_readers_see_none_of_it(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    open_vote(session, keys=keys, clock=clock)
    reader, stranger = signed_in(app, make_member(session, clock=clock)), app.test_client()

    assert {reader.get(page).status_code for page in PAGES} == {403}
    assert {act(reader, what).status_code for what in ACTS} == {403}
    assert {stranger.get(page).status_code for page in PAGES} == {303}
    assert state_of(session, clock) == "open"


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        ("treasurer", ACTS),
        ("editor", ("check", "confirmation", "count", "publication")),
        ("counter", ("opening", "removal")),
    ],
)
def test_each_role_does_its_own_part(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys, role: str, refused: tuple[str, ...]
) -> None:
    open_vote(session, keys=keys, clock=clock)
    client = signed_in(app, make_staff(session, clock=clock, role=role))

    assert {what for what in ACTS if act(client, what).status_code == 403} == set(refused)


def test_a_vote_with_one_topic_is_refused_with_everything_kept(app: Flask, session: Session, clock: FixedClock) -> None:
    topics = make_topics(session, ["water", "port", "roads"], clock=clock)
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))
    form = {"name": "The April vote", "seats": "3", "opens_at": "2026-03-22T14:00", "closes_at": "2026-03-22T14:00"}

    refused = editor.post("/staff/votes/new", data=form | {"topics": [topics[0]]}, headers=SAME_ORIGIN)
    said = text_of(refused)

    assert refused.status_code == 422
    assert ("Choose two topics or more." in said, "five minutes later or more" in said, "The April vote" in said) == (True,) * 3
    assert queries.all_rounds(session) == []


def test_times_are_the_newsrooms_local_times(app: Flask, session: Session, clock: FixedClock) -> None:
    topics = make_topics(session, ["water", "port"], clock=clock)
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))
    # Summer time begins in Kyiv on 29 March 2026: the same hour of the clock is another hour in UTC.
    form = {"name": "The April vote", "seats": "1", "opens_at": "2026-03-28T20:00", "closes_at": "2026-04-04T20:00"}

    made = editor.post("/staff/votes/new", data=form | {"topics": topics}, headers=SAME_ORIGIN)

    round_ = queries.get_round_by_slug(session, "the-april-vote")
    assert (made.status_code, made.headers["Location"]) == (303, "/staff/votes/the-april-vote")
    assert (round_.opens_at.isoformat(), round_.closes_at.isoformat()) == ("2026-03-28T18:00:00+00:00", "2026-04-04T17:00:00+00:00")
    assert [entry.topic.slug for entry in round_.topics] == ["water", "port"]


def test_closing_early_without_a_note_changes_nothing(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    open_vote(session, keys=keys, clock=clock)
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))

    refused = act(editor, "closing", note=" ")

    assert (refused.status_code, "Say why" in text_of(refused), state_of(session, clock)) == (422, True, "open")


def test_nobody_confirms_or_opens_alone(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    close_vote(session, open_vote(session, keys=keys, clock=clock), clock=clock)
    counter = signed_in(app, make_staff(session, clock=clock))

    assert act(counter, "check").status_code == 303
    assert "A second person has to confirm it" in text_of(counter.get("/staff/votes/march"))
    refused = act(counter, "confirmation")
    assert (refused.status_code, "A second person has to confirm it." in text_of(refused)) == (403, True)
    assert act(counter, "count").status_code == 409
    assert state_of(session, clock) == "checked"


def test_while_it_is_open_staff_see_a_rounded_turnout_and_no_count(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 37}, keys=keys, clock=clock)

    said = text_of(signed_in(app, make_staff(session, clock=clock, role="admin")).get("/staff/votes/march"))

    assert ("at least 30 of 37 who can vote" in said, "Nobody can see who is ahead" in said) == (True, True)


def walk(app: Flask, session: Session, clock: FixedClock) -> tuple[FlaskClient, FlaskClient]:
    first, second = (signed_in(app, make_staff(session, clock=clock)) for _ in range(2))
    assert act(first, "closing", note="The mayor resigned.").status_code == 303
    assert act(first, "check").status_code == 303
    assert act(second, "confirmation").status_code == 303
    assert act(first, "count").status_code == 303
    return first, second


def test_the_whole_way_from_closing_to_the_public_result(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 40, "port,water": 50, "schools": 30}, keys=keys, clock=clock)

    first, second = walk(app, session, clock)
    review = text_of(second.get("/staff/votes/march"))
    again = text_of(first.get(act(first, "recount").headers["Location"]))
    assert state_of(session, clock) == "counted"
    assert "“About schools” came next with 30 points" in review
    assert "Both ways of counting" in review
    assert "exactly the same result" in again

    assert act(second, "publication").status_code == 303
    page = text_of(app.test_client().get("/votes/march"))
    assert state_of(session, clock) == "published"
    assert ("Readers chose “About water” and “About schools”." in page, "The mayor resigned." in page) == (True, True)


def test_every_act_is_in_the_audit_trail_and_names_no_choice(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 3}, keys=keys, clock=clock)

    _, second = walk(app, session, clock)
    act(second, "publication")

    entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_type == "round").order_by(AuditEntry.id)).all()
    assert [entry.act for entry in entries] == [
        "round.created",
        "round.opened",
        "round.closed",
        "box.checked",
        "box.confirmed",
        "box.opened",
        "round.published",
    ]
    assert not any("water" in repr((entry.reason, entry.details)) for entry in entries)


def test_a_vote_set_up_by_mistake_is_taken_back_and_another_opened_now(app: Flask, session: Session, clock: FixedClock) -> None:
    make_round(session, clock=clock)
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))

    assert "Take this vote back" in text_of(editor.get("/staff/votes/march"))
    assert act(editor, "removal").status_code == 303
    session.commit()
    assert queries.find_round_by_slug(session, "march") is None

    make_round(session, clock=clock)
    assert act(editor, "opening").status_code == 303
    assert state_of(session, clock) == "open"


def test_a_lost_key_is_shown_at_the_box(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_: Round = close_vote(session, open_vote(session, keys=keys, clock=clock), clock=clock)
    keys.destroy(round_.id)

    assert "nobody can be told apart" in text_of(signed_in(app, make_staff(session, clock=clock)).get("/staff/votes/march"))
