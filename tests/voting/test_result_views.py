"""The public result: its page, its files, its feed; what is said when something was out of the ordinary."""

import json
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import BoxCheck, Round
from tests.factories.voting import (
    cast_all,
    change_periods,
    count_vote,
    make_patrons,
    make_staff,
    open_box,
    open_vote,
    publish_counted,
    publish_vote,
    topic_ids,
)
from tests.voting.test_views import published, signed_in, text_of

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def page_of(app: Flask, address: str = "/votes/march") -> str:
    return text_of(app.test_client().get(address))


def data_of(app: Flask) -> Any:
    return json.loads(app.test_client().get("/votes/march/result.json").data)


def withdraw(session: Session, round_: Round, slug: str, *, clock: FixedClock) -> None:
    [topic_id], actor_id = topic_ids(session, slug), make_staff(session, clock=clock)
    act = services.withdraw_topic
    act(session, round_id=round_.id, topic_id=topic_id, reason="Already reported.", actor_id=actor_id, clock=clock)


@pytest.mark.parametrize("file", ["json", "csv"])
def test_before_it_is_public_there_are_no_files(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys, file: str
) -> None:
    count_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)

    assert app.test_client().get(f"/votes/march/result.{file}").status_code == 404


def test_the_result_page_says_who_won_and_answers_why_not(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    published(session, {"water": 22, "water,port": 48, "water,schools": 12, "port": 22, "schools": 46}, keys=keys, clock=clock)

    page = page_of(app)

    assert "Readers chose “About water” and “About schools”." in page
    assert "150 of 150 patrons voted." in page
    assert "“About water” won first: 82 ticks, more than any other." in page
    assert (
        "“About schools” came next with 52 points: 46 readers who had won nothing yet, "
        "and 12 who had won with “About water” and counted half." in page
    )
    assert "Why not “About port”? It had more ticks (70 against 58)." in page
    assert "48 of its 70 readers had just won with “About water”, so they counted half: 22 + 24 = 46 points" in page
    assert (
        "By ticks alone “About water” and “About port” would have won, and 46 readers would have got nothing; this way it is 22."
        in page
    )
    assert "Check the count yourself" in page
    # And the drawings say in words what can be seen.
    assert "<title>About water: 82 ticks, on 55 % of all ballots</title>" in page
    assert "<title>About port: 46 points</title><desc>22 counted whole + 48 counted half</desc>" in page
    assert page.count('role="img"') == page.count("<title>") - 1


def test_the_published_data_adds_up(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    published(session, {"water": 60, "port,water": 30, "schools": 30}, keys=keys, clock=clock)

    data = data_of(app)

    assert (data["ballots_counted"], data["winners"], data["ticks"]) == (
        120,
        ["water", "schools"],
        {"water": 90, "port": 30, "schools": 30},
    )
    for step in data["steps"]:
        for slug, row in step["readers_by_winners_held"].items():
            unit = data["points_are_in_units_of_one_in"]
            assert step["scores"][slug] == sum(many * unit // (held + 1) for held, many in enumerate(row))


@pytest.mark.parametrize(("many", "keys_there"), [(19, ()), (99, ("ticks", "steps"))])
def test_fewer_ballots_publish_fewer_numbers(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys, many: int, keys_there: tuple[str, ...]
) -> None:
    published(session, {"water": many - 5, "port,water": 3, "schools": 2}, keys=keys, clock=clock)
    client = app.test_client()

    data = json.loads(client.get("/votes/march/result.json").data)
    page = text_of(client.get("/votes/march"))
    table = client.get("/votes/march/result.csv").get_data(as_text=True)

    assert tuple(key for key in ("ticks", "steps") if key in data) == keys_there
    assert "readers_by_winners_held" not in json.dumps(data)
    assert ("Fewer than 20 voted" in page, "All numbers" in page) == (not keys_there, bool(keys_there))
    assert ("ticks" in table) == bool(keys_there)
    assert "who had won nothing yet" not in page


def test_below_20_ballots_readers_and_staff_see_the_order_alone(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    published(session, {"water": 4, "port": 4, "schools": 2}, keys=keys, clock=clock)
    staff = signed_in(app, make_staff(session, clock=clock))

    for page in (page_of(app), text_of(staff.get("/staff/votes/march/count"))):
        assert "won first." in page
        for told in ("By ticks alone", "equal in everything", "the same points", "Both ways of counting", "How close", "<svg"):
            assert told not in page


def test_a_vote_voided_after_its_count_shows_the_count_and_chose_nothing(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    cast_all(session, round_, {"water": 25, "port": 12}, keys=keys, clock=clock)
    count_vote(session, round_, keys=keys, clock=clock)
    first, second = make_staff(session, clock=clock), make_staff(session, clock=clock)
    services.void_round(session, round_id=round_.id, reason="Ballots were bought.", actor_id=first, clock=clock)

    asked = app.test_client().get("/votes/march/result.json").status_code
    services.confirm_voiding(session, round_id=round_.id, actor_id=second, now=clock.now())
    page, data = page_of(app), data_of(app)
    review = text_of(signed_in(app, first).get("/staff/votes/march/count"))

    assert asked == 404
    for said in ("This vote was voided: nothing was chosen.", "Ballots were bought.", "won first: 25 ticks"):
        assert said in page
    assert "Readers chose" not in page
    assert ">chosen<" not in page + review
    assert (data["voided_because"], data["published_at"], data["ticks"]["water"]) == ("Ballots were bought.", None, 25)


def test_a_withdrawn_topic_counts_for_nobody_and_is_named(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"port": 20, "port,water": 6, "schools": 4}, keys=keys, clock=clock)
    withdraw(session, round_, "port", clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)

    page, data = page_of(app), data_of(app)

    assert (data["winners"], data["ticks"], data["ballots_counted"]) == (["water", "schools"], {"schools": 4, "water": 6}, 30)
    assert data["withdrawn_topics"] == {"port": "Already reported."}
    assert ("About port" in page, "Already reported." in page) == (True, True)


def test_where_every_topic_that_was_left_has_won_nobody_is_told_that_none_was_ticked(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock, seats=3)
    cast_all(session, round_, {"water": 12, "schools": 9}, keys=keys, clock=clock)
    withdraw(session, round_, "port", clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)

    page, review = page_of(app), text_of(signed_in(app, make_staff(session, clock=clock)).get("/staff/votes/march/count"))

    assert "We promised 3 stories, but no other topic was left on the ballot." in page
    assert ("Fewer stories were chosen than promised." in review, "nobody ticked any other" in page) == (True, False)


def test_where_only_withdrawn_topics_were_ticked_it_says_so(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"port": 21}, keys=keys, clock=clock)
    withdraw(session, round_, "port", clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)

    page, review = page_of(app), text_of(signed_in(app, make_staff(session, clock=clock)).get("/staff/votes/march/count"))

    said = "Nothing was chosen: only what was taken off the ballot had been ticked."
    assert (said in page, said in review) == (True, True)


def test_fewer_winners_than_promised_and_a_box_checked_by_one_person_are_said(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    published(session, {"water": 21}, keys=keys, clock=clock)
    with transaction(session):
        session.execute(update(BoxCheck).values(checked_alone=True))

    page, data = page_of(app), data_of(app)

    assert "We promised 2 stories, but nobody ticked any other topic." in page
    assert ("One person, twice, with a day between" in page, "Two people, before" in page) == (True, False)
    assert data["box_checked_by_one_person"] is True


def test_a_vote_without_a_ballot_chose_nothing(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    make_patrons(session, 3, clock=clock)
    publish_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)

    page = page_of(app)

    assert ("Nothing was chosen: nobody voted." in page, "0 of 3 patrons voted." in page) == (True, True)


def test_a_lot_is_said_with_what_it_was_drawn_from(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    published(session, {"water": 15, "port": 15}, keys=keys, clock=clock, seats=1)

    page, data = page_of(app), data_of(app)

    assert "“About port” and “About water” were equal in everything, so the lot decided." in page
    assert all(data["lots"][slug] in page for slug in ("water", "port"))
    assert data["steps"][0]["decided_by_lot"] == ["port", "water"]


def test_a_lost_key_is_said(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = certified_without_key(session, clock, keys)
    open_box(session, round_, clock=clock)
    publish_counted(session, round_, clock=clock)

    page = page_of(app)

    assert "This vote’s key was lost, so there is no list of ballot numbers" in page
    assert "Who took part" not in page
    assert "Look for my ballot" not in page


def certified_without_key(session: Session, clock: FixedClock, keys: RoundKeys) -> Round:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 25}, keys=keys, clock=clock)
    clock.instant = round_.closes_at
    services.close_due_rounds(session, clock=clock)
    keys.destroy(round_.id)
    for verb in (services.check_box, services.confirm_check):
        verb(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())
    return queries.get_round(session, round_.id)


def test_who_took_part_is_told_without_small_groups(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    stayed_away = make_patrons(session, 26, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    voters = cast_all(session, round_, {"water": 30}, keys=keys, clock=clock)
    change_periods(session, voters[:12] + stayed_away[:11], starts_at=clock.now() - timedelta(days=500))
    publish_vote(session, round_, keys=keys, clock=clock)

    page, data = page_of(app), data_of(app)

    assert 'up to three months</th> <td class="number">18</td>' in page
    assert "Fewer than 10 of the voters became patrons while the vote was open." in page
    assert "By the story through which they became patrons" not in page  # all through none: that is no table
    assert data["who_took_part"] == {
        "source": {"free_seat": 30},
        "tenure": {"months_3": 18, "years_3": 12},
        "story": {"none": 30},
        "joined_while_open": {"code": "few", "voted": None},
    }


def test_the_feed_tells_of_published_results_alone_in_two_languages(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    published(session, {"water": 3, "port": 1}, keys=keys, clock=clock, seats=1)
    other = open_vote(session, keys=keys, clock=clock, slug="april", topics=("roads", "parks"))
    count_vote(session, other, keys=keys, clock=clock)
    with transaction(session):
        queries.get_round_by_slug(session, "march").name_uk = "Березневе голосування"

    response = app.test_client().get("/votes/feed.xml")
    english, ukrainian = (
        ElementTree.fromstring(app.test_client().get(path).data) for path in ("/votes/feed.xml", "/uk/votes/feed.xml")
    )

    assert response.content_type == "application/atom+xml; charset=utf-8"
    [entry] = english.findall("a:entry", ATOM)
    assert [entry.findtext(f"a:{name}", namespaces=ATOM) for name in ("title", "summary", "published")] == [
        "The March vote: Readers chose “About water”.",
        "4 ballots were counted.",
        (clock.now() - timedelta(days=7)).astimezone(app.extensions["kernel"].settings.time_zone).isoformat(timespec="seconds"),
    ]
    assert "Березневе голосування" in (ukrainian.findtext("a:entry/a:title", namespaces=ATOM) or "")
