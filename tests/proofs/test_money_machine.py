"""Members, Stripe and chaos in random order: 125 runs of up to fifty steps on each database.

Each seed is a test of its own: what fails is run again by its name, and shrunk by `of_size(..., is_shrunk=True)`.
"""

import pytest
from hypothesis import seed
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from tests.conftest import SettingsMaker
from tests.proofs.money_machine import machine_on, of_size

pytestmark = pytest.mark.proof

SEEDS, RUNS, STEPS = range(1, 6), 25, 50


@pytest.mark.parametrize("number", SEEDS)
def test_our_books_are_stripes_truth_whatever_happens_on_the_way(engine: Engine, make_settings: SettingsMaker, number: int) -> None:
    machine = seed(number)(machine_on(engine, make_settings))

    run_state_machine_as_test(machine, settings=of_size(runs=RUNS, steps=STEPS))
