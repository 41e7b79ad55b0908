"""What is sold, brought to Stripe: shown first, done once, and nothing twice."""

from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from membership.patronage import services
from tests.conftest import NOW
from tests.factories.patronage import MINIMUMS, PRESETS, make_plan
from tests.patronage.conftest import ON_SQLITE, Shop

KEYS = [f"membership-main-{every}-eur-{amount}" for every, amounts in PRESETS.items() for amount in amounts]


def run(shop: Shop, *words: str) -> Result:
    return shop.app.test_cli_runner().invoke(args=["patronage", "catalogue", *words])


def at_stripe(shop: Shop) -> dict[str, Any]:
    client = shop.stripe.client()
    return {
        "products": [(p.id, p.name, p.statement_descriptor, p.active) for p in client.v1.products.list().data],
        "prices": sorted(p.lookup_key or "" for p in client.v1.prices.list({"limit": 100}).data),
    }


@ON_SQLITE
def test_stripe_down_is_a_sentence(app: Flask) -> None:
    with app.extensions["kernel"].sessions() as session:
        make_plan(session)

    result = app.test_cli_runner().invoke(args=["patronage", "catalogue", "--apply"])

    assert result.exit_code == 1
    assert "Payments can’t be reached just now." in result.output


def test_it_is_shown_then_done_and_done_again_changes_nothing(shop: Shop) -> None:
    shop.stripe.control("statement-descriptor", text="TEST GAZETTE")

    shown, before = run(shop), at_stripe(shop)
    done, after = run(shop, "--apply"), at_stripe(shop)
    again, unchanged = run(shop, "--apply"), at_stripe(shop)

    lines = ["+ product membership_main: Support, on bank statements TEST GAZETTE", *(f"+ price {key}" for key in KEYS)]
    assert shown.output.splitlines() == [*lines, "Nothing was changed. To do it, say --apply."]
    assert before == {"products": [], "prices": []}
    assert done.output.splitlines() == [*lines, *(f"{number} of 10 done" for number in range(1, 11))]
    assert after == {"products": [("membership_main", "Support", "TEST GAZETTE", True)], "prices": sorted(KEYS)}
    assert again.output == "Stripe has everything as it should be.\n"
    assert unchanged == after


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_new_name_a_new_text_and_what_was_put_away_by_hand_travel(shop: Shop) -> None:
    run(shop, "--apply")
    client = shop.stripe.client()
    client.v1.products.update("membership_main", {"statement_descriptor": "OLD NAME", "active": False})
    away = client.v1.prices.list({"lookup_keys": [KEYS[0]]}).data[0]
    client.v1.prices.update(away.id, {"active": False})
    with shop.session() as session:
        services.ensure_plan(
            session,
            key="main",
            name="Friends",
            currency="eur",
            minimums=MINIMUMS,
            presets=PRESETS | {"once": (1000, 2000, 6000)},
            now=NOW,
        )

    done = run(shop, "--apply")

    assert [line for line in done.output.splitlines() if line[0] in "+~"] == [
        "~ product membership_main: name: Support -> Friends",
        "~ product membership_main: on bank statements: OLD NAME -> TEST GAZETTE",
        "~ product membership_main: put away -> on sale",
        f"+ price {KEYS[0]}",
        "+ price membership-main-once-eur-6000",
    ]
    assert at_stripe(shop)["products"] == [("membership_main", "Friends", "TEST GAZETTE", True)]
    assert "as it should be" in run(shop).output


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_accounts_own_text_is_compared_and_told(shop: Shop) -> None:
    output = run(shop).output

    assert "! Bank statements show single payments by card as STANDIN* TEST GAZETTE" in output
    assert "your account's own statement descriptor is STAND-IN DEMO." in output
    assert "Make it TEST GAZETTE in Stripe's dashboard" in output


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_of_a_retired_plan_only_what_its_payers_see_travels(shop: Shop) -> None:
    with shop.session() as session:
        make_plan(session, key="never-sold")
        make_plan(session, key="sold")
    shop.gateway.ensure_product(key="sold", name="Old")
    with shop.session() as session:
        services.retire_plan(session, key="sold", now=NOW)
        services.retire_plan(session, key="never-sold", now=NOW)

    lines = run(shop, "--apply").output.splitlines()

    assert "~ product membership_sold: name: Old -> Support" in lines
    assert [line for line in lines if "never-sold" in line or "-sold-" in line] == []
