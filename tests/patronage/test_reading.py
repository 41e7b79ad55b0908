"""Which article brought somebody: forgotten a year after their support has ended, whatever others do."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.patronage.models import CheckoutAttempt
from membership.patronage.services.reading import KEEP_ARTICLE, gather_old_articles
from tests.conftest import NOW
from tests.factories.accounts import make_member
from tests.factories.articles import make_article
from tests.factories.patronage import make_plan


def test_an_old_try_to_pay_forgets_its_article_although_somebody_else_has_just_begun_one(session: Session) -> None:
    plan, article = make_plan(session), make_article(session)
    leaver, beginner = make_member(session), make_member(session, "new@example.org")
    later = NOW + KEEP_ARTICLE + timedelta(days=1)
    with transaction(session):
        for member, at in ((leaver, NOW), (beginner, later)):
            session.add(
                CheckoutAttempt(
                    id=uuid4(),
                    plan_id=plan.id,
                    interval="once",
                    amount_minor=500,
                    currency="eur",
                    language="en",
                    browser_hash=b"b" * 32,
                    member_id=member.id,
                    article_id=article.id,
                    created_at=at,
                    failed_at=at,
                )
            )

    gathered = gather_old_articles(session, now=later)

    assert gathered == 1
    kept = {row.member_id: row.article_id for row in session.execute(select(CheckoutAttempt.member_id, CheckoutAttempt.article_id))}
    assert kept == {leaver.id: None, beginner.id: article.id}
