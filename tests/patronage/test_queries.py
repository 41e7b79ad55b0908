"""Who is a patron, asked of the database; what money came in; what an ask offers."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from membership.credits.models import SiteFigures
from membership.db import transaction
from membership.errors import NotFound
from membership.patronage import queries
from membership.patronage.asks import AmountGroup, Ask
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Payment, StripeClosure, Subscription
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff
from tests.factories.articles import make_article
from tests.factories.patronage import give_seat, make_plan, period, store, subscription


def test_the_list_of_patrons_says_the_same_as_the_rule_for_each(session: Session) -> None:
    cases: list[tuple[list[PaidPeriod], list[Subscription]]] = [
        ([], []),
        ([period(-10, 20)], [subscription("active")]),
        ([period(-10, 20, reversed_in_days=-1)], [subscription("active")]),
        ([period(-10, 20, reversed_in_days=1)], [subscription("active")]),
        ([period(-40, -10)], [subscription("past_due", past_due_for_days=10)]),
        ([period(-45, -14)], [subscription("past_due", past_due_for_days=14)]),
        ([period(-30, 0)], [subscription("active", period_ends_in_days=0)]),
        ([period(-30, 0)], [subscription("canceled")]),
        ([], [subscription("incomplete")]),
        ([], [subscription("incomplete_expired")]),
        ([], [subscription("unknown")]),
        ([period(-40, -10)], [subscription("paused")]),
        ([period(-40, -10, source="bank")], []),
        ([period(1, 20, source="bank")], []),
        ([period(-10, 20, source="free_seat"), period(-60, -30, source="once")], []),
        ([period(-10, 20, disputed_in_days=-1)], [subscription("active")]),
        ([period(-10, 20, disputed_in_days=1)], [subscription("active")]),
        ([period(-30, -1)], [subscription("active", is_paused=True)]),
        ([period(-30, -1)], [subscription("active", is_paused=True, resumes_at=NOW)]),
        ([period(-40, -5)], [subscription("active", past_due_for_days=5)]),
        ([], [subscription("active", attention="declined")]),
        ([period(-40, -10)], [subscription("unpaid", past_due_for_days=10)]),
        ([period(-40, -10)], [subscription("canceled", ended_at=NOW - timedelta(days=1))]),
    ]
    for number, (periods, subscriptions) in enumerate(cases):
        member = make_member(session, f"reader{number}@example.org")
        for row in (*periods, *subscriptions):
            row.member_id = member.id
        for row in subscriptions:
            row.stripe_id = f"sub_{number}"
        for row in periods:
            row.subscription_id = row.subscription_id and f"sub_{number}"
        store(session, *periods, *subscriptions)
    for number, failed_at in enumerate((None, NOW)):
        pays_once_by_bank(session, make_member(session, f"once{number}@example.org").id, failed_at=failed_at)
    staff = make_staff(session)
    give_seat(session, staff.id)

    everybody = range(1, staff.id + 1)
    one_by_one = [member for member in everybody if queries.standing_of(session, member, at=NOW).may_vote]

    assert queries.patron_ids(session, at=NOW) == one_by_one
    assert len(one_by_one) == 10
    assert queries.count_patrons(session, at=NOW) == 10

    with transaction(session):
        session.add(StripeClosure(closed_at=NOW - timedelta(days=2), reason="", place=1))
    one_by_one = [member for member in everybody if queries.standing_of(session, member, at=NOW).may_vote]

    assert queries.patron_ids(session, at=NOW) == one_by_one
    assert len(one_by_one) == 13  # the one for fourteen days past due, the unpaid, and the one that Stripe has ended since


def pays_once_by_bank(session: Session, member_id: int, *, failed_at: datetime | None) -> None:
    """A single payment that takes its days, or did not come."""
    plan = queries.find_default_plan(session) or make_plan(session)
    with transaction(session):
        session.add(
            CheckoutAttempt(
                id=uuid4(), plan_id=plan.id, interval="once", amount_minor=900, currency="eur", language="en",
                browser_hash=b"b" * 32, member_id=member_id, created_at=NOW, completed_at=NOW, failed_at=failed_at,
            )
        )  # fmt: skip


def test_staff_are_no_patrons_even_with_a_seat(session: Session) -> None:
    staff = make_staff(session)
    give_seat(session, staff.id)

    assert queries.patron_ids(session, at=NOW) == []
    assert queries.standing_of(session, staff.id, at=NOW).code == "staff"


def test_without_a_plan_nothing_can_be_bought(session: Session) -> None:
    with pytest.raises(NotFound):
        queries.default_plan(session)
    assert queries.find_default_plan(session) is None
    assert queries.ask_for(session) is None


def test_the_ask_prints_figures_and_costs_one_query(session: Session) -> None:
    make_plan(session)
    article = make_article(session)
    drawn = {"patrons": 1204, "stories_chosen": 12, "stories_published": 11, "gross_minor": 50_000, "net_minor": 46_700}
    with transaction(session):
        article.calm = True
        session.add(SiteFigures(id=1, drawn_at=NOW, **drawn))
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *call: statements.append(call[2]))

    ask = queries.ask_for(session, article=article)

    assert [statement[:6] for statement in statements if not statement.startswith("BEGIN")] == ["SELECT"]
    assert ask == Ask(
        plan_key="main",
        currency="eur",
        month_minor=300,
        groups=(
            AmountGroup("month", (300, 500, 1000), 300, (1, 1, 3), 500),
            AmountGroup("year", (3000, 5000, 10000), 3000, (10, 12, 12), 5000),
            AmountGroup("once", (1000, 2000, 5000), 300, (3, 6, 12), 2000),
        ),
        article_slug=article.slug,
        calm=True,
        **drawn,
    )
    assert ask is not None
    assert ask.reaches_us(500) == 467


def test_an_ask_before_any_figure_was_drawn_has_none(session: Session) -> None:
    make_plan(session)

    ask = queries.ask_for(session)

    assert ask is not None
    assert (ask.patrons, ask.stories_chosen, ask.article_slug, ask.reaches_us(500)) == (0, 0, "", None)


def test_totals_tell_of_card_payments_whose_fee_is_known(session: Session) -> None:
    rows = [
        ("charge", 500, 33, NOW - timedelta(days=1)),
        ("charge", 1000, 40, NOW - timedelta(days=400)),
        ("charge", 700, None, NOW - timedelta(days=1)),
        ("refund", -500, 0, NOW - timedelta(days=1)),
        ("manual", 9000, 0, NOW - timedelta(days=1)),
    ]
    with transaction(session):
        for number, (kind, amount, fee, occurred_at) in enumerate(rows):
            net = None if fee is None else amount - fee
            session.add(
                Payment(
                    kind=kind,
                    source="stripe",
                    reference=f"ch_{number}",
                    amount_minor=amount,
                    fee_minor=fee,
                    net_minor=net,
                    currency="eur",
                    occurred_at=occurred_at,
                )
            )

    assert queries.money_totals(session, since=NOW - timedelta(days=365), until=NOW) == (500, 467)
