"""The benchmark itself works; its figures are for `make bench`, on a machine that does nothing else."""

import pytest

from tests.benchmarks import article_page


def test_the_benchmark_measures_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    figures = article_page.measure(turns=2, seconds=0.1)
    article_page.show(figures)

    assert figures.queries <= 3
    assert min(figures.page, figures.bare, figures.cold, figures.ratio, figures.size) > 0
    assert f"warm / bare          {figures.ratio:>9.2f}" in capsys.readouterr().out
