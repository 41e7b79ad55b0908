"""The staff's page of a count: who opens the box, what is reviewed, what money that came back means."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import CertifiedBallot, Round
from tests.factories.accounts import SAME_ORIGIN
from tests.factories.voting import cast_all, certify_vote, change_periods, count_vote, make_patrons, make_staff, open_vote
from tests.voting.test_views import signed_in, text_of

COUNT = "/staff/votes/march/count"
NUMBERS = {"water": 40, "port,water": 50, "schools": 30}


def staff(app: Flask, session: Session, clock: FixedClock, role: str = "counter") -> FlaskClient:
    return signed_in(app, make_staff(session, clock=clock, role=role))


def post(client: FlaskClient, what: str = "") -> Any:
    return client.post(COUNT + what, headers=SAME_ORIGIN)


def counted(session: Session, profile: dict[str, int], *, keys: RoundKeys, clock: FixedClock, seats: int = 2) -> Round:
    round_ = open_vote(session, keys=keys, clock=clock, seats=seats)
    cast_all(session, round_, profile, keys=keys, clock=clock)
    return count_vote(session, round_, keys=keys, clock=clock)


@pytest.mark.parametrize("opened", [False, True])
def test_before_the_box_is_opened_there_is_nothing_to_see(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys, opened: bool
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, NUMBERS, keys=keys, clock=clock)
    if not opened:
        certify_vote(session, round_, keys=keys, clock=clock)
    client = staff(app, session, clock, "admin")

    page = text_of(client.get(COUNT))

    assert [client.get(f"{COUNT}/result.{file}").status_code for file in ("json", "csv")] == [404, 404]
    for told in ("won first", "90", "Step by step", "<svg"):
        assert told not in page
    assert "There is nothing to see before the box is opened" in page or "120 ballots wait to be counted." in page


def test_only_a_counter_opens_and_publishes(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    certify_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)
    editor, counter = staff(app, session, clock, "editor"), staff(app, session, clock)

    assert [post(editor).status_code, post(editor, "/publication").status_code] == [403, 403]
    assert "Open the box" not in text_of(editor.get(COUNT))
    assert "Open the box" in text_of(counter.get(COUNT))
    assert post(counter).headers["Location"] == COUNT
    assert "Publish now" not in text_of(editor.get(COUNT))
    assert post(counter, "/publication").headers["Location"] == COUNT
    session.commit()
    assert queries.round_state(queries.get_round_by_slug(session, "march"), clock.now()) == "published"


def test_the_review_shows_both_rules_each_step_and_how_close_it_was(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    counted(session, NUMBERS | {"port": 5}, keys=keys, clock=clock)
    client = staff(app, session, clock)

    page = text_of(client.get(COUNT))
    data = json.loads(client.get(f"{COUNT}/result.json").data)

    assert "“About port” came next with 30 points: 5 readers who had won nothing yet, and 50 who had won with" in page
    assert "Both ways of counting" in page
    assert '<td>About water</td><td class="number">90 ticks</td> <td>About port</td> <td class="number">35 ticks</td>' in page
    assert "equal: more ticks decided" in page  # port: 5 + 50 halves = 30 points, too
    assert (data["published_at"], data["winners"], "schools,About schools" in client.get(f"{COUNT}/result.csv").text) == (
        None,
        ["water", "port"],
        True,
    )


def test_a_recount_says_whether_somebody_has_touched_a_ballot(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = counted(session, NUMBERS, keys=keys, clock=clock)
    client = staff(app, session, clock, "editor")

    same = text_of(client.get(post(client, "/recount").headers["Location"]))
    with transaction(session):
        session.execute(insert(CertifiedBallot).values(id=uuid4(), round_id=round_.id, topics="port"))
    other = text_of(client.get(post(client, "/recount").headers["Location"]))

    assert ("exactly the same result" in same, "the result is NOT the same" in other) == (True, True)


def test_while_a_second_person_is_asked_whether_it_is_void_nobody_publishes_early(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = counted(session, NUMBERS, keys=keys, clock=clock)
    services.void_round(session, round_id=round_.id, reason="Bought.", actor_id=make_staff(session, clock=clock), clock=clock)
    client = staff(app, session, clock)

    page, desk, refused = text_of(client.get(COUNT)), text_of(client.get("/staff")), post(client, "/publication")

    assert "Somebody has asked for this vote to be voided. A second person decides before" in desk
    assert ("Publish now" in page, "Somebody has asked for this vote to be voided: Bought." in page) == (False, True)
    assert (refused.status_code, "before that is decided" in text_of(refused)) == (409, True)
    assert round_.count
    assert services.publish_due(session, now=round_.count.publish_at) == 1


def test_money_that_came_back_is_told_against_the_margin(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    stayed_away = make_patrons(session, 12, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    cast_all(session, round_, {"water": 30, "port": 18}, keys=keys, clock=clock)
    count_vote(session, round_, keys=keys, clock=clock)
    change_periods(session, stayed_away, reversed_at=clock.now() + timedelta(hours=1))
    clock.instant += timedelta(hours=2)
    client = staff(app, session, clock)

    page, desk = text_of(client.get(COUNT)), text_of(client.get("/staff"))

    assert "12 patrons who could vote have had all the money for this time back" in page
    assert "Whether they voted is nobody’s to know. It was decided by 12 ticks." in page
    assert "Money that came back since it was counted could have changed the result." in desk
