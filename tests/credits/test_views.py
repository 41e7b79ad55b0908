"""The open page of promises."""

import re
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.credits import services
from tests.conftest import NOW
from tests.factories.credits import make_article, make_commission, make_published_vote


def test_before_the_first_result_the_page_says_so_and_leads_to_the_votes(stranger: FlaskClient) -> None:
    page = stranger.get("/chosen")

    assert page.status_code == 200
    assert "No vote has been counted yet." in page.text
    assert 'href="/votes"' in page.text


def test_a_vote_without_winner_says_that_nothing_was_chosen(stranger: FlaskClient, session: Session) -> None:
    make_published_vote(session, ballots={})

    assert "Nobody ticked a topic in this vote" in words_of(stranger.get("/chosen").text)


def test_the_page_says_what_is_out_late_and_dropped(stranger: FlaskClient, session: Session, clock: FixedClock) -> None:
    out = make_commission(session, "march-2026")
    make_commission(session, "april-2026", name="The April vote")
    dropped = make_commission(session, "may-2026", name="The May vote")
    article = make_article(session)
    services.publish_commission(session, commission_id=out.id, article_id=article.id, actor_id=None, now=NOW)
    services.drop_commission(session, commission_id=dropped.id, reason="The source <withdrew>.", actor_id=None, now=NOW)
    clock.instant = datetime(2026, 6, 9, 12, tzinfo=UTC)

    text = words_of(stranger.get("/chosen").text)

    assert "Stories out 1 of 3" in text
    assert "1 is late by 9 days" in text
    assert "Promises kept 33%: 1 of 3" in text
    assert "Water out Who repairs the mains Promised for May 2026. Out on 22 March 2026." in text
    assert "Water late by 9 days Promised for May 2026." in text
    assert "Water dropped Why: The source &lt;withdrew&gt;. Promised for May 2026." in text


def test_a_moved_month_stays_visible(stranger: FlaskClient, session: Session) -> None:
    commission = make_commission(session)
    services.change_due(session, commission_id=commission.id, due_on=NOW.date().replace(month=8), actor_id=None, now=NOW)

    assert "Promised for May 2026, then moved to August 2026." in words_of(stranger.get("/chosen").text)


def test_before_a_promised_month_is_over_no_share_is_claimed(stranger: FlaskClient, session: Session) -> None:
    make_commission(session)

    assert "It is too early to say" in stranger.get("/chosen").text


@pytest.mark.parametrize(
    ("path", "language", "name"), [("/chosen", "en", "The March vote"), ("/uk/chosen", "uk", "Березневе голосування")]
)
def test_the_page_speaks_the_language_of_its_address(
    stranger: FlaskClient, session: Session, path: str, language: str, name: str
) -> None:
    make_commission(session, name_uk="Березневе голосування")

    page = stranger.get(path)

    assert f'<html lang="{language}">' in page.text
    assert name in page.text


def test_the_page_is_the_same_for_everybody_and_sets_no_cookie(stranger: FlaskClient, editor: FlaskClient) -> None:
    seen = [browser.get("/chosen") for browser in (stranger, editor)]

    assert seen[0].data == seen[1].data
    assert [page.headers.getlist("Set-Cookie") for page in seen] == [[], []]
    assert seen[0].headers["Cache-Control"].startswith("public")


def words_of(page: str) -> str:
    """Return the page's text with single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
