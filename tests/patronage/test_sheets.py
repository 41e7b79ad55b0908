"""Tables that other companies export: what is whole is read, whatever it looks like; what is not is refused whole."""

import string
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.patronage.sheets import (
    MOST_BYTES,
    MOST_ROWS,
    BadSheet,
    read_currency,
    read_date,
    read_signed_amount,
    read_table,
)

WANTED = {"day": ("Day", "Дата"), "sum": ("Sum", "Сума"), "words": ("Words", "Призначення", "Größe")}
NEEDED = ("day", "sum")


def read(text: str | bytes) -> list[tuple[int, dict[str, str]]]:
    return read_table(text if isinstance(text, bytes) else text.encode(), WANTED, needed=NEEDED)


def refusal(text: str | bytes) -> tuple[str, int]:
    with pytest.raises(BadSheet) as refused:
        read(text)
    return refused.value.code, refused.value.line


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "no_columns", 0),
        ("Tag;Summe\n1;2\n", "no_columns", 0),  # a header in another language
        ("Day\n1\n", "no_columns", 0),
        ("Day;Sum\n1;2\n3\n", "cut", 3),
        ("Day;Sum\n1;2\n3;4", "cut", 3),  # is it 4, or the beginning of 42?
        ('Day;Sum\n1;"2\n3;4\n', "cut", 3),  # a cell without end
        ("Day;Sum\n1\n3;4\n", "broken", 2),
        ('Day;Sum\n1;"2"5\n3;4\n', "broken", 2),
        ("Day,Sum\n1,2,50\n", "broken", 2),  # a comma that nobody quoted
        ("Day;Sum\n1;2\nDay;Sum\n1;2\n", "doubled", 3),
        ("Day;Sum\n1;2\n3;4\n1;2\n3;4\n", "doubled", 4),
        ("Day;Sum\n1;2\x00\n", "not_text", 0),
        (b"\xff\xfeD\x00a", "not_text", 0),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not_text", 0),
        (b"PK\x03\x04\x14\x00\x06\x00", "not_text", 0),  # a spreadsheet is no CSV
        ("Day;Sum\n" + "1;2\n" * (MOST_ROWS + 1), "too_many", MOST_ROWS + 2),
        (b"D" * (MOST_BYTES + 1), "too_big", 0),
    ],
)
def test_what_is_not_whole_is_refused_whole(text: str | bytes, code: str, line: int) -> None:
    refused = refusal(text)

    assert refused == (code, 0 if code == "too_many" else line)


def test_a_refused_header_names_what_was_looked_for() -> None:
    with pytest.raises(BadSheet) as refused:
        read("a;b\n")

    assert refused.value.columns == ("Day", "Sum")


@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(raw: bytes) -> None:
    for text in (raw, b"Day;Sum\n" + raw):
        with suppress(BadSheet):
            read(text)


@given(st.lists(st.text('a"; \n,1Ж€', max_size=9), max_size=9))
def test_what_a_spreadsheet_writes_is_read_back(cells: list[str]) -> None:
    quoted = (f'"{number}";"5";"{cell.replace(chr(34), chr(34) * 2)}"' for number, cell in enumerate(cells))

    rows = read("".join(f"{line}\r\n" for line in ("Day;Sum;Words", *quoted)))

    assert [row["words"] for _, row in rows] == [" ".join(cell.split()) for cell in cells]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_separator_and_line_end_is_read(delimiter: str, end: str) -> None:
    rows = (("Account, statement; of", ""), ("", ""), ("Day", "Sum"), ("1", "2"), ("3", "4"))

    assert read("".join(delimiter.join(row) + end for row in rows)) == [
        (4, {"day": "1", "sum": "2"}),
        (5, {"day": "3", "sum": "4"}),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
def test_a_ukrainian_table_is_read_in_any_encoding(encoding: str) -> None:
    raw = "Дата;Сума;Призначення\n1;2;Підтримка ТОВ Ґудзик\n".encode(encoding)

    assert read(raw) == [(2, {"day": "1", "sum": "2", "words": "Підтримка ТОВ Ґудзик"})]


def test_a_western_table_is_not_taken_for_a_ukrainian_one() -> None:
    raw = "Day;Sum;Größe\n1;2;Jürgen Müller, für die Hörer\n".encode("cp1252")

    assert read(raw) == [(2, {"day": "1", "sum": "2", "words": "Jürgen Müller, für die Hörer"})]


def test_what_nobody_sees_is_left_out_of_a_cell() -> None:
    text = "Day;Sum;Words\n 1 ;2;\u202eevil\u202c \x1b[31m\u00a0 two\u200b words\x07 \n"

    assert read(text) == [(2, {"day": "1", "sum": "2", "words": "evil [31m two words"})]


def test_a_formula_is_a_text_like_any_other() -> None:
    assert read('Day;Sum;Words\n1;2;"=HYPERLINK(""http://evil.example"")"\n')[0][1]["words"] == '=HYPERLINK("http://evil.example")'


def test_two_equal_lines_are_two_lines() -> None:
    assert read("Day;Sum\n1;2\n1;2\n") == [(2, {"day": "1", "sum": "2"}), (3, {"day": "1", "sum": "2"})]


def test_lines_are_counted_as_in_the_file() -> None:
    rows = read('sep=;\n\nDay;Sum;Words\n1;2;"two\nlines"\n\n3;4;last\n')

    assert [(line, row["words"]) for line, row in rows] == [(5, "two lines"), (7, "last")]


def test_cells_without_a_title_are_nobodys() -> None:
    assert read("Day;Sum;;\n1;2\n3;4;;\n") == [(2, {"day": "1", "sum": "2"}), (3, {"day": "3", "sum": "4"})]


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("5", 500),
        ("5,00", 500),
        ("5.5", 550),
        ("+5,00", 500),
        ("-5,00", -500),
        ("\u22125,00", -500),
        ("5,00-", -500),
        ("(5.00)", -500),
        ("- 5,00 €", -500),
        ("€-5.00", -500),
        ("5,00- EUR", -500),
        ("EUR 1.234,56", 123456),
        ("1,234.56", 123456),
        ("1 234,56", 123456),
        ("1\u00a0234\u202f567,80", 123456780),
        ("1'234.56", 123456),
        ("1’234.56", 123456),
        ("1234,56", 123456),
        ("1.234", 123400),
        ("0,00", 0),
        ("-98.765.432.109,00", -9876543210900),
    ],
)
def test_an_amount_is_read_as_banks_write_it(text: str, minor: int) -> None:
    assert read_signed_amount(text, "eur") == minor


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "abc", "1e5", "5,000,0", "1.234.56", "12.34.567", "1,2345", "5 5", "12 EUR 345", "--5", "-5-"),
        *("(5", "5)", "(-5)", "5 USD", "$5", "₴5", "٥", "5\n6", "=5", "30000000", "1" * 400, "9" * 39),
    ],
)
def test_what_is_no_amount_of_this_currency_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_signed_amount(text, "eur")


def test_a_currency_has_the_decimals_that_it_has() -> None:
    assert [read_signed_amount(text, "jpy") for text in ("¥1,234", "1234.00", "1.234")] == [1234, 1234, 1234]
    assert read_signed_amount("1.234,00 грн", "uah") == 123400
    for currency, text in (("jpy", "1234.5"), ("isk", "5.50")):
        with pytest.raises(ValueError):
            read_signed_amount(text, currency)


@pytest.mark.parametrize(
    ("text", "code"), [("EUR", "eur"), (" uah ", "uah"), ("980", "uah"), ("грн.", "uah"), ("€", "eur"), ("₴", "uah"), ("$", "usd")]
)
def test_a_currency_is_read_by_any_of_its_names(text: str, code: str) -> None:
    assert read_currency(text) == code


@pytest.mark.parametrize("text", ["", "euro", "123", "e€", "kwd"])
def test_what_is_no_currency_that_we_count_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_currency(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-22",
        "2026-3-22",
        "22.03.2026",
        "22.3.26",
        "22/03/2026",
        "22-03-2026",
        "2026-03-22 07:46:37.517184",
        "22.03.2026 7:46",
    ],
)
def test_a_day_is_read_as_banks_write_it(text: str) -> None:
    assert read_date(text) == date(2026, 3, 22)


@pytest.mark.parametrize(
    "text", ["", "22", "2026", "31.02.2026", "03/22/2026", "22.03.1926", "9999-12-31", "0001-01-01", "2026-03-22x", "٢٢.٠٣.٢٠٢٦"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_date(text)


@given(st.text(string.printable + "€₴\u00a0٣", max_size=30))
def test_no_cell_breaks_the_readers(text: str) -> None:
    for attempt in (read_date, read_currency, lambda cell: read_signed_amount(cell, "eur")):
        with suppress(ValueError):
            attempt(text)
