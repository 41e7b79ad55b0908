"""Tables as CSV that a spreadsheet may open without running anything. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

# A cell that begins with one of these would be taken for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the table as CSV with a byte order mark, so that spreadsheets read it as UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return "\ufeff" + out.getvalue()


def _harmless(cell: object) -> str:
    text = str(cell)
    # A number below zero is no formula.
    return "'" + text if text.startswith(FORMULA_STARTS) and not isinstance(cell, int | Decimal) else text
