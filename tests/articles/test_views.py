"""The open pages: the same for everybody, in the right language, with what a story needs."""

import json
import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.orm import Session

from membership.articles.imported_article import ReadMore
from membership.articles.models import Article
from membership.articles.services import correct_article
from membership.articles.views import PER_PAGE
from membership.credits import services as credits_services
from tests.conftest import NOW
from tests.factories.accounts import make_member, sign_in
from tests.factories.articles import make_article
from tests.factories.credits import make_commission
from tests.factories.patronage import make_plan

ATOM = {"a": "http://www.w3.org/2005/Atom"}
OPEN_PATHS = ("/", "/uk/", "/articles/a-story", "/feed.xml", "/uk/feed.xml", "/sitemap.xml", "/robots.txt")


def make_chosen_article(session: Session, ballots: dict[str, int] | None = None, **changes: Any) -> Article:
    """An article that keeps the promise of a published vote."""
    article = make_article(session, **changes)
    commission = make_commission(session, ballots=ballots) if ballots else make_commission(session)
    credits_services.publish_commission(session, commission_id=commission.id, article_id=article.id, actor_id=None, now=NOW)
    return article


def structured(page: str) -> dict[str, Any]:
    """Return the page's JSON-LD as a machine reads it."""
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, flags=re.DOTALL)
    described: dict[str, Any] = json.loads(text)
    return described


def words(page: str) -> str:
    """Return the page's words without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.parametrize(
    "path", ["/articles/none", "/articles/", "/articles/a/b", "/page/2", "/page/1", "/page/0", "/uk/page/9", f"/page/{2**62}"]
)
def test_what_is_not_there_is_a_404_that_nobody_keeps(client: FlaskClient, session: Session, path: str) -> None:
    make_article(session)

    answer = client.get(path)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "private, no-store")


def test_a_story_before_its_hour_is_on_no_page(client: FlaskClient, session: Session) -> None:
    make_article(session)
    make_article(session, "later", headline="Too early", published_at=NOW + timedelta(minutes=1))

    assert client.get("/articles/later").status_code == 404
    assert client.get("/foot?article=later").status_code == 404
    for path in OPEN_PATHS:
        assert "later" not in client.get(path).text


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_an_open_page_is_the_same_for_everybody_and_sets_no_cookie(
    app: Flask,
    client: FlaskClient,
    session: Session,
    path: str,
) -> None:
    make_article(session)
    make_plan(session)
    patron = app.test_client()
    sign_in(app, patron, make_member(session).id)
    patron.set_cookie("m", "1")

    stranger_sees, patron_sees = client.get(path), patron.get(path, headers={"Accept-Language": "uk", "User-Agent": "other"})

    assert (stranger_sees.status_code, stranger_sees.data) == (200, patron_sees.data)
    assert stranger_sees.headers.to_wsgi_list() == patron_sees.headers.to_wsgi_list()
    assert stranger_sees.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert stranger_sees.headers["Vary"] == "Accept-Encoding"
    assert stranger_sees.headers["ETag"]
    assert "Set-Cookie" not in stranger_sees.headers


def test_a_cold_article_page_asks_the_database_three_questions_at_most(app: Flask, client: FlaskClient, session: Session) -> None:
    make_plan(session)
    article = make_chosen_article(session, tags=("water", "money"))
    for number in range(9):
        make_article(session, f"story-{number}", tags=("water",))
    client.get(f"/articles/{article.slug}")
    asked: list[str] = []
    engine = app.extensions["kernel"].engine

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    page = client.get(f"/articles/{article.slug}").text

    assert "Chosen by readers" in page
    assert len(asked) <= 3, asked


def test_nothing_that_a_story_says_can_break_out_of_its_place(client: FlaskClient, session: Session) -> None:
    evil = "</script><script>alert(1)</script><!-- \"'&amp; "
    make_article(
        session, headline=evil, standfirst=evil, byline=evil, tags=(evil,), read_more=(ReadMore(evil, "https://a.example/"),)
    )

    page = client.get("/articles/a-story").text

    assert "<script>alert" not in page
    assert structured(page)["headline"] == evil
    for path in ("/", "/feed.xml"):
        assert "<script>alert" not in client.get(path).text


def test_an_article_page_says_what_a_story_is(client: FlaskClient, session: Session) -> None:
    make_article(session, "other", headline="The other story", tags=("water",))
    make_article(session, "third", headline="The third story", tags=("money",))
    make_article(
        session,
        tags=("water", "money"),
        read_more=(ReadMore("Elsewhere", "https://a.example/x"), ReadMore("The other story"), ReadMore("Only words")),
    )

    page = client.get("/articles/a-story").text

    assert '<html lang="en">' in page
    assert "<title>A story · The Test Gazette</title>" in page
    assert "<h1>A story</h1>" in page
    assert '<p class="standfirst">What it is about.</p>' in page
    assert (
        '<strong>Ada Reporter</strong> · <time datetime="2026-03-21T14:00:00+02:00">Saturday 21 March 2026, 14:00 in Kyiv</time>'
        in page
    )
    assert "<p>First paragraph.</p>\n<p>Second paragraph.</p>" in page
    assert '<link rel="canonical" href="http://localhost/articles/a-story">' in page
    assert '<meta property="og:title" content="A story">' in page
    assert '<li><a href="https://a.example/x" rel="noopener noreferrer">Elsewhere</a></li>' in page
    assert page.count('<a href="/articles/other">The other story</a>') == 1
    assert page.count('<a href="/articles/third">The third story</a>') == 1
    assert "<li>Only words</li>" in page
    assert 'data-fragment="/foot?article=a-story"' in page


def test_a_corrected_story_says_when(client: FlaskClient, session: Session) -> None:
    article = make_article(session)
    correct_article(session, article_id=article.id, headline="Another headline", now=NOW)

    text = words(client.get("/articles/a-story").text)

    assert "14:00 in Kyiv · changed Sunday 22 March 2026, 14:00 in Kyiv" in text


def test_machines_read_that_the_story_is_free(client: FlaskClient, session: Session) -> None:
    make_article(session, tags=("water", "money"))

    assert structured(client.get("/articles/a-story").text) == {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": "A story",
        "description": "What it is about.",
        "url": "http://localhost/articles/a-story",
        "mainEntityOfPage": "http://localhost/articles/a-story",
        "inLanguage": "en",
        "datePublished": "2026-03-21T12:00:00+00:00",
        "dateModified": "2026-03-21T12:00:00+00:00",
        "author": {"@type": "Person", "name": "Ada Reporter"},
        "publisher": {"@type": "NewsMediaOrganization", "name": "The Test Gazette", "url": "http://localhost"},
        "isAccessibleForFree": True,
        "keywords": ["money", "water"],
    }


def test_a_story_that_readers_chose_says_so(client: FlaskClient, session: Session) -> None:
    make_chosen_article(session)

    page = client.get("/articles/a-story").text

    assert "Chosen by readers in the March vote . 25 voted; 15 of them wanted this story. Check the count yourself" in words(page)
    assert '<a href="/votes/march-2026">the March vote</a>' in page


def test_where_few_voted_the_story_says_no_numbers(client: FlaskClient, session: Session) -> None:
    make_chosen_article(session, ballots={"water": 3, "schools": 1})

    text = words(client.get("/articles/a-story").text)

    assert "Chosen by readers in the March vote . Check the count yourself" in text


def test_a_storys_page_speaks_its_language_whatever_the_reader_prefers(client: FlaskClient, session: Session) -> None:
    make_article(session, language="uk", headline="Пором")

    page = client.get("/articles/a-story", headers={"Accept-Language": "en"}).text

    assert '<html lang="uk">' in page
    assert 'href="/uk/votes"' in page


def test_the_foot_asks_and_a_calm_story_asks_softly(client: FlaskClient, session: Session) -> None:
    make_plan(session)
    make_article(session)
    make_article(session, "calm", calm=True)

    loud, calm = client.get("/articles/a-story").text, client.get("/articles/calm").text

    assert "Free to read, for everyone. Kept open by its readers." in loud
    assert '<input type="hidden" name="article" value="a-story">' in loud
    assert "This page is open because readers pay for it. If you can help, thank you." in calm
    assert 'class="foot-ask foot-ask-calm"' in calm


def test_a_home_without_stories_says_what_to_do(client: FlaskClient) -> None:
    page = client.get("/").text

    assert "No story is out yet." in page
    assert '<a href="/feed.xml">Follow the feed</a>' in page


def test_home_shows_its_languages_stories_and_that_there_are_others(client: FlaskClient, session: Session) -> None:
    make_article(session, "english", headline="In English here")
    make_article(session, "ukrainian", headline="Українською тут", language="uk")

    home, ukrainian = client.get("/").text, client.get("/uk/").text

    assert home.index("In English here") < home.index('<section lang="uk">') < home.index("Українською тут")
    assert '<html lang="uk">' in ukrainian
    assert ukrainian.index("Українською тут") < ukrainian.index('<section lang="en">') < ukrainian.index("In English here")
    assert '<link rel="alternate" hreflang="uk" href="http://localhost/uk/">' in home


def test_home_is_paged(client: FlaskClient, session: Session) -> None:
    for number in range(PER_PAGE + 2):
        make_article(session, f"story-{number:02}", published_at=NOW - timedelta(days=number))

    first, second = client.get("/").text, client.get("/page/2").text

    def shown(page: str) -> list[str]:
        return re.findall(r'href="/articles/(story-\d+)"', page)

    assert shown(first) == [f"story-{number:02}" for number in range(PER_PAGE)]
    assert shown(second) == [f"story-{number:02}" for number in range(PER_PAGE, PER_PAGE + 2)]
    assert '<a href="/page/2" rel="next">' in first
    assert '<a href="/" rel="prev">' in second


def test_the_feed_carries_whole_stories_of_its_language(client: FlaskClient, session: Session) -> None:
    make_article(session, headline="Fish & chips", tags=("water",))
    make_article(session, "ukrainian", headline="Пором", language="uk")

    answer = client.get("/feed.xml")
    feed = ElementTree.fromstring(answer.data)

    assert answer.content_type == "application/atom+xml; charset=utf-8"
    (entry,) = feed.findall("a:entry", ATOM)
    assert {tag: entry.findtext(f"a:{tag}", namespaces=ATOM) for tag in ("title", "id", "published", "summary", "content")} == {
        "title": "Fish & chips",
        "id": "http://localhost/articles/a-story",
        "published": "2026-03-21T14:00:00+02:00",
        "summary": "What it is about.",
        "content": "<p>First paragraph.</p>\n<p>Second paragraph.</p>",
    }
    ukrainian = ElementTree.fromstring(client.get("/uk/feed.xml").data)
    assert [entry.findtext("a:title", namespaces=ATOM) for entry in ukrainian.findall("a:entry", ATOM)] == ["Пором"]


def test_a_feed_without_stories_is_still_a_feed(client: FlaskClient) -> None:
    feed = ElementTree.fromstring(client.get("/feed.xml").data)

    assert feed.findtext("a:updated", namespaces=ATOM) == "2026-03-22T14:00:00+02:00"


def test_the_sitemap_names_every_story_and_robots_find_it(client: FlaskClient, session: Session) -> None:
    make_article(session)
    make_article(session, "пором", language="uk")

    tree = ElementTree.fromstring(client.get("/sitemap.xml").data)

    assert {each.text for each in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")} == {
        "http://localhost/",
        "http://localhost/uk/",
        "http://localhost/articles/a-story",
        "http://localhost/articles/%D0%BF%D0%BE%D1%80%D0%BE%D0%BC",
    }
    robots = client.get("/robots.txt")
    assert (robots.mimetype, robots.text.splitlines()[-1]) == ("text/plain", "Sitemap: http://localhost/sitemap.xml")


def test_a_storys_address_in_another_alphabet_works(client: FlaskClient, session: Session) -> None:
    make_article(session, "пором", language="uk", headline="Пором")

    assert "<h1>Пором</h1>" in client.get("/articles/пором").text
