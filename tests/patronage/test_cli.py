"""The commands: a plan that can be made twice, and one subscription asked about."""

from flask import Flask

from membership.patronage.models import Plan, Subscription
from tests.conftest import make_sessions
from tests.patronage.conftest import Shop, table


def plans(app: Flask) -> list[tuple[object, ...]]:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        return table(session, Plan, "key", "name", "minimum_month_minor", "presets_month", "presets_once")


def test_a_plan_is_shown_made_and_made_again_without_change(app: Flask) -> None:
    run = app.test_cli_runner().invoke

    dry = run(args=["patronage", "plan", "--dry-run"])
    after_dry = plans(app)
    made = run(args=["patronage", "plan"])
    again = run(args=["patronage", "plan"])

    assert (dry.exit_code, made.exit_code, again.exit_code) == (0, 0, 0)
    assert after_dry == []
    assert "+ lowest (month): 300" in dry.output
    assert made.output == dry.output + "Saved.\n"
    assert again.output == "Nothing changes.\n"
    assert plans(app) == [("main", "The Test Gazette", 300, "300,500,1000", "1000,2000,5000")]


def test_a_changed_plan_shows_old_and_new(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    run(args=["patronage", "plan"])

    changed = run(args=["patronage", "plan", "--presets-month", "4,8,16", "--name", "Friends"])

    assert changed.output == (
        "~ name: The Test Gazette -> Friends\n~ presets (month): (300, 500, 1000) -> (400, 800, 1600)\nSaved.\n"
    )
    assert plans(app) == [("main", "Friends", 300, "400,800,1600", "1000,2000,5000")]


def test_amounts_that_make_no_sense_change_nothing(app: Flask) -> None:
    run = app.test_cli_runner().invoke

    wrong = [
        run(args=["patronage", "plan", "--minimum-month", "-3"]),
        run(args=["patronage", "plan", "--presets-month", "3,5"]),
        run(args=["patronage", "plan", "--presets-month", "a,b,c"]),
    ]

    assert [result.exit_code for result in wrong] == [1, 1, 1]
    assert plans(app) == []


def test_one_subscription_can_be_asked_about(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose().location)
    stripe_id = shop.stripe.client().v1.subscriptions.list().data[0].id
    run = shop.app.test_cli_runner().invoke

    found = run(args=["patronage", "sync", stripe_id])
    unknown = run(args=["patronage", "sync", "sub_unknown"])

    assert (found.exit_code, found.output) == (0, f"{stripe_id}: written\n")
    assert unknown.exit_code == 1
    assert "doesn’t know this" in unknown.output
    assert shop.rows(Subscription, "stripe_id", "status") == [(stripe_id, "active")]
