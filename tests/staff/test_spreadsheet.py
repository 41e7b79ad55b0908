"""CSV that a spreadsheet may open."""

import pytest

from membership.staff.spreadsheet import csv_text


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(cell: str) -> None:
    assert "'" + cell in csv_text(["a"], [[cell]])


def test_commas_quotes_and_line_breaks_stay_inside_their_cell() -> None:
    assert csv_text(["a", "b"], [['one, "two"', "three\nfour"], [5, None]]) == (
        '\ufeffa,b\r\n"one, ""two""","three\nfour"\r\n5,None\r\n'
    )
