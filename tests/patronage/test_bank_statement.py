"""A bank's statement: what came in, each transfer once however often it is read, and the reference that stands in its text."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.patronage.bank_statement import Statement, read_statement, references_in
from membership.patronage.sheets import BadSheet, Fault

TODAY = date(2026, 3, 22)
HEADER = "Booking date;Amount;Currency;Purpose;Payer\n"


def statement(text: str, *, currency: str = "eur") -> Statement:
    return read_statement(text.encode(), currency=currency, today=TODAY)


def faults(*lines: str) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.code, fault.text) for fault in statement(HEADER + "".join(f"{line}\n" for line in lines)).faults]


def amounts(text: str) -> list[tuple[int, str]]:
    return [(line.amount_minor, line.currency) for line in statement(text).lines]


def test_each_line_that_cannot_be_read_is_told_with_its_number() -> None:
    assert faults(
        "2026-03-20;5,00;EUR;fine;A",
        "31.02.2026;5,00;EUR;no such day;A",
        "2026-11-01;5,00;EUR;read the wrong way round;A",
        "2026-03-20;=5+5;EUR;a formula;A",
        "2026-03-20;5 USD;EUR;another currency in the amount;A",
        "2026-03-20;5,00;euro;no currency;A",
        "2026-03-20;5,00;KWD;not counted here;A",
    ) == [
        (3, "date", "31.02.2026"),
        (4, "future", "2026-11-01"),
        (5, "amount", "=5+5"),
        (6, "amount", "5 USD"),
        (7, "currency", "euro"),
        (8, "currency", "KWD"),
    ]


def test_a_statement_without_our_columns_names_what_was_looked_for() -> None:
    with pytest.raises(BadSheet) as refused:
        statement("Fecha;Importe;Concepto\n20.03.2026;5,00;Apoyo\n")

    assert (refused.value.code, refused.value.columns) == ("no_columns", ("Booking date", "Amount", "Purpose"))


@given(
    st.lists(st.tuples(*[st.sampled_from(["", "2026-03-20", "1.234,56", "EUR", "-5", '"', "x\x00", ";", "Дата", "9" * 50])] * 5))
)
def test_no_statement_breaks_the_reader(rows: list[tuple[str, ...]]) -> None:
    with suppress(BadSheet):
        read = statement(HEADER + "".join(";".join(row) + "\n" for row in rows))

        assert all(isinstance(fault, Fault) for fault in read.faults)


def test_what_came_in_is_read_oldest_first_and_what_went_out_is_counted() -> None:
    read = statement(HEADER + "22.03.2026;-1.200,00;EUR;rent;B\n21.03.2026;36,00;;for\u00a0you;A\n01.03.2026;1.000,00;UAH;;C\n")

    assert [(line.booked_on.day, line.amount_minor, line.currency, line.payer, line.text) for line in read.lines] == [
        (1, 100000, "uah", "C", ""),
        (21, 3600, "eur", "A", "for you"),
    ]
    assert (read.skipped, read.faults) == (1, ())


def test_amounts_without_sign_are_told_apart_by_their_direction() -> None:
    header = "Date,Amount,Debit/Credit,Description\n"

    assert amounts(header + "2026-03-20,5.00,C,in\n2026-03-20,6.00,D,out\n2026-03-20,7.00,CRDT,in\n") == [
        (500, "eur"),
        (700, "eur"),
    ]
    assert statement(header + "2026-03-20,5.00,?,x\n").faults == (Fault(2, "direction", "?"),)


def test_amounts_in_two_columns_are_those_that_came_in() -> None:
    assert amounts("Дата;Дебет;Кредит;Призначення платежу\n20.03.2026;500,00;;оренда\n20.03.2026;;36,00;підтримка\n") == [
        (3600, "eur")
    ]


def test_the_text_and_the_reference_of_a_bank_are_read_together() -> None:
    both = statement("Date,Amount,Description,Payment reference\n2026-03-20,5.00,Support,7KQ2-M9XC\n")
    alone = statement("Date,Amount,Reference\n2026-03-20,5.00,7KQ2-M9XC\n")

    assert [both.lines[0].text, alone.lines[0].text] == ["Support 7KQ2-M9XC", "7KQ2-M9XC"]


def test_a_transfer_has_one_fingerprint_however_its_statement_is_written() -> None:
    by_semicolon = statement(HEADER + "20.03.2026;1.234,56;EUR;for you;A\n")
    by_comma = statement('Date,Payer,Description,Amount\n2026-03-20,A,for you,"1,234.56"\n')

    assert by_semicolon.lines == by_comma.lines


def test_two_equal_lines_are_two_transfers_and_the_same_two_in_a_longer_statement() -> None:
    line = "20.03.2026;5,00;EUR;for you;A\n"
    twice = statement(HEADER + line * 2)
    longer = statement(HEADER + "21.03.2026;9,00;EUR;more;B\n" + line * 3)

    first, second = (line.fingerprint for line in twice.lines)
    assert first != second
    assert {first, second} < {line.fingerprint for line in longer.lines}


@pytest.mark.parametrize(
    "text",
    [
        "7KQ2-M9XC",
        "7kq2m9xc",
        "Support for March, reference 7KQ2 M9XC, thank you",
        "SVWZ+7KQ2-M 9XC ABWA+",
        "7KQ2-\nM9XC",
        "7КQ2-М9ХС",  # Cyrillic К, М, Х and С
        "…7KQ2—M9XC…",
    ],
)
def test_a_reference_is_found_however_the_bank_broke_it(text: str) -> None:
    assert "7KQ2-M9XC" in references_in(text)


def test_letters_that_look_like_digits_are_read_as_digits() -> None:
    assert references_in("oOIl-AB3З") == ["0011-AB33"]


def test_a_text_without_reference_has_none() -> None:
    assert references_in("") == references_in("7KQ2-M9X") == references_in("Підтримка") == []
    assert "7KQ2-M9XU" not in references_in("7KQ2-M9XU")  # no symbol of ours
