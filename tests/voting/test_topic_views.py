"""The open pages of topics: the board, one topic, suggesting in two steps, support, the feed."""

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.limits import LimitedAct, keyed
from membership.voting import services, topic_queries
from membership.voting.keys import RoundKeys
from membership.voting.models import Topic, TopicSupport
from membership.voting.topic_views import SUGGESTIONS_A_DAY
from tests.factories.accounts import SAME_ORIGIN, sign_in
from tests.factories.articles import make_article
from tests.factories.voting import cast_all, make_member, make_patron, make_round, make_staff, make_topics, open_vote, publish_vote
from tests.voting.test_views import text_of

ATOM = "{http://www.w3.org/2005/Atom}"
QUESTION = "Who repairs the bridge at the mill?"


def signed_in(app: Flask, member_id: int) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = SAME_ORIGIN["Sec-Fetch-Site"]
    sign_in(app, client, member_id)
    return client


def make_suggestion(session: Session, clock: FixedClock, member_id: int, title: str = QUESTION, **more: Any) -> Topic:
    topic_id = services.suggest_topic(session, title=title, why="", language="en", member_id=member_id, now=clock.now(), **more)
    return session.get_one(Topic, topic_id)


def answer(session: Session, clock: FixedClock, topic: Topic, state: str = "approved", reason: str = "") -> None:
    editor = make_staff(session, clock=clock, role="editor")
    services.decide_topic(session, topic_id=topic.id, state=state, reason=reason, actor_id=editor, now=clock.now())


def count_topics(session: Session) -> int:
    session.commit()
    return session.scalar(select(func.count()).select_from(Topic)) or 0


def test_only_patrons_suggest(app: Flask, session: Session, clock: FixedClock) -> None:
    stranger = app.test_client().post("/topics/suggest", data={"title": QUESTION}, headers=SAME_ORIGIN)
    reader = signed_in(app, make_member(session, clock=clock)).post("/topics/suggest", data={"title": QUESTION})

    assert (stranger.status_code, "/sign-in" in stranger.headers["Location"], reader.status_code) == (303, True, 403)
    assert count_topics(session) == 0


def test_a_refused_suggestion_is_kept_as_it_was_typed(app: Flask, session: Session, clock: FixedClock) -> None:
    client = signed_in(app, make_patron(session, clock=clock))
    typed = {"title": "short", "why": "See example.org/bridge", "sources": "ftp://example.org", "suggested_as": "Nadia"}

    refused = client.post("/topics/suggest", data=typed)

    said = text_of(refused)
    assert (refused.status_code, "<title>Error: " in said, "There is a problem" in said) == (422, True, True)
    assert [f'href="#{name}"' in said for name in ("title", "why", "sources", "suggested_as")] == [True, True, True, False]
    assert [words in said for words in ('value="short"', "See example.org/bridge", "ftp://example.org", "Nadia")] == [True] * 4


def test_past_the_days_limit_a_suggestion_says_when_to_try_again(app: Flask, session: Session, clock: FixedClock) -> None:
    patron = make_patron(session, clock=clock)
    who = keyed(app.config["SECRET_KEY"], "member", str(patron))
    with transaction(session):
        session.add_all(LimitedAct(act="suggestion", who=who, at=clock.now()) for _ in range(SUGGESTIONS_A_DAY))

    page = signed_in(app, patron).post("/topics/suggest", data={"title": QUESTION, "why": "It rains."})

    assert (page.status_code, page.headers["Retry-After"]) == (429, "86400")
    assert [words in text_of(page) for words in ("Try again after ", QUESTION, "It rains.")] == [True] * 3


def test_a_twin_is_refused_with_the_way_to_the_other(app: Flask, session: Session, clock: FixedClock) -> None:
    twin = make_suggestion(session, clock, make_patron(session, clock=clock))
    answer(session, clock, twin)
    disguised = QUESTION.replace("o", "о").upper().title()  # a Cyrillic о

    page = signed_in(app, make_patron(session, clock=clock)).post("/topics/suggest", data={"title": disguised, "seen": twin.slug})

    assert (page.status_code, f'href="/topics/{twin.slug}"' in page.text) == (409, True)
    assert count_topics(session) == 1


def test_similar_topics_are_shown_once_before_a_suggestion_is_sent(app: Flask, session: Session, clock: FixedClock) -> None:
    near = make_suggestion(session, clock, make_patron(session, clock=clock), "Who repairs the bridge at the harbour?")
    answer(session, clock, near)
    client = signed_in(app, make_patron(session, clock=clock))

    asked = client.post("/topics/suggest", data={"title": QUESTION, "why": "Holes", "suggested_as": "Nadia"})

    assert (asked.status_code, count_topics(session)) == (200, 1)
    assert f'formaction="/topics/{near.slug}/support"' in asked.text
    assert f'name="seen" type="hidden" value="{near.slug}"' in asked.text
    said = ("Is yours one of these?", "Mine is another: send it", "Holes", "Nadia")
    assert [words in text_of(asked) for words in said] == [True] * 4

    sent = client.post("/topics/suggest", data={"title": QUESTION, "why": "Holes", "suggested_as": "Nadia", "seen": near.slug})

    assert (sent.status_code, sent.headers["Location"]) == (303, "/topics/who-repairs-the-bridge-at-the-mill")
    assert "is being read, and you get an answer" in text_of(client.get(sent.headers["Location"]))


def test_a_topic_never_hides_behind_a_page_of_the_board(app: Flask, session: Session, clock: FixedClock) -> None:
    sent = signed_in(app, make_patron(session, clock=clock)).post("/topics/suggest", data={"title": "Similar?!"})

    assert sent.headers["Location"] == "/topics/similar-2"


def test_the_piece_for_the_script_is_for_patrons_and_has_no_page_around_it(app: Flask, session: Session, clock: FixedClock) -> None:
    answer(session, clock, make_suggestion(session, clock, make_patron(session, clock=clock)))
    patron, asked = signed_in(app, make_patron(session, clock=clock)), f"/topics/similar?title={QUESTION[:-6]}"

    piece = patron.get(asked, headers={"X-Fragment": "1"})

    assert ("Is yours one of these?" in piece.text, "<html" in piece.text) == (True, False)
    assert piece.headers["Cache-Control"] == "private, no-store"
    assert "<html" in patron.get(asked).text
    assert "Is yours" not in patron.get("/topics/similar?title=Schools", headers={"X-Fragment": "1"}).text
    assert signed_in(app, make_member(session, clock=clock)).get(asked).status_code == 403


def test_a_suggestion_is_seen_by_its_author_alone_and_can_be_taken_back(app: Flask, session: Session, clock: FixedClock) -> None:
    author, other = make_patron(session, clock=clock), make_patron(session, clock=clock)
    article = make_article(session, "the-mill")
    client, stranger = signed_in(app, author), signed_in(app, other)
    sent = client.post(f"/topics/suggest?article={article.slug}", data={"title": QUESTION, "sources": "https://example.org/a\n"})
    page = sent.headers["Location"]

    said = text_of(client.get(page))
    assert [words in said for words in ("Only you and our staff", "/articles/the-mill", 'href="https://example.org/a"')] == [
        True
    ] * 3
    assert QUESTION in text_of(client.get("/topics?mine=1"))
    assert [who.get(page).status_code for who in (stranger, app.test_client())] == [404, 404]
    assert QUESTION not in text_of(stranger.get("/topics"))
    assert stranger.post(f"{page}/removal").status_code == 404

    assert client.post(f"{page}/removal").headers["Location"] == "/topics"
    assert count_topics(session) == 0


def test_the_name_that_its_author_wants_stands_beside_a_topic_and_no_other(app: Flask, session: Session, clock: FixedClock) -> None:
    author = make_patron(session, clock=clock)
    named = make_suggestion(session, clock, author, suggested_as="Nadia <&>")
    nameless = make_suggestion(session, clock, author, "What happens to the schools?")
    for topic in (named, nameless):
        answer(session, clock, topic)

    pages = [text_of(app.test_client().get(f"/topics/{topic.slug}")) for topic in (named, nameless)]

    assert ["Suggested by Nadia <&>." in pages[0], "Suggested by" in pages[1]] == [True, False]


def test_patrons_support_what_could_stand_on_a_ballot(app: Flask, session: Session, clock: FixedClock) -> None:
    [water] = make_topics(session, ["water"], clock=clock)
    patron, reader = make_patron(session, clock=clock), make_member(session, clock=clock)
    client = signed_in(app, patron)

    assert signed_in(app, reader).post("/topics/water/support").status_code == 403
    assert "Support this topic" not in text_of(signed_in(app, reader).get("/topics/water"))
    assert "Support this topic" in text_of(client.get("/topics/water"))
    assert client.post("/topics/water/support").headers["Location"] == "/topics/water"
    assert topic_queries.support_of(session, [water]) == {water: 1}
    assert "1 patron supports it · you do" in text_of(client.get("/topics/water"))

    client.post("/topics/water/support/removal")

    session.commit()
    assert session.scalars(select(TopicSupport)).all() == []


def test_what_stands_on_the_ballot_is_not_supported_but_voted_on(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    open_vote(session, keys=keys, clock=clock)
    client = signed_in(app, make_patron(session, clock=clock))

    page, sent = client.get("/topics/water"), client.post("/topics/water/support")

    assert ("Support this topic" in page.text, 'href="/votes/march"' in page.text) == (False, True)
    assert (sent.status_code, "Now your vote decides." in text_of(sent)) == (409, True)


def test_a_topic_tells_its_history(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    cast_all(session, round_, {"water": 2}, keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)

    pages = {slug: text_of(app.test_client().get(f"/topics/{slug}")) for slug in ("water", "port")}

    assert [words in pages["water"] for words in ("added by the newsroom", "on the ballot", "chosen by readers")] == [True] * 3
    assert ("not chosen this time" in pages["port"], "not chosen" in pages["water"]) == (True, False)


def test_a_merged_topic_leads_to_the_other_and_a_declined_one_says_why(app: Flask, session: Session, clock: FixedClock) -> None:
    [water, port, roads] = make_topics(session, ["water", "port", "roads"], clock=clock)
    editor = make_staff(session, clock=clock, role="editor")
    services.merge_topic(session, topic_id=port, into_id=water, actor_id=editor, now=clock.now())
    answer(session, clock, session.get_one(Topic, roads), "declined", "Reported in May.")

    merged, declined = (text_of(app.test_client().get(f"/topics/{slug}")) for slug in ("port", "roads"))

    assert "put together with another one" in merged
    assert 'href="/topics/water"' in merged
    assert "Why not:</strong> Reported in May." in declined


def test_the_author_of_a_reworded_topic_sees_what_they_had_written(app: Flask, session: Session, clock: FixedClock) -> None:
    author = make_patron(session, clock=clock)
    topic = make_suggestion(session, clock, author)
    editor = make_staff(session, clock=clock, role="editor")
    services.reword_topic(
        session, topic_id=topic.id, title="The bridge at the mill", why="", sources=[], actor_id=editor, now=clock.now()
    )
    answer(session, clock, topic)

    pages = [text_of(client.get(f"/topics/{topic.slug}")) for client in (signed_in(app, author), app.test_client())]

    assert [QUESTION in page for page in pages] == [True, False]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("", ["About water", "About roads", "About port"]),
        ("?q=WAT", ["About water"]),
        ("?state=shortlisted", ["About roads"]),
        ("?sort=title", ["About port", "About roads", "About water"]),
        ("?sort=nonsense&state=nonsense&page=99", ["About water", "About roads", "About port"]),
        ("?q=nothing", []),
    ],
)
def test_the_board_shows_what_its_address_asks_for(
    app: Flask, session: Session, clock: FixedClock, asked: str, shown: list[str]
) -> None:
    make_topics(session, ["port", "roads", "water"], clock=clock)
    answer(session, clock, session.scalars(select(Topic).where(Topic.slug == "roads")).one(), "shortlisted")

    page = text_of(app.test_client().get(f"/topics{asked}"))

    titles = [title for title in ("About port", "About roads", "About water") if f">{title}</a>" in page]
    assert sorted(titles, key=page.index) == shown
    assert ("No topic fits." in page) == (not shown)


def test_paging_keeps_what_was_asked_for(app: Flask, session: Session, clock: FixedClock) -> None:
    make_topics(session, [f"road-{number}" for number in range(31)], clock=clock)

    first = text_of(app.test_client().get("/uk/topics?q=road&sort=title"))
    last = text_of(app.test_client().get("/topics?q=road&sort=title&page=2"))

    assert 'href="/uk/topics?q=road&sort=title&page=2" rel="next"' in first
    assert 'href="/topics?q=road&sort=title&page=1" rel="prev"' in last


def test_the_feed_tells_answers_ballots_and_results_and_nothing_that_is_still_read(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    make_suggestion(session, clock, make_patron(session, clock=clock))
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)
    cast_all(session, round_, {"water": 2}, keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)
    clock.instant += timedelta(hours=1)
    answer(session, clock, session.scalars(select(Topic).where(Topic.slug == "port")).one(), "declined", "Too small.")

    feed = app.test_client().get("/topics/feed.xml")

    root = ElementTree.fromstring(feed.data)
    entries = [(entry.findtext(f"{ATOM}title"), entry.findtext(f"{ATOM}summary")) for entry in root.iter(f"{ATOM}entry")]
    assert feed.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert entries[:2] == [("About port: declined", "Too small."), ("About water: chosen by readers", "The March vote")]
    assert sorted(title for title, _ in entries[2:]) == [
        *(f"About {slug}: {what}" for slug in ("port", "schools", "water") for what in ("added by the newsroom", "on the ballot"))
    ]
    assert len({entry.findtext(f"{ATOM}id") for entry in root.iter(f"{ATOM}entry")}) == len(entries)
    assert QUESTION not in feed.text


def test_an_article_says_that_its_follow_up_is_on_the_ballot(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    article = make_article(session, "the-mill")
    client = app.test_client()
    before = text_of(client.get("/articles/the-mill"))
    services.ensure_topic(session, slug="water", title="Who owns the mill now?", why="", article_id=article.id, now=clock.now())
    round_ = make_round(session, clock=clock)
    services.open_round(session, round_id=round_.id, keys=keys, actor_id=None, clock=clock)

    after = text_of(client.get("/articles/the-mill"))

    assert ('href="/topics/suggest?article=the-mill"' in before, "on the ballot" in before) == (True, False)
    assert 'A follow-up to this story is on the ballot:</strong> <span lang="en">Who owns the mill now?</span>' in after
    assert 'href="/votes/march"' in after
