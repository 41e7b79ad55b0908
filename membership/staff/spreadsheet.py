"""Tables as CSV that a spreadsheet may open without running anything. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

# A cell that begins with one of these would be taken for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the table as CSV with a byte order mark, so that spreadsheets read it as UTF-8."""
    return "".join(csv_lines(header, rows))


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Give the same line by line, for tables that nobody should hold in memory."""
    yield "\ufeff" + _line(header)
    for row in rows:
        yield _line([_harmless(cell) for cell in row])


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _harmless(cell: object) -> str:
    text = str(cell)
    # A number below zero is no formula.
    return "'" + text if text.startswith(FORMULA_STARTS) and not isinstance(cell, int | Decimal) else text
