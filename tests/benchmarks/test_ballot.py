"""The benchmark itself works; its figures are for `make bench`, on a machine that does nothing else."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.benchmarks import ballot

pytestmark = pytest.mark.proof  # four workers take long to start


def test_the_benchmark_puts_every_ballot_into_the_box(
    engine: Engine, environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state" / "round-keys").mkdir(parents=True, mode=0o700)
    database = engine.url.render_as_string(hide_password=False)
    each = ballot.measure(environ | {"DATABASE_URL": database}, turns=1, ballots=40)
    for figures in each:
        ballot.show(figures)

    assert [(figures.database, figures.connections) for figures in each] == [(engine.dialect.name, 8), (engine.dialect.name, 32)]
    assert {(figures.missing, figures.deadlocks, len(figures.ours.took)) for figures in each} == {(0, 0, 40)}
    assert f"ratio            {each[0].ratio:>7.2f}" in capsys.readouterr().out
