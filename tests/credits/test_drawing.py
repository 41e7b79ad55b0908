"""What is drawn from state: promises, badges, letters, figures; each repeatable, and twice at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.credits import drawing, services
from membership.credits.models import Award, Commission, SiteFigures
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.page_version import page_version
from membership.patronage.models import PaidPeriod
from membership.voting.models import Topic
from tests.conftest import NOW, make_sessions
from tests.factories.credits import make_article, make_commission, make_count, make_published_vote, make_round, make_voters

KYIV = ZoneInfo("Europe/Kyiv")


def test_a_vote_that_is_not_published_promises_nothing(session: Session) -> None:
    make_count(session, make_round(session), ballots={"water": 25})

    assert draw_all(session) == (0, 0, 0)
    assert promised(session) == []


def test_a_vote_in_which_nobody_ticked_promises_nothing_and_stays_quiet(session: Session) -> None:
    make_published_vote(session, ballots={})

    assert draw_all(session) == (0, 0, 0)
    assert page_version(session) == 0


def test_each_winner_is_promised_once_in_the_order_of_the_seats(session: Session) -> None:
    make_published_vote(session, seats=2, ballots={"schools": 15, "buses": 8, "water": 2})

    drawn = [drawing.draw_commissions(session, zone=KYIV, now=NOW) for _ in range(2)]

    assert drawn == [2, 0]
    assert promised(session) == [(1, "in_progress", date(2026, 5, 1), "Schools"), (2, "in_progress", date(2026, 5, 1), "Buses")]
    assert page_version(session) == 1


@pytest.mark.parametrize(
    ("published_at", "month"),
    [
        (datetime.fromisoformat("2026-03-31T20:59:59+00:00"), date(2026, 5, 1)),
        (datetime.fromisoformat("2026-03-31T21:00:00+00:00"), date(2026, 6, 1)),
    ],
)
def test_the_month_is_that_of_the_newsrooms_own_time_zone(session: Session, published_at: datetime, month: date) -> None:
    make_published_vote(session, published_at=published_at)

    drawing.draw_commissions(session, zone=KYIV, now=published_at)

    assert [(due_on) for _seat, _state, due_on, _topic in promised(session)] == [month]


def test_every_counted_voter_gets_the_badge_once_in_member_order(session: Session) -> None:
    vote = make_published_vote(session)

    drawn = [drawing.draw_awards(session, now=NOW + timedelta(hours=run)) for run in range(2)]

    awards = session.execute(select(Award.member_id, Award.badge, Award.round_id, Award.awarded_at).order_by(Award.id)).all()
    assert drawn == [25, 0]
    assert [tuple(award) for award in awards] == [(voter, "co_creator", vote.round_id, NOW) for voter in vote.voters]


def test_a_badge_of_an_account_that_was_closed_does_not_come_back(session: Session) -> None:
    vote = make_published_vote(session)
    drawing.draw_awards(session, now=NOW)
    with transaction(session):
        session.execute(delete(Member).where(Member.id == vote.voters[0]))

    assert drawing.draw_awards(session, now=NOW) == 0
    assert session.scalar(select(func.count()).select_from(Award)) == 24


def test_no_letter_goes_out_before_the_story_is_out(session: Session) -> None:
    make_commission(session)

    assert drawing.write_story_letters(session, now=NOW) == 0


def test_a_dropped_story_sends_no_letter(session: Session) -> None:
    commission = make_commission(session)
    services.drop_commission(session, commission_id=commission.id, reason="No", actor_id=None, now=NOW)

    assert drawing.write_story_letters(session, now=NOW) == 0


def test_each_counted_voter_with_an_address_gets_one_letter(session: Session) -> None:
    commission = publish(session)
    counted = sorted(session.scalars(select(Award.member_id)))
    with transaction(session):
        session.get_one(Member, counted[0]).email = None
        typed = session.get_one(Member, counted[1])
        typed.email, typed.typed_email = None, "typed@example.org"

    drawn = [drawing.write_story_letters(session, now=NOW) for _ in range(2)]

    items = session.scalars(select(OutboxItem).order_by(OutboxItem.id)).all()
    assert drawn == [24, 0]
    assert [(item.kind, item.key, item.payload) for item in items] == [
        ("story_out", f"story_out:{commission.id}:{member}", {"commission_id": commission.id, "member_id": member})
        for member in counted[1:]
    ]


def test_letters_are_written_in_batches_and_a_crash_between_two_of_them_doubles_none(session: Session) -> None:
    commission = publish(session)
    counted = sorted(session.scalars(select(Award.member_id)))
    with transaction(session):  # what a run that died had left
        for member in counted[:3]:
            key = services.letter_key(commission.id, member)
            session.add(OutboxItem(key=key, kind="story_out", payload={}, created_at=NOW, due_at=NOW))

    assert drawing.write_story_letters(session, now=NOW, at_once=7) == 22
    assert session.scalar(select(func.count()).select_from(OutboxItem)) == 25


def test_two_workers_at_once_draw_everything_once(session: Session, engine: Engine) -> None:
    make_published_vote(session)
    make_published_vote(session, "april-2026")
    draw_in_parallel(engine)
    march, april = session.scalars(select(Commission).order_by(Commission.id))
    for number, commission in enumerate((march, april)):
        article = make_article(session, f"story-{number}")
        services.publish_commission(session, commission_id=commission.id, article_id=article.id, actor_id=None, now=NOW)
    draw_in_parallel(engine)

    assert [session.scalar(select(func.count()).select_from(table)) for table in (Commission, Award, OutboxItem)] == [2, 50, 50]


def test_the_figures_are_drawn_once_and_raise_the_page_version_only_when_a_number_changed(session: Session) -> None:
    publish(session)
    before = page_version(session)

    drawn = [drawing.refresh_figures(session, now=NOW + timedelta(minutes=run)) for run in range(3)]
    patron = make_voters(session, 1, prefix="patron")[0]
    with transaction(session):
        session.add(
            PaidPeriod(member_id=patron, source="bank", reference="1", starts_at=NOW, ends_at=NOW + timedelta(days=30)),
        )
    drawn += [drawing.refresh_figures(session, now=NOW + timedelta(minutes=run)) for run in range(3, 5)]

    assert drawn == [5, 0, 0, 1, 0]
    assert page_version(session) == before + 2
    session.expire_all()
    figures = session.scalars(select(SiteFigures)).one()
    assert (figures.patrons, figures.stories_chosen, figures.stories_published) == (1, 1, 1)
    assert (figures.gross_minor, figures.net_minor, figures.drawn_at) == (0, 0, NOW + timedelta(minutes=3))


def publish(session: Session) -> Commission:
    """A vote whose story is out, its badges drawn and its letters not yet."""
    commission = make_commission(session)
    drawing.draw_awards(session, now=NOW)
    article = make_article(session)
    services.publish_commission(session, commission_id=commission.id, article_id=article.id, actor_id=None, now=NOW)
    return commission


def promised(session: Session) -> list[tuple[int, str, date, str]]:
    rows = session.execute(
        select(Commission.seat, Commission.state, Commission.due_on, Topic.title)
        .join(Topic, Topic.id == Commission.topic_id)
        .order_by(Commission.round_id, Commission.seat),
    )
    return [(seat, state, due_on, title) for seat, state, due_on, title in rows]


def draw_all(session: Session) -> tuple[int, int, int]:
    return (
        drawing.draw_commissions(session, zone=KYIV, now=NOW),
        drawing.draw_awards(session, now=NOW),
        drawing.write_story_letters(session, now=NOW),
    )


def draw_in_parallel(engine: Engine, workers: int = 3) -> None:
    """Run all jobs in several threads that start at the same moment; an error in one of them is an error here."""
    start = Barrier(workers)

    def run(_number: int) -> None:
        with make_sessions(engine)() as own:
            start.wait()
            draw_all(own)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, range(workers)))
