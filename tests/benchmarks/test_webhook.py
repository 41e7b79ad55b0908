"""The benchmark itself works; its figures are for `make bench`, on a machine that does nothing else."""

import pytest
from sqlalchemy import Engine

from tests.benchmarks import webhook


def test_the_benchmark_gives_every_event_its_effect(
    engine: Engine, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    figures = webhook.measure(environ | {"DATABASE_URL": engine.url.render_as_string(hide_password=False)}, turns=1, events=8)
    webhook.show(figures)

    assert (figures.database, figures.undone) == (engine.dialect.name, 0)
    assert (len(figures.webhook.took), len(figures.core.took)) == (8, 8)
    assert f"ratio            {figures.ratio:>7.2f}" in capsys.readouterr().out
