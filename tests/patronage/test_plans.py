"""What can be bought: more than one plan, and never one that would be mis-sold."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from membership.errors import Conflict, NotFound
from membership.page_version import page_version
from membership.patronage import queries, services
from membership.patronage.asks import giving_ask
from membership.patronage.models import Plan
from tests.conftest import NOW, make_sessions
from tests.factories.patronage import MINIMUMS, PRESETS, make_plan
from tests.patronage.conftest import ON_SQLITE, table


@pytest.mark.parametrize(("currency", "fault"), [("kwd", "KWD has three decimal places"), ("ugx", "Amounts in UGX are whole.")])
def test_a_currency_that_would_be_mis_sold_is_refused(session: Session, currency: str, fault: str) -> None:
    minimums = MINIMUMS | {"month": 350}
    with pytest.raises(Conflict, match=fault):
        services.ensure_plan(
            session,
            key="main",
            name="Support",
            currency=currency,
            minimums=minimums,
            presets=PRESETS | {"month": (350, 500, 900)},
            now=NOW,
        )

    assert table(session, Plan, "key") == []


@pytest.mark.parametrize("key", ["", "Press", "press plan", "-press", "прес", "a" * 41, "press_1"])
def test_a_key_that_stripe_could_not_name_is_refused(session: Session, key: str) -> None:
    with pytest.raises(Conflict, match="short name such as press"):
        make_plan(session, key=key)


def test_the_only_plan_is_not_retired(session: Session) -> None:
    make_plan(session)

    with pytest.raises(Conflict, match="only plan"):
        services.retire_plan(session, key="main", now=NOW)
    with pytest.raises(NotFound):
        services.retire_plan(session, key="press", now=NOW)


def test_a_retired_plan_is_offered_no_longer_until_it_is_again(session: Session) -> None:
    make_plan(session)
    make_plan(session, key="press")
    before = page_version(session)

    services.retire_plan(session, key="main", now=NOW)
    services.retire_plan(session, key="main", now=NOW)
    offered = [plan.key for plan in queries.offered_plans(session)]
    ask = queries.ask_for(session, plan_key="main")
    services.offer_plan(session, key="main")

    assert offered == ["press"]
    assert ask is not None
    assert (ask.plan_key, ask.offers) == ("press", ())
    assert [plan.key for plan in queries.offered_plans(session)] == ["main", "press"]
    assert page_version(session) == before + 3


@pytest.mark.parametrize(
    ("minimums", "amounts", "selected"),
    [
        ({"month": 300, "year": 3000, "once": 300}, (900, 1800, 3600), 1800),
        ({"month": 300, "year": 3000, "once": 2000}, (3600,), 3600),
        ({"month": 300, "year": 3000, "once": 5000}, (), None),
        ({"month": 10_000_000, "year": 10_000_000, "once": 10_000_000}, (30_000_000, 60_000_000), 60_000_000),
    ],
)
def test_what_is_given_is_offered_in_months_that_can_be_sold(
    minimums: dict[str, int], amounts: tuple[int, ...], selected: int | None
) -> None:
    plan = Plan(key="main", currency="eur", **{f"minimum_{every}_minor": amount for every, amount in minimums.items()})

    (group,) = giving_ask(plan).groups

    assert (group.amounts, group.selected, group.minimum_minor) == (amounts, selected, minimums["once"])
    assert group.months == tuple(amount // minimums["month"] for amount in amounts)


@ON_SQLITE
def test_the_command_makes_retires_and_offers_plans(app: Flask) -> None:
    def plan(*words: str) -> str:
        return app.test_cli_runner().invoke(args=["patronage", "plan", *words]).output

    press = ("--minimum-month=20", "--minimum-year=200", "--minimum-once=20")
    amounts = ("--presets-month=20,40,80", "--presets-year=200,400,800", "--presets-once=40,80,160")
    plan()
    said = [
        plan("--key", "press", "--name", "Press", *press, *amounts),
        plan("--key", "main", "--retire"),
        plan("--key", "press", "--retire"),
        plan("--key", "main", "--offer"),
        plan("--key", "unknown", "--retire"),
        plan("--key", "Press!"),
    ]

    assert said[0].endswith("Saved.\n")
    assert said[1:] == [
        "main: offered no longer; who pays by it goes on\n",
        "Error: This is the only plan that is offered. Make another one first.\n",
        "main: offered\n",
        "Error: There is no such plan.\n",
        "Error: A plan's key is a short name such as press: small letters, digits and hyphens.\n",
    ]
    with make_sessions(app.extensions["kernel"].engine)() as session:
        assert table(session, Plan, "key", "name", "minimum_month_minor", "retired_at") == [
            ("main", "The Test Gazette", 300, None),
            ("press", "Press", 2000, None),
        ]
