"""The desk's page of a closed box: what there is to check and nothing more, two people, and what one alone can do."""

from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from tests.factories.accounts import SAME_ORIGIN
from tests.factories.voting import cast_all, close_vote, make_member, make_staff, open_vote, topic_ids
from tests.voting.test_views import signed_in, text_of

BOX = "/staff/votes/march/box"
ACTS = ("", "/removal", "/confirmation")


def act(client: FlaskClient, what: str) -> Any:
    return client.post(BOX + what, headers=SAME_ORIGIN)


def state_of(session: Session, clock: FixedClock) -> str:
    session.commit()
    return queries.round_state(queries.get_round_by_slug(session, "march"), clock.now())


def closed_vote(session: Session, *, keys: RoundKeys, clock: FixedClock) -> Round:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 137, "port,schools": 61}, keys=keys, clock=clock)
    return close_vote(session, round_, clock=clock)


def test_only_who_checks_boxes_sees_the_page_and_acts_there(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    closed_vote(session, keys=keys, clock=clock)
    people = {role: signed_in(app, make_staff(session, clock=clock, role=role)) for role in ("editor", "treasurer")}
    people["reader"] = signed_in(app, make_member(session, clock=clock))

    for client in people.values():
        assert (client.get(BOX).status_code, {act(client, what).status_code for what in ACTS}) == (403, {403})
    assert app.test_client().get(BOX).status_code == 303
    assert state_of(session, clock) == "closed"


def test_two_people_check_it_without_seeing_a_count(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = closed_vote(session, keys=keys, clock=clock)
    first, second = (signed_in(app, make_staff(session, clock=clock)) for _ in range(2))
    seen = [text_of(first.get(BOX))]

    assert act(first, "").status_code == 303
    seen.append(text_of(first.get(BOX)))
    refused = act(first, "/confirmation")
    assert (refused.status_code, "A second person has to confirm it." in text_of(refused)) == (403, True)
    seen.append(text_of(second.get(BOX)))
    assert act(second, "/confirmation").status_code == 303
    seen.append(text_of(second.get(BOX)))

    wanted = ("198 of 198 who could vote", "nobody checks a box alone", "A first person checked this box", "by two people, on")
    assert [words in page for words, page in zip(wanted, seen, strict=True)] == [True] * 4
    assert round_.closing
    assert round_.closing.roll_sha256 in seen[0]
    for page in seen:
        assert [leak for leak in ("About water", "137", " 61 ", ">61<") if leak in page] == []
    assert state_of(session, clock) == "certified"


def test_a_first_check_is_taken_back(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    closed_vote(session, keys=keys, clock=clock)
    first, second = (signed_in(app, make_staff(session, clock=clock)) for _ in range(2))
    act(first, "")

    assert "Take the first check back" in text_of(second.get(BOX))
    assert (act(second, "/removal").status_code, state_of(session, clock)) == (303, "closed")


def test_who_alone_can_is_told_when_to_look_again_and_what_the_result_will_say(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    closed_vote(session, keys=keys, clock=clock)
    member_id = make_staff(session, clock=clock)
    alone = signed_in(app, member_id)
    seen = [text_of(alone.get(BOX))]
    act(alone, "")
    seen.append(text_of(alone.get(BOX)))
    too_soon = act(alone, "/confirmation")
    clock.instant += timedelta(hours=24)
    alone = signed_in(app, member_id)
    seen.append(text_of(alone.get(BOX)))

    assert (too_soon.status_code, "look again 24 hours after" in text_of(too_soon)) == (403, True)
    assert act(alone, "/confirmation").status_code == 303
    seen.append(text_of(alone.get(BOX)))
    wanted = ("look again after 24 hours", "Look again and confirm from", "one person checked the box.", "by one person, on")
    assert [words in page for words, page in zip(wanted, seen, strict=True)] == [True] * 4
    assert "One person checked the ballot box" in text_of(app.test_client().get("/votes/march"))


def test_what_is_wrong_with_a_key_is_said(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = closed_vote(session, keys=keys, clock=clock)
    counter = signed_in(app, make_staff(session, clock=clock))
    folder, away = keys.directory, keys.directory.with_name("unmounted")
    folder.rename(away)

    missing, refused = text_of(counter.get(BOX)), act(counter, "")
    away.rename(folder)
    (folder / f"round-{round_.id}.key").unlink()
    lost = text_of(counter.get(BOX))

    assert ("the folder with the votes’ keys is missing" in missing, "Everything is in order" in missing) == (True, False)
    assert (refused.status_code, state_of(session, clock)) == (503, "closed")
    assert ("nobody can be told apart" in lost, "Everything is in order" in lost) == (True, True)


def test_without_a_closed_box_the_page_says_why_there_is_nothing_to_do(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    counter_id = make_staff(session, clock=clock)
    counter = signed_in(app, counter_id)
    [water] = topic_ids(session, "water")
    services.withdraw_topic(session, round_id=round_.id, topic_id=water, reason="Out", actor_id=counter_id, clock=clock)

    still_open = text_of(counter.get(BOX))
    close_vote(session, round_, clock=clock)
    closed = text_of(signed_in(app, counter_id).get(BOX))
    services.void_round(session, round_id=round_.id, reason="Wrong list", actor_id=counter_id, clock=clock)
    void = text_of(signed_in(app, counter_id).get(BOX))

    assert "once the vote has closed" in still_open
    assert "a ballot on which only such topics are ticked is a ballot all the same" in closed
    assert ("nothing to check" in void, "Everything is in order" in void) == (True, False)
