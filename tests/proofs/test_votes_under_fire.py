"""Two thousand voters send, change and take back while the vote closes: what each was told is what was counted, whoever dies."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from tests.proofs.voters_history import DONE, LATE, UNKNOWN
from tests.proofs.voters_under_fire import SERVER, WORKER, fire

pytestmark = pytest.mark.proof

OPEN_FOR = timedelta(seconds=20)
BEFORE_THE_END = (WORKER, WORKER, SERVER, WORKER, WORKER, SERVER, WORKER)
AFTER_THE_END = (WORKER, SERVER, SERVER)


@pytest.mark.parametrize("seed", [20261122])
def test_what_each_voter_was_told_is_what_was_counted_while_time_ran_out(
    engine: Engine, environ: dict[str, str], seed: int
) -> None:
    with fire(engine, environ, seed=seed, open_for=OPEN_FOR) as burning:
        with burning.crowded():
            burning.ends_by_the_clock()
        assert burning.crowd.heard[UNKNOWN] == 0
        burning.holds()


@pytest.mark.parametrize("seed", [20261122])
def test_what_each_voter_was_told_is_what_was_counted_after_ten_deaths(engine: Engine, environ: dict[str, str], seed: int) -> None:
    with fire(engine, environ, seed=seed, open_for=timedelta(hours=1)) as burning:
        with burning.crowded():
            burning.dies(BEFORE_THE_END, word=DONE)
            burning.ends_by_hand()
            burning.dies(AFTER_THE_END, word=LATE)
        assert burning.crowd.heard[UNKNOWN] > 0
        burning.holds()
