"""The web process and the job runner are killed while money moves, a few times; `make proof` does it for long."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.patronage.conftest import ON_SQLITE
from tests.proofs.money_under_fire import fire

SERVER_KILLS, JOB_KILLS = 3, 2


@ON_SQLITE  # on PostgreSQL in make proof: the processes take their time to start
@pytest.mark.parametrize("seed", [1])
def test_nothing_is_lost_or_done_twice_when_our_processes_are_killed(
    engine: Engine, environ: dict[str, str], tmp_path: Path, seed: int
) -> None:
    with fire(engine, environ, tmp_path, seed=seed) as burning:
        burning.burns(server_kills=SERVER_KILLS, job_kills=JOB_KILLS)
        burning.settles()
        burning.holds(job_kills=JOB_KILLS)
