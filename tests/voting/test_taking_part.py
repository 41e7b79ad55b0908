"""Who took part, read as it was at the close and frozen with the count."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.patronage.models import CheckoutAttempt
from membership.voting import public, queries, services
from membership.voting.breakdowns import AT_LEAST, FEW, Breakdowns, Joined, Row
from membership.voting.keys import RoundKeys
from membership.voting.taking_part import headlines
from tests.factories.articles import make_article
from tests.factories.patronage import make_plan
from tests.factories.voting import cast_all, change_periods, close_vote, count_vote, make_patrons, make_staff, open_vote


def came_by(session: Session, members: list[int], article_id: int, *, clock: FixedClock) -> None:
    plan = make_plan(session)
    with transaction(session):
        for member_id in members:
            attempt = CheckoutAttempt(
                id=uuid4(),
                plan_id=plan.id,
                interval="month",
                amount_minor=500,
                currency="eur",
                language="en",
                browser_hash=b"b",
                member_id=member_id,
                article_id=article_id,
                created_at=clock.now(),
                completed_at=clock.now(),
            )
            session.add(attempt)


def test_groups_are_counted_as_they_were_at_the_close_and_frozen(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    stayed_away = make_patrons(session, 30, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    voters = cast_all(session, round_, {"water": 36}, keys=keys, clock=clock)
    change_periods(session, voters[:14] + stayed_away[:12], source="gift")
    change_periods(session, voters[:20] + stayed_away[:10], starts_at=clock.now() - timedelta(days=400))
    article = make_article(session, "the-mains")
    came_by(session, voters[:11] + stayed_away[:13], article.id, clock=clock)

    counted = count_vote(session, round_, keys=keys, clock=clock)
    change_periods(session, voters, source="comp")

    found = public.breakdowns_of(queries.get_round(session, counted.id))
    assert found == Breakdowns(
        {
            "source": (Row("gift", 14), Row("free_seat", 22)),
            "tenure": (Row("months_3", 16), Row("years_3", 20)),
            "story": (Row("none", 25), Row("the-mains", 11)),
        },
        Joined(FEW),
    )
    assert headlines(session, found) == {"the-mains": article.headline}


def test_of_who_became_a_patron_while_it_was_open_no_more_is_told_than_the_sizes_leave(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    stayed_away = make_patrons(session, 11, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    voters = cast_all(session, round_, {"water": 40}, keys=keys, clock=clock)
    change_periods(session, voters[:25] + stayed_away, starts_at=clock.now() + timedelta(hours=1))

    counted = count_vote(session, round_, keys=keys, clock=clock)

    # 40 ballots, and only 15 who were patrons before: 25 to 36, and that all 15 voted is nobody's to know.
    assert public.breakdowns_of(counted).joined == Joined(AT_LEAST, 25)


def test_without_the_key_nobody_knows_who_took_part(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 30}, keys=keys, clock=clock)
    close_vote(session, round_, clock=clock)
    keys.destroy(round_.id)
    for verb in (services.check_box, services.confirm_check):
        verb(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())

    services.open_box(session, round_id=round_.id, actor_id=make_staff(session, clock=clock), now=clock.now())

    assert public.breakdowns_of(queries.get_round(session, round_.id)) == Breakdowns()


def test_below_20_ballots_nothing_is_said_of_who_took_part(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    make_patrons(session, 30, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 19}, keys=keys, clock=clock)

    assert public.breakdowns_of(count_vote(session, round_, keys=keys, clock=clock)) == Breakdowns()
