"""The desk's pages of a vote's life: each step by who may take it, with public words, and no number before the box is opened."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.voting import queries
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from membership.voting.round_list import list_of
from tests.factories.accounts import SAME_ORIGIN
from tests.factories.voting import (
    cast_all,
    close_vote,
    count_vote,
    make_member,
    make_round,
    make_staff,
    make_supporters,
    make_topics,
    open_vote,
    publish_vote,
)
from tests.voting.test_views import signed_in, text_of

PAGES = ("/staff/votes", "/staff/votes.csv", "/staff/votes/new", "/staff/votes/march", "/staff/votes/march/preview")
EDITORS = ("schedule", "schedule/removal", "opening", "removal", "settings")
BOTH = ("extension", "closing", "topics/withdrawal", "voiding", "voiding/confirmation", "voiding/removal")
NOTE = "The mayor resigned."
VOTE = {"name": "The April vote", "seats": "1", "electorate": "while_open", "max_ticks": "3"}
HOURS = {"settling_hours": "72", "embargo_hours": "24"}

INCOMPLETE: tuple[tuple[str, dict[str, str], str], ...] = (
    ("closing", {"note": " "}, "Say why"),
    ("extension", {"closes_at": "2026-04-01T20:00"}, "Say why"),
    ("extension", {"closes_at": "2026-03-29T03:30", "extension_note": NOTE}, "this time does not exist"),
    ("extension", {"closes_at": "2026-03-23T20:00", "extension_note": NOTE}, "later than the one announced"),
    ("topics/withdrawal", {"withdrawal_reason": NOTE}, "Choose a topic"),
    ("voiding", {"void_reason": ""}, "Say why"),
)


def act(client: FlaskClient, what: str, **data: Any) -> Any:
    return client.post(f"/staff/votes/march/{what}", data=data, headers=SAME_ORIGIN)


def staff(app: Flask, session: Session, clock: FixedClock, role: str = "editor") -> FlaskClient:
    return signed_in(app, make_staff(session, clock=clock, role=role))


def set_up(client: FlaskClient, preset: str, topics: list[int], **more: str) -> Any:
    data = VOTE | HOURS | {"topics": topics} | more
    return client.post(f"/staff/votes/new?preset={preset}", data=data, headers=SAME_ORIGIN)


def state_of(session: Session, clock: FixedClock) -> str:
    session.commit()
    return queries.round_state(queries.get_round_by_slug(session, "march"), clock.now())


def test_readers_see_none_of_it(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    open_vote(session, keys=keys, clock=clock)
    reader, stranger = signed_in(app, make_member(session, clock=clock)), app.test_client()

    assert {reader.get(page).status_code for page in PAGES} == {403}
    assert {act(reader, what).status_code for what in EDITORS + BOTH} == {403}
    assert {stranger.get(page).status_code for page in PAGES} == {303}
    assert state_of(session, clock) == "open"


def test_each_role_does_its_own_part(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    open_vote(session, keys=keys, clock=clock)

    for role, refused in (("treasurer", EDITORS + BOTH), ("counter", EDITORS), ("editor", ())):
        client = staff(app, session, clock, role)
        assert {what for what in EDITORS + BOTH if act(client, what).status_code == 403} == set(refused), role
    assert state_of(session, clock) == "open"


def test_an_empty_desk_says_what_to_do_next(app: Flask, session: Session, clock: FixedClock) -> None:
    editor = staff(app, session, clock)

    assert "Set up the first one" in text_of(editor.get("/staff/votes"))
    assert "Go to the topics" in text_of(editor.get("/staff/votes/new"))
    assert "There has been no vote yet." in text_of(staff(app, session, clock, "counter").get("/staff/votes"))


def test_a_form_with_faults_keeps_everything_and_says_each(app: Flask, session: Session, clock: FixedClock) -> None:
    topics = make_topics(session, ["water", "port", "roads"], clock=clock)
    times = {"opens_at": "2026-03-29T03:30", "closes_at": "2026-03-22T14:00"}
    editor = staff(app, session, clock)

    refused = set_up(editor, "custom", topics[:1], seats="3", **times, max_ticks="40")
    said = text_of(refused)

    assert refused.status_code == 422
    for fault in (
        "There is a problem",
        "Choose two topics or more.",
        "You promise more stories than there are topics",
        "this time does not exist",
        "Enter a number from 1 to 10.",
    ):
        assert fault in said
    assert "The April vote" in said
    assert queries.all_rounds(session) == []


def test_a_topic_that_has_found_another_ballot_meanwhile_is_told_apart_from_too_few(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    topics = make_topics(session, ["roads", "sea", "water"], clock=clock)
    open_vote(session, keys=keys, clock=clock)

    refused = set_up(staff(app, session, clock), "custom", topics, opens_at="2026-04-01T20:00", closes_at="2026-04-02T20:00")

    said = text_of(refused)
    assert ("can’t stand on a ballot any more" in said, "Choose two topics or more." in said) == (True, False)


def test_what_no_form_of_ours_sends_is_a_fault_too(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    topics = make_topics(session, ["roads", "sea"], clock=clock)
    open_vote(session, keys=keys, clock=clock)
    editor = staff(app, session, clock)
    odd = {"opens_at": "tomorrow", "closes_at": "", "electorate": "all", "max_ticks": "x", "settling_hours": "", "seats": "many"}

    for preset in ("custom", "quick", "daily"):
        assert set_up(editor, preset, topics, **odd).status_code == 422
        assert set_up(editor, preset, ["x"], **{**odd, "seats": ""}).status_code == 422  # type: ignore[list-item]
    for what, typed in (
        ("extension", {"closes_at": "never", "extension_note": NOTE}),
        ("topics/withdrawal", {"topic": "x", "withdrawal_reason": NOTE}),
        ("topics/withdrawal", {"topic": str(topics[0]), "withdrawal_reason": NOTE}),
    ):
        assert act(editor, what, **typed).status_code == 422
    assert len(queries.all_rounds(session)) == 1


def test_a_kind_of_vote_holds_its_editor_to_what_it_is(app: Flask, session: Session, clock: FixedClock) -> None:
    topics, editor = make_topics(session, ["water", "port", "roads", "schools", "sea"], clock=clock), staff(app, session, clock)

    for preset, said in (("quick", "three or four topics"), ("monthly", "six to eight topics")):
        refused = set_up(editor, preset, topics, opens_at="2026-03-23T20:00")
        assert (refused.status_code, said in text_of(refused)) == (422, True), preset
    assert queries.all_rounds(session) == []


def test_a_first_monthly_vote_promises_one_story_and_closes_after_a_week_on_the_newsrooms_clock(
    app: Flask, session: Session, clock: FixedClock
) -> None:
    topics = make_topics(session, [f"topic-{number}" for number in range(6)], clock=clock)
    editor = staff(app, session, clock)
    make_supporters(session, topics[3], 2, clock=clock)
    page = text_of(editor.get("/staff/votes/new"))
    assert ("Your first vote promises one story" in page, "topic-3 (2 patrons support it)" in page) == (True, True)

    # Summer time begins in Kyiv on 29 March 2026: the same hour of the clock is another hour in UTC.
    made = set_up(editor, "monthly", topics, opens_at="2026-03-28T20:00")

    round_ = queries.get_round_by_slug(session, "the-april-vote")
    assert (made.status_code, made.headers["Location"]) == (303, "/staff/votes/the-april-vote")
    assert (round_.opens_at.isoformat(), round_.closes_at.isoformat()) == ("2026-03-28T18:00:00+00:00", "2026-04-04T17:00:00+00:00")
    assert (round_.preset, round_.seats, round_.rule, round_.scheduled_at) == ("monthly", 1, "plain", None)
    assert app.test_client().get("/votes/the-april-vote").status_code == 404


def test_a_draft_is_changed_looked_at_announced_and_opened(app: Flask, session: Session, clock: FixedClock) -> None:
    make_round(session, clock=clock, draft=True)
    editor = staff(app, session, clock)
    assert "readers don’t see it" in text_of(editor.get("/staff/votes/march"))

    change = {"opens_at": "2026-03-22T14:00", "closes_at": "2026-03-25T20:00", "seats": "2", "plain": "y"}
    topics = [entry.topic_id for entry in queries.get_round_by_slug(session, "march").topics]
    changed = act(editor, "settings", **VOTE | HOURS | change | {"name": "The March vote!", "topics": topics})
    preview = text_of(editor.get("/staff/votes/march/preview"))
    assert changed.status_code == 303
    assert ("About water" in preview, "Nothing can be sent from here" in preview, "Send my ballot”" in preview) == (True,) * 3
    assert "votes/march/ballot" not in editor.get("/staff/votes/march/preview").get_data(as_text=True)

    assert [act(editor, what).status_code for what in ("schedule", "schedule/removal", "schedule", "opening")] == [303] * 4
    assert state_of(session, clock) == "open"
    done = queries.get_round_by_slug(session, "march")
    assert (done.name, done.seats, done.rule, done.closes_at.isoformat()) == (
        "The March vote!",
        2,
        "plain",
        "2026-03-25T18:00:00+00:00",
    )
    assert editor.get("/staff/votes/march/settings").status_code == 409


def test_a_vote_set_up_by_mistake_is_taken_back(app: Flask, session: Session, clock: FixedClock) -> None:
    make_round(session, clock=clock)
    editor = staff(app, session, clock)

    assert "Take this vote back" in text_of(editor.get("/staff/votes/march"))
    assert act(editor, "removal").status_code == 303
    session.commit()
    assert queries.find_round_by_slug(session, "march") is None


def test_a_change_without_what_it_needs_changes_nothing_and_keeps_what_was_typed(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    open_vote(session, keys=keys, clock=clock)
    editor = staff(app, session, clock)

    for what, typed, said in INCOMPLETE:
        refused = act(editor, what, **typed)
        page = text_of(refused)
        kept = [value for name, value in typed.items() if name.endswith(("note", "reason")) and value.strip()]
        assert (refused.status_code, said in page, "There is a problem" in page) == (422, True, True), what
        assert all(value in page for value in kept)
    assert state_of(session, clock) == "open"


def test_everybody_reads_what_was_changed_while_it_was_open(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    [water, *_others] = [entry.topic_id for entry in round_.topics]
    editor = staff(app, session, clock)

    assert act(editor, "extension", closes_at="2026-04-05T20:00", extension_note="The flood cut us off.").status_code == 303
    assert act(editor, "extension", closes_at="2026-04-06T20:00", extension_note="It rained on.").status_code == 303
    assert act(editor, "topics/withdrawal", topic=water, withdrawal_reason="Reported by others.").status_code == 303
    for page in ("/votes/march", "/staff/votes/march"):
        said = text_of(editor.get(page))
        assert ("The flood cut us off." in said, "It rained on." in said) == (True, True)
        assert "Its end was moved to Sunday 5 April 2026, 20:00 in Kyiv" in said
        assert "Its end was moved to Monday 6 April 2026, 20:00 in Kyiv" in said
        assert ("Taken off the ballot:" in said, "Reported by others." in said) == (True, True)
    assert act(editor, "closing", note=NOTE).status_code == 303
    said = text_of(app.test_client().get("/votes/march"))
    assert ("It closed earlier than announced." in said, NOTE in said, "Its end was moved to" in said) == (True, True, True)
    assert state_of(session, clock) == "closed"


def test_a_counted_vote_is_voided_by_two_and_readers_see_why(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    count_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)
    first, second = (staff(app, session, clock, "counter") for _ in range(2))

    assert act(first, "voiding", void_reason="Somebody bought forty memberships.").status_code == 303
    mine, theirs = text_of(first.get("/staff/votes/march")), text_of(second.get("/staff/votes/march"))
    assert ("Confirm: this vote is void" in mine, "Confirm: this vote is void" in theirs) == (False, True)
    assert "bought forty" not in text_of(app.test_client().get("/votes/march"))
    assert act(first, "voiding/confirmation").status_code == 403
    assert act(second, "voiding/confirmation").status_code == 303

    assert state_of(session, clock) == "voided"
    assert "Somebody bought forty memberships." in text_of(app.test_client().get("/votes/march"))


def test_an_open_vote_is_voided_by_one(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 3}, keys=keys, clock=clock)

    assert act(staff(app, session, clock), "voiding", void_reason=NOTE).status_code == 303

    said = text_of(app.test_client().get("/votes/march"))
    assert (state_of(session, clock), NOTE in said, "About water" in said) == ("voided", True, False)
    [line] = list_of(session, search="", group="voided", page=1, at=clock.now()).lines
    assert line.turnout is None  # its ballots are gone: nought would be a wrong number


def test_while_it_is_open_staff_see_a_rounded_turnout_and_no_count(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 37}, keys=keys, clock=clock)

    admin = staff(app, session, clock, "admin")
    said, listed = text_of(admin.get("/staff/votes/march")), text_of(admin.get("/staff/votes"))

    assert ("at least 30 of 37 who can vote" in said, "Nobody can see who is ahead" in said) == (True, True)
    assert ("at least 30" in listed, "37" in admin.get("/staff/votes.csv").get_data(as_text=True)) == (True, True)


def test_each_state_leads_to_its_next_page(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_: Round = close_vote(session, open_vote(session, keys=keys, clock=clock), clock=clock)
    counter, editor = staff(app, session, clock, "counter"), staff(app, session, clock)

    assert "/staff/votes/march/box" in counter.get("/staff/votes/march").get_data(as_text=True)
    assert "/staff/votes/march/box" not in editor.get("/staff/votes/march").get_data(as_text=True)
    publish_vote(session, round_, keys=keys, clock=clock)
    assert "/staff/votes/march/count" in editor.get("/staff/votes/march").get_data(as_text=True)


def test_the_list_is_searched_by_name_and_by_state_and_its_csv_shows_the_same(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    open_vote(session, keys=keys, clock=clock)
    make_round(session, clock=clock, slug="april", topics=("a", "b"), draft=True)
    editor = staff(app, session, clock)

    def names(page: str) -> set[str]:
        text = editor.get(page).get_data(as_text=True)
        return {name for name in ("The March vote", "The April vote") if name in text}

    asked = ("", "?q=apr", "?state=open", "?state=preparing", "?state=voided", "?page=7")
    expected = [
        {"The March vote", "The April vote"},
        {"The April vote"},
        {"The March vote"},
        {"The April vote"},
        set(),
        {"The March vote", "The April vote"},  # a page past the last one is the last
    ]
    assert [names(f"/staff/votes{query}") for query in asked] == expected
    assert [names(f"/staff/votes.csv{query}") for query in asked] == expected


def test_every_act_is_in_the_audit_trail_with_its_public_words(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    make_round(session, clock=clock, draft=True)
    editor = staff(app, session, clock)
    for what in ("schedule", "opening"):
        act(editor, what)
    act(editor, "extension", closes_at="2026-04-05T20:00", extension_note="The flood cut us off.")
    act(editor, "closing", note=NOTE)
    session.commit()

    entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_type == "round").order_by(AuditEntry.id)).all()
    assert [(entry.act, entry.reason) for entry in entries] == [
        ("round.created", ""),
        ("round.scheduled", ""),
        ("round.opened", ""),
        ("round.extended", "The flood cut us off."),
        ("round.closed", NOTE),
    ]
