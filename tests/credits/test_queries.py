"""What is read of credits: the line on the article, badges, lists for staff, the mail; never a choice."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.credits import drawing, queries, services
from membership.credits.models import Commission
from membership.credits.queries import BadgeLine, CreditLine, StoryLink, StoryMail
from membership.db import transaction
from membership.errors import NotFound
from membership.patronage.entitlement import Standing
from membership.voting.models import Participation
from tests.conftest import NOW
from tests.factories.credits import make_article, make_commission, make_round

NEVER = Standing(may_vote=False, code="never")


def test_an_article_that_no_vote_chose_has_no_credit(session: Session) -> None:
    make_commission(session)

    assert queries.credit_for_article(session, make_article(session).id) is None


def test_an_article_says_which_vote_chose_it(session: Session) -> None:
    article_id = publish(session)

    assert queries.credit_for_article(session, article_id) == CreditLine("The March vote", "march-2026", 25, 15, ())


def test_below_twenty_ballots_no_number_of_ticks_is_told(session: Session) -> None:
    article_id = publish(session, ballots={"water": 12, "schools": 7})

    assert queries.credit_for_article(session, article_id) == CreditLine("The March vote", "march-2026", 19, None, ())


def test_the_credit_speaks_the_articles_language(session: Session) -> None:
    article_id = publish(session, name_uk="Березневе голосування", article={"language": "uk"})

    credit = queries.credit_for_article(session, article_id)

    assert credit is not None
    assert credit.round_name == "Березневе голосування"


def test_the_credit_costs_one_statement(session: Session) -> None:
    article_id = publish(session)
    session.expire_all()
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", note)
    queries.credit_for_article(session, article_id)
    event.remove(session.get_bind(), "before_cursor_execute", note)

    assert len([statement for statement in statements if statement.startswith("SELECT")]) == 1


def test_a_story_taken_back_takes_its_credit_with_it(session: Session) -> None:
    article_id = publish(session)
    services.unlink_commission(session, commission_id=commission_of(session).id, actor_id=None, now=NOW)

    assert queries.credit_for_article(session, article_id) is None


def test_figures_are_unknown_before_they_were_drawn(session: Session) -> None:
    assert queries.figures(session) is None


def test_somebody_without_badges_has_none(session: Session) -> None:
    publish(session)

    assert queries.badges_of(session, 404, NEVER) == []


def test_a_voter_who_was_not_counted_has_no_badge(session: Session) -> None:
    publish(session)
    set_aside = session.scalars(select(Participation.member_id).where(~Participation.counted)).one()

    assert queries.awards_of(session, set_aside) == []


def test_a_counted_voter_sees_the_badge_with_the_stories_that_came_of_the_vote(session: Session) -> None:
    publish(session)
    voter = session.scalars(select(Participation.member_id).where(Participation.counted)).first()
    assert voter is not None

    co_creator = BadgeLine(
        badge="co_creator",
        title="Co-creator",
        criteria="Your ballot was counted in this vote, whatever you ticked.",
        state="held",
        round_name="The March vote",
        round_slug="march-2026",
        awarded_at=NOW,
        stories=(StoryLink("Who repairs the mains", "who-repairs-the-mains"),),
    )
    assert queries.awards_of(session, voter) == [co_creator]
    patron = BadgeLine("patron", "Patron", "You help to keep every story open to everyone.", "held")
    assert queries.badges_of(session, voter, Standing(may_vote=True, code="patron")) == [patron, co_creator]


def test_there_is_no_story_without_a_promise(session: Session) -> None:
    with pytest.raises(NotFound):
        queries.get_story(session, 404)


def test_staff_see_the_newest_votes_stories_first(session: Session) -> None:
    for slug in ("march-2026", "april-2026"):
        make_commission(session, slug)
    services.drop_commission(session, commission_id=commission_of(session).id, reason="No", actor_id=None, now=NOW)

    assert [(story.round.slug, story.topic.title) for story in queries.stories(session)] == [
        ("april-2026", "Water"),
        ("march-2026", "Water"),
    ]
    assert [story.round.slug for story in queries.stories(session, "in_progress")] == ["april-2026"]


@pytest.mark.parametrize(("text", "found"), [("", ["new", "old"]), ("OLD", ["old"]), ("%", []), ("_", []), ("nothing", [])])
def test_only_published_articles_that_keep_no_promise_can_be_linked(session: Session, text: str, found: list[str]) -> None:
    publish(session)
    make_article(session, "old", published_at=NOW - timedelta(days=3))
    make_article(session, "new", published_at=NOW)
    make_article(session, "tomorrow", published_at=NOW + timedelta(days=1))

    assert [article.slug for article in queries.linkable_articles(session, text=text, now=NOW)] == found


def test_no_mail_is_prepared_for_a_story_that_was_taken_back(session: Session) -> None:
    publish(session)
    commission = commission_of(session)
    services.unlink_commission(session, commission_id=commission.id, actor_id=None, now=NOW)

    assert mail_of(session, commission) is None


def test_no_mail_is_prepared_for_somebody_without_an_address(session: Session) -> None:
    publish(session)
    with transaction(session):
        session.get_one(Member, voter_of(session)).email = None

    assert mail_of(session, commission_of(session)) is None


def test_a_voters_mail_names_the_vote_and_the_story_and_no_choice(session: Session) -> None:
    publish(session)
    make_round(session, "may-2026", opens_at=NOW + timedelta(days=10))
    with transaction(session):
        session.get_one(Member, voter_of(session)).typed_email = "ignored@example.org"

    assert mail_of(session, commission_of(session)) == StoryMail(
        to="march-2026-0@example.org",
        language="en",
        round_name="The March vote",
        headline="Who repairs the mains",
        article_slug="who-repairs-the-mains",
        voted=25,
        next_opens_at=NOW + timedelta(days=10),
    )


def publish(session: Session, *, article: dict[str, Any] | None = None, **vote: Any) -> int:
    """A vote whose badges are drawn and whose story is out; the article's id."""
    commission = make_commission(session, **vote)
    drawing.draw_awards(session, now=NOW)
    made = make_article(session, **(article or {}))
    services.publish_commission(session, commission_id=commission.id, article_id=made.id, actor_id=None, now=NOW)
    return made.id


def commission_of(session: Session) -> Commission:
    commission = session.scalars(select(Commission).order_by(Commission.id)).first()
    assert commission is not None
    return commission


def voter_of(session: Session) -> int:
    return min(session.scalars(select(Participation.member_id).where(Participation.counted)))


def mail_of(session: Session, commission: Commission) -> StoryMail | None:
    return queries.find_story_mail(session, commission_id=commission.id, member_id=voter_of(session), now=NOW)
