"""The badges on a reader's own page."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.credits import drawing, services
from membership.db import transaction
from membership.patronage.models import PaidPeriod
from membership.voting.models import Participation
from tests.conftest import NOW
from tests.credits.conftest import browser
from tests.credits.test_views import words_of
from tests.factories.accounts import make_member
from tests.factories.credits import make_article, make_commission


def test_without_badges_the_page_says_when_the_first_comes(app: Flask, session: Session) -> None:
    text = words_of(browser(app, make_member(session).id).get("/account").text)

    assert "The first comes when a ballot of yours is counted." in text


def test_a_patron_who_was_counted_sees_both_badges_and_the_story(app: Flask, session: Session) -> None:
    commission = make_commission(session)
    drawing.draw_awards(session, now=NOW)
    article = make_article(session)
    services.publish_commission(session, commission_id=commission.id, article_id=article.id, actor_id=None, now=NOW)
    voter = voter_of_first_ballot(session)

    text = words_of(browser(app, voter).get("/account").text)

    assert "Patron now You help to keep every story open to everyone." in text
    assert "Co-creator March 2026 Your ballot was counted in this vote, whatever you ticked. The March vote" in text
    assert "What came of it: Who repairs the mains" in text


def voter_of_first_ballot(session: Session) -> int:
    """Return a counted voter who is a patron now."""
    voter = min(session.scalars(select(Participation.member_id).where(Participation.counted)))
    with transaction(session):
        session.add(
            PaidPeriod(member_id=voter, source="bank", reference="1", starts_at=NOW, ends_at=NOW + timedelta(days=30)),
        )
    return voter
