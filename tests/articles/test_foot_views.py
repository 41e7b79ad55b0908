"""The one private piece of a story's page: what stands at its foot for this reader."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.voting import queries
from membership.voting.models import Round
from tests.articles.test_views import make_chosen_article, words
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.factories.articles import make_article
from tests.factories.patronage import give_seat, make_plan
from tests.factories.voting import cast, counted_voters, open_vote

FRAGMENT = {"X-Fragment": "1"}


@pytest.fixture
def vote(app: Flask, session: Session, clock: FixedClock) -> Callable[[], Round]:
    """Opens a vote for whoever is a patron by then."""
    return lambda: open_vote(session, keys=app.extensions["round_keys"], clock=clock)


def make_patron(app: Flask, client: FlaskClient, session: Session) -> int:
    """A signed-in patron."""
    member_id = make_member(session).id
    give_seat(session, member_id)
    sign_in(app, client, member_id)
    return member_id


@pytest.mark.parametrize("path", ["/foot", "/foot?article=", "/foot?article=none", "/foot?article=" + "x" * 5_000])
def test_the_foot_of_no_story_is_a_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("headers", [{}, FRAGMENT])
def test_the_foot_is_kept_by_nobody_and_gives_a_stranger_no_cookie(
    client: FlaskClient,
    session: Session,
    headers: dict[str, str],
) -> None:
    make_article(session)

    answer = client.get("/foot?article=a-story", headers=headers)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")
    assert "Set-Cookie" not in answer.headers


def test_a_stranger_gets_the_plain_ask_and_the_way_to_sign_in(client: FlaskClient, session: Session) -> None:
    make_plan(session)
    make_article(session)

    fragment, page = client.get("/foot?article=a-story", headers=FRAGMENT).text, client.get("/foot?article=a-story").text

    assert "<html" not in fragment
    assert "Free to read, for everyone." in fragment
    assert fragment.strip() in page
    assert '<a href="/articles/a-story#support">Back to the story</a>' in page
    assert "Sign in to see what is yours here." in page


def test_somebody_who_never_paid_gets_the_ask(app: Flask, client: FlaskClient, session: Session) -> None:
    make_plan(session)
    make_article(session)
    sign_in(app, client, make_member(session).id)

    assert "Free to read, for everyone." in client.get("/foot?article=a-story", headers=FRAGMENT).text


def test_a_patron_is_thanked_and_led_to_the_open_vote(
    app: Flask,
    client: FlaskClient,
    session: Session,
    vote: Callable[[], Round],
) -> None:
    make_article(session)
    make_patron(app, client, session)
    vote()

    fragment = client.get("/foot?article=a-story", headers=FRAGMENT).text

    assert words(fragment) == (
        "Thank you. You keep this page open. The March vote closes on Sunday 29 March 2026, 15:00 in Kyiv. Choose the next stories"
    )
    assert '<a class="button" href="/votes/march">Choose the next stories</a>' in fragment


def test_a_patron_who_voted_is_told_when_the_result_comes(
    app: Flask,
    client: FlaskClient,
    session: Session,
    clock: FixedClock,
    vote: Callable[[], Round],
) -> None:
    make_article(session)
    member_id = make_patron(app, client, session)
    cast(session, vote(), member_id, "water", keys=app.extensions["round_keys"], clock=clock)

    text = words(client.get("/foot?article=a-story", headers=FRAGMENT).text)

    assert "You have voted in the March vote; the result is due on 30 March 2026." in text
    assert "water" not in text
    assert "Choose the next stories" not in text


def test_a_key_that_cannot_be_read_takes_no_foot_away(
    app: Flask, client: FlaskClient, session: Session, vote: Callable[[], Round]
) -> None:
    make_article(session)
    make_patron(app, client, session)
    vote()
    before = client.get("/foot?article=a-story", headers=FRAGMENT)
    keys = app.extensions["round_keys"]
    keys.directory.rename(keys.directory.with_name("not mounted"))

    answer = client.get("/foot?article=a-story", headers=FRAGMENT)

    assert (answer.status_code, answer.text) == (200, before.text)


def test_without_an_open_vote_a_patron_is_led_to_what_became_of_the_last(app: Flask, client: FlaskClient, session: Session) -> None:
    make_article(session)
    make_patron(app, client, session)

    assert "What you chose, and what became of it" in client.get("/foot?article=a-story", headers=FRAGMENT).text


def test_who_took_part_in_the_vote_that_chose_the_story_is_told_so(app: Flask, client: FlaskClient, session: Session) -> None:
    article = make_chosen_article(session)
    counted, not_counted = app.test_client(), app.test_client()
    round_ = queries.get_round_by_slug(session, "march-2026")
    voters = counted_voters(session, round_)
    sign_in(app, counted, voters[0])
    sign_in(app, not_counted, voters[-1] + 1)

    said = "Readers chose this story, and you were one of those who voted."
    assert said in counted.get(f"/foot?article={article.slug}", headers=FRAGMENT).text
    assert said not in not_counted.get(f"/foot?article={article.slug}", headers=FRAGMENT).text


def test_staff_are_told_that_they_do_not_vote(app: Flask, client: FlaskClient, session: Session, vote: Callable[[], Round]) -> None:
    make_article(session)
    vote()
    sign_in(app, client, make_staff(session, "editor").id)

    text = words(client.get("/foot?article=a-story", headers=FRAGMENT).text)

    assert text == "You work here. Thank you. Our staff don’t vote. To the desk"


def test_the_foot_speaks_the_storys_language(app: Flask, client: FlaskClient, session: Session) -> None:
    make_article(session, language="uk")
    make_patron(app, client, session)

    assert '<html lang="uk">' in client.get("/foot?article=a-story").text


def test_a_seat_that_has_ended_brings_the_ask_back(app: Flask, client: FlaskClient, session: Session) -> None:
    make_plan(session)
    make_article(session)
    member_id = make_member(session).id
    give_seat(session, member_id, starts_at=NOW - timedelta(days=40), ends_at=NOW - timedelta(days=10))
    sign_in(app, client, member_id)

    assert "Free to read, for everyone." in client.get("/foot?article=a-story", headers=FRAGMENT).text
