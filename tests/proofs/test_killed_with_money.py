"""The web process and the job runner are killed at thirty random points of a busy minute of money."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.proofs.money_under_fire import fire

pytestmark = pytest.mark.proof

SERVER_KILLS, JOB_KILLS = 18, 12


@pytest.mark.parametrize("seed", [20261122])
def test_our_books_are_stripes_truth_after_thirty_deaths(
    engine: Engine, environ: dict[str, str], tmp_path: Path, seed: int
) -> None:
    with fire(engine, environ, tmp_path, seed=seed) as burning:
        burning.burns(server_kills=SERVER_KILLS, job_kills=JOB_KILLS)
        burning.settles()
        burning.holds(job_kills=JOB_KILLS)

    assert burning.town.broken_off > 0
