"""Reading tables that other companies export: their encodings, separators, dates and amounts. Pure."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from membership.money import SIGNS, exponent, is_supported, takes_fractions

MOST_BYTES, MOST_ROWS, LONGEST_CELL = 5_000_000, 20_000, 2_000
LINES_ABOVE = 50  # what banks write before the header
# With a mark of their own, then the usual one.
_MARKED = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# What old banks in Ukraine and in the West write.
_EASTERN, _WESTERN = "cp1251", "cp1252"
_CYRILLIC = "\u0400-\u04ff"
_DELIMITERS = ";,\t|"
_DATE = re.compile(
    r"(?:(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})|(?P<d2>\d{1,2})[./-](?P<m2>\d{1,2})[./-](?P<y2>\d{4}|\d{2}))"
    r"(?:[ T]\d{1,2}:.*)?",
    flags=re.ASCII,
)
_UNIT = r"(?:[A-Za-z]{3}|грн\.?|[€$£₴¥])"
_AMOUNT = re.compile(
    rf"(\()?([-+])? ?({_UNIT})? ?([-+])? ?"
    r"(?P<whole>[0-9]{1,3}(?:(?P<group>[ .,'])[0-9]{3})(?:(?P=group)[0-9]{3})*|[0-9]+)(?:(?P<point>[.,])(?P<fraction>[0-9]{1,2}))?"
    rf" ?([-+])? ?({_UNIT})?(\))?",
)
# As other tables call them; numbers are those of ISO 4217.
_OTHER_NAMES = {"грн": "uah", "грн.": "uah", "980": "uah", "978": "eur", "840": "usd", "826": "gbp"}
# The column that holds it: 31 bits. More than that came in no transfer yet, and somebody should look at it.
_MOST_MINOR = 2_000_000_000


class BadSheet(ValueError):
    """The file can't be read as a whole; code says why: too_big, not_text, no_columns, too_many, cut, broken, doubled."""

    def __init__(self, code: str, *, line: int = 0, columns: Sequence[str] = ()) -> None:
        super().__init__(code)
        self.code, self.line, self.columns = code, line, tuple(columns)


@dataclass(frozen=True)
class Fault:
    """What is wrong in one line (counted from 1, the file's first): date, future, amount, currency, direction, id."""

    line: int
    code: str
    text: str


@dataclass(frozen=True)
class _Header:
    """The header: how cells are separated, the lines down to it, how many cells a row has, where each of our columns stands."""

    delimiter: str
    lines: int
    cells: tuple[str, ...]
    places: Mapping[str, int]


def read_table(raw: bytes, wanted: Mapping[str, Sequence[str]], *, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Return each row with its line's number, under our own names for its columns.

    wanted maps our name to the headers that mean it, best first; lines above the header are skipped. Raises BadSheet: a file that
    is cut, or holds everything twice, is no file at all, so that nobody takes half a list for the whole.
    """
    lines = list(io.StringIO(_decoded(raw), newline=""))
    header = _find_header(lines, wanted, needed)
    if header is None:
        raise BadSheet("no_columns", columns=[wanted[name][0] for name in needed])
    rows = list(_rows(lines, header))
    cells = [row for _, row in rows]
    half = len(rows) // 2
    if half > 1 and cells[:half] == cells[half:]:
        raise BadSheet("doubled", line=rows[half][0])
    return [(line, {name: clean(row[place]) for name, place in header.places.items()}) for line, row in rows]


def clean(cell: str) -> str:
    """Return a cell without what nobody sees (controls, marks that turn the reading direction) and with single spaces."""
    if not cell.isprintable():
        seen = (
            " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in cell if unicodedata.category(c) not in ("Cf", "Cs")
        )
        cell = "".join(seen)
    return " ".join(cell.split())[:LONGEST_CELL]


def read_date(text: str) -> date:
    """Read a day of this century as banks write it, the day before the month; raises ValueError."""
    found = _DATE.fullmatch(text.strip())
    if not found:
        raise ValueError("not a date")
    year = found["y"] or found["y2"]
    day = date(int(year if len(year) == 4 else f"20{year}"), int(found["m"] or found["m2"]), int(found["d"] or found["d2"]))
    if not 2000 <= day.year < 2100:
        raise ValueError("not a date of this century")
    return day


def read_currency(text: str) -> str:
    """Read a currency's code, number or sign; raises ValueError for what is none, or is not counted here."""
    name = text.strip().lower()
    code = _OTHER_NAMES.get(name) or SIGNS.get(name, (name,))[0]
    if not re.fullmatch(r"[a-z]{3}", code) or not is_supported(code):
        raise ValueError("not a currency")
    return code


def read_signed_amount(text: str, currency: str) -> int:
    """Read an amount with its sign into minor units: 1.234,56 and 1,234.56 alike; raises ValueError, also for another currency."""
    spaced = " ".join(text.replace("’", "'").replace("\u2212", "-").split())
    found = _AMOUNT.fullmatch(spaced) if len(spaced) <= 40 else None
    if not found or found["group"] == (found["point"] or ""):
        raise ValueError("not an amount")
    opened, before, unit, inside, *_, after, unit_after, closed = found.groups()
    signs = [sign for sign in (before, inside, after, "-" if opened else None) if sign]
    if len(signs) > 1 or bool(opened) != bool(closed):
        raise ValueError("not an amount")
    if not all(_means(name, currency) for name in (unit, unit_after) if name):
        raise ValueError("another currency")
    fraction = found["fraction"] or ""
    if len(fraction.rstrip("0")) > exponent(currency) or (int(fraction or "0") and not takes_fractions(currency)):
        raise ValueError("too many decimals")
    places = exponent(currency)
    amount: int = int(re.sub(r"[^0-9]", "", found["whole"])) * 10**places + int(fraction.ljust(places, "0")[:places] or "0")
    amount = -amount if "-" in signs else amount
    if amount > _MOST_MINOR:  # what went out may be any sum: it is not taken over
        raise ValueError("out of range")
    return amount


def _means(name: str, currency: str) -> bool:
    return currency in SIGNS[name] if name in SIGNS else read_currency(name) == currency


def _decoded(raw: bytes) -> str:
    if len(raw) > MOST_BYTES:
        raise BadSheet("too_big")
    marked = next((name for mark, name in _MARKED.items() if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(marked)
    except UnicodeDecodeError:
        text = _decoded_by_looks(raw) if marked == "utf-8" else "\x00"
    if "\x00" in text:
        raise BadSheet("not_text")
    return text


def _decoded_by_looks(raw: bytes) -> str:
    """Read what is no UTF-8: umlauts taken for Cyrillic stand alone between Latin letters, real Cyrillic ones beside each other."""
    eastern = raw.decode(_EASTERN, errors="replace")
    beside_latin = len(re.findall(rf"[A-Za-z][{_CYRILLIC}]|[{_CYRILLIC}][A-Za-z]", eastern))
    if "\ufffd" not in eastern and len(re.findall(rf"[{_CYRILLIC}]{{2}}", eastern)) > beside_latin:
        return eastern
    return raw.decode(_WESTERN, errors="replace")


def _find_header(lines: Sequence[str], wanted: Mapping[str, Sequence[str]], needed: Sequence[str]) -> _Header | None:
    """Return the header under whichever separator most of the wanted columns are found."""
    best: _Header | None = None
    for delimiter in _DELIMITERS:
        reader = csv.reader(lines[:LINES_ABOVE], delimiter=delimiter)
        try:
            for cells in reader:
                places = _places(cells, wanted, needed)
                if len(places) > len(best.places if best else ()):
                    best = _Header(delimiter, reader.line_num, tuple(cells), places)
        except csv.Error:  # a cell without end
            continue
    return best


def _places(cells: Sequence[str], wanted: Mapping[str, Sequence[str]], needed: Sequence[str]) -> dict[str, int]:
    """Return where each column stands if this line is the header, else nothing."""
    present = {clean(cell).casefold(): place for place, cell in reversed(list(enumerate(cells)))}
    found = {
        name: next((present[h.casefold()] for h in headers if h.casefold() in present), None) for name, headers in wanted.items()
    }
    places = {name: place for name, place in found.items() if place is not None}
    return places if all(name in places for name in needed) else {}


def _rows(lines: Sequence[str], header: _Header) -> Iterator[tuple[int, list[str]]]:
    """Give the rows below the header, each as long as the header is."""
    reader = csv.reader(lines[header.lines :], delimiter=header.delimiter, strict=True)
    titles = [cell.strip() for cell in header.cells]
    width = max(place for place, title in enumerate(titles) if title) + 1
    last: list[str] = []
    try:
        for many, cells in enumerate((cells for cells in reader if any(cell.strip() for cell in cells)), start=1):
            line = header.lines + reader.line_num
            if many > MOST_ROWS:
                raise BadSheet("too_many")
            if [cell.strip() for cell in cells] == titles:
                raise BadSheet("doubled", line=line)
            if len(cells) < width or any(cell.strip() for cell in cells[len(titles) :]):
                raise BadSheet("cut" if line == len(lines) and len(cells) < width else "broken", line=line)
            last = cells
            yield line, cells[: len(titles)]
    except csv.Error as error:
        raise BadSheet("cut" if "unexpected end" in str(error) else "broken", line=header.lines + reader.line_num) from None
    # The file may end in the middle of a cell that we read.
    if last and not lines[-1].endswith(("\n", "\r", '"')) and len(last) - 1 in header.places.values():
        raise BadSheet("cut", line=len(lines))
