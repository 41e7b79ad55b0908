"""Members, Stripe and chaos in random order, a little of it; `make proof` runs it for long."""

from hypothesis import seed
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from tests.conftest import SettingsMaker
from tests.proofs.money_machine import machine_on, of_size

RUNS, STEPS = 12, 25


def test_our_books_are_stripes_truth_whatever_happens_on_the_way(engine: Engine, make_settings: SettingsMaker) -> None:
    machine = seed(1)(machine_on(engine, make_settings))

    run_state_machine_as_test(machine, settings=of_size(runs=RUNS, steps=STEPS))
