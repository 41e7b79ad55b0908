"""The promise ledger: what readers chose and what became of it, vote by vote."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from membership.credits import services
from membership.credits.ledger import Ledger, LedgerLine, LedgerVote, ledger
from membership.credits.promises import Promise, Record
from tests.conftest import NOW
from tests.factories.credits import make_article, make_commission, make_count, make_published_vote, make_round

KYIV = ZoneInfo("Europe/Kyiv")
MAY = date(2026, 5, 1)
JUNE_9 = datetime(2026, 6, 9, 12, tzinfo=UTC)


def test_before_the_first_result_the_ledger_is_empty(session: Session) -> None:
    make_count(session, make_round(session), ballots={"water": 25})

    assert read(session) == Ledger((), Record(0, 0, 0, 0, 0, 0, 0))


def test_a_vote_that_chose_nothing_is_shown_with_nothing_promised(session: Session) -> None:
    make_published_vote(session, ballots={})

    assert read(session).votes == (LedgerVote("The March vote", "march-2026", NOW, ()),)


def test_each_promise_says_what_became_of_it(session: Session) -> None:
    out = make_commission(session, "march-2026", name_uk="Березневе голосування")
    late = make_commission(session, "april-2026", name="The April vote", published_at=NOW + timedelta(days=1))
    dropped = make_commission(session, "may-2026", name="The May vote", published_at=NOW + timedelta(days=2))
    article = make_article(session, "the-mains", published_at=NOW, language="uk")
    services.publish_commission(session, commission_id=out.id, article_id=article.id, actor_id=None, now=NOW)
    services.drop_commission(session, commission_id=dropped.id, reason="The source withdrew.", actor_id=None, now=NOW)

    read_in_june = ledger(session, at=JUNE_9, zone=KYIV, language="uk")

    assert read_in_june == Ledger(
        votes=(
            LedgerVote(
                "The May vote", "may-2026", NOW + timedelta(days=2), (line("dropped", dropped_reason="The source withdrew."),)
            ),
            LedgerVote("The April vote", "april-2026", NOW + timedelta(days=1), (line("in_progress", days_late=9),)),
            LedgerVote(
                "Березневе голосування",
                "march-2026",
                NOW,
                (line("published", out_on=date(2026, 3, 22), article=("The mains", "the-mains", "uk")),),
            ),
        ),
        record=Record(chosen=3, out=1, in_time=1, dropped=1, late=1, most_days_late=9, decided=3),
    )
    assert late.state == "in_progress"


def test_days_are_those_of_the_newsrooms_time_zone(session: Session) -> None:
    commission = make_commission(session)
    last_moment = datetime(2026, 5, 31, 21, 30, tzinfo=UTC)  # 1 June in Kyiv
    article = make_article(session, published_at=last_moment)
    services.publish_commission(session, commission_id=commission.id, article_id=article.id, actor_id=None, now=last_moment)

    assert [entry.days_late for vote in read(session).votes for entry in vote.lines] == [1]


def read(session: Session) -> Ledger:
    return ledger(session, at=JUNE_9, zone=KYIV)


def line(
    state: str,
    *,
    days_late: int = 0,
    dropped_reason: str = "",
    out_on: date | None = None,
    article: tuple[str | None, str | None, str | None] = (None, None, None),
) -> LedgerLine:
    return LedgerLine("Water", Promise(state, MAY, MAY, out_on), days_late, dropped_reason, *article)
