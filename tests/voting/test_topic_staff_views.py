"""The editors' pages about topics: answering, wording, putting together, the list and its file."""

import csv
from io import StringIO

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.voting import services, topic_queries
from membership.voting.keys import RoundKeys
from membership.voting.models import Topic
from tests.factories.voting import make_patron, make_staff, make_topics, open_vote
from tests.voting.test_topic_views import QUESTION, make_suggestion, signed_in
from tests.voting.test_views import text_of


def states(session: Session) -> dict[str, str]:
    session.commit()
    return {row.slug: row.state for row in session.execute(select(Topic.slug, Topic.state).order_by(Topic.id))}


def test_only_editors_see_the_pages(app: Flask, session: Session, clock: FixedClock) -> None:
    [topic] = make_topics(session, ["water"], clock=clock)
    counter = signed_in(app, make_staff(session, clock=clock, role="counter"))

    pages = ("", ".csv", "/new", f"/{topic}", f"/{topic}/wording", f"/{topic}/merge")
    assert [counter.get(f"/staff/topics{page}").status_code for page in pages] == [403] * 6


def test_an_editor_answers_a_suggestion(app: Flask, session: Session, clock: FixedClock) -> None:
    topic = make_suggestion(session, clock, make_patron(session, clock=clock))
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))
    here = f"/staff/topics/{topic.id}"
    assert QUESTION in text_of(editor.get("/staff/topics"))

    wordless = editor.post(f"{here}/decision", data={"state": "declined", "reason": " "})
    nonsense = editor.post(f"{here}/decision", data={"state": "chosen"})
    assert [(page.status_code, "There is a problem" in page.text) for page in (wordless, nonsense)] == [(422, True)] * 2
    assert ('href="#reason">Say why' in wordless.text, states(session)) == (True, {topic.slug: "suggested"})

    taken = editor.post(f"{here}/decision", data={"state": "approved"})
    declined = editor.post(f"{here}/decision", data={"state": "declined", "reason": "Reported in May."})
    assert [each.headers["Location"] for each in (taken, declined)] == ["/staff/topics", here]
    assert "Reported in May." in text_of(editor.get(here))

    editor.post(f"{here}/decision", data={"state": "reopened"})
    assert states(session) == {topic.slug: "approved"}


def test_a_topic_on_an_open_ballot_is_left_alone(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))
    here = f"/staff/topics/{round_.topics[0].topic_id}"
    [roads] = make_topics(session, ["roads"], clock=clock)

    refused = [
        editor.post(f"{here}/decision", data={"state": "declined", "reason": "No."}),
        editor.post(f"{here}/wording", data={"title": "Another title for it"}),
        editor.post(f"{here}/merge", data={"into": roads}),
    ]

    assert [(page.status_code, "under way" in text_of(page)) for page in refused] == [(422, True)] * 3


def test_a_topic_is_worded_anew_and_its_first_words_are_kept(app: Flask, session: Session, clock: FixedClock) -> None:
    topic = make_suggestion(session, clock, make_patron(session, clock=clock))
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))
    here = f"/staff/topics/{topic.id}"

    page = editor.get(f"{here}/wording")
    refused = editor.post(f"{here}/wording", data={"title": "tiny", "why": "Kept words"})
    sent = editor.post(f"{here}/wording", data={"title": "The bridge at the mill", "sources": "https://example.org/a"})

    assert f'value="{QUESTION}"' in page.text
    assert (refused.status_code, "Kept words" in refused.text) == (422, True)
    assert sent.headers["Location"] == here
    shown = text_of(editor.get(here))
    assert [words in shown for words in ("The bridge at the mill", "What it said at first", QUESTION)] == [True] * 3


def test_putting_together_says_first_how_many_supporters_move(app: Flask, session: Session, clock: FixedClock) -> None:
    [port, harbour] = make_topics(session, ["port", "harbour"], clock=clock)
    both, one = make_patron(session, clock=clock), make_patron(session, clock=clock)
    for topic_id, member_id in ((port, both), (port, one), (harbour, both)):
        services.support_topic(session, topic_id=topic_id, member_id=member_id)
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))
    here = f"/staff/topics/{port}/merge"

    assert f'name="into" value="{harbour}"' in editor.get(f"{here}?q=HARB").text
    preview = text_of(editor.get(f"{here}?into={harbour}"))
    assert "1 supporter moves (1 supports both already)." in preview
    assert (editor.post(here).status_code, editor.post(here, data={"into": port}).status_code) == (422, 422)
    assert states(session) == {"port": "approved", "harbour": "approved"}

    sent = editor.post(here, data={"into": harbour})
    assert sent.headers["Location"] == f"/staff/topics/{harbour}"
    assert "Supporters who came with it: 1." in text_of(editor.get(f"/staff/topics/{harbour}"))
    assert (states(session)["port"], topic_queries.support_of(session, [harbour])) == ("merged", {harbour: 2})

    editor.post(f"{here}/removal")
    assert states(session)["port"] == "approved"


def test_the_newsroom_adds_a_topic(app: Flask, session: Session, clock: FixedClock) -> None:
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))

    refused = editor.post("/staff/topics/new", data={"title": "", "why": "Kept words"})
    sent = editor.post("/staff/topics/new", data={"title": "Хто лагодить міст?", "why": "Ями."})

    assert (refused.status_code, "Kept words" in refused.text) == (422, True)
    topic = session.scalars(select(Topic)).one()
    assert (sent.headers["Location"], topic.state, topic.language) == (f"/staff/topics/{topic.id}", "approved", "uk")


def test_the_file_holds_exactly_what_the_list_shows(app: Flask, session: Session, clock: FixedClock) -> None:
    make_topics(session, ["water", "roads"], clock=clock)
    waiting = make_suggestion(session, clock, make_patron(session, clock=clock))
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))

    page, file = text_of(editor.get("/staff/topics?q=about&sort=title")), editor.get("/staff/topics.csv?q=about&sort=title")
    every = editor.get("/staff/topics.csv?state=suggested")

    rows = [row["address"] for row in csv.DictReader(StringIO(file.data.decode("utf-8-sig")))]
    assert rows == ["roads", "water"]
    assert 'href="/staff/topics.csv?q=about&sort=title&page=1"' in page
    assert [row["title"] for row in csv.DictReader(StringIO(every.data.decode("utf-8-sig")))] == [waiting.title]


def test_several_topics_go_on_the_shortlist_after_a_look(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    voted_on = open_vote(session, keys=keys, clock=clock, topics=("water", "port")).topics[0].topic_id
    [roads] = make_topics(session, ["roads"], clock=clock)
    waiting = make_suggestion(session, clock, make_patron(session, clock=clock))
    editor = signed_in(app, make_staff(session, clock=clock, role="editor"))
    ticked = {"topics": [roads, waiting.id, voted_on, 999]}

    nothing = editor.post("/staff/topics/shortlist")
    preview = editor.post("/staff/topics/shortlist", data=ticked)
    assert (nothing.status_code, "Shortlist 3 topics?" in preview.text) == (303, True)
    assert set(states(session).values()) == {"approved", "suggested"}

    editor.post("/staff/topics/shortlist", data={**ticked, "confirmed": "1"})
    assert states(session) == {"water": "approved", "port": "approved", "roads": "shortlisted", waiting.slug: "shortlisted"}
    assert "“About water” stands in a vote that is under way." in text_of(editor.get("/staff/topics"))
