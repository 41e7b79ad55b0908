"""A bank's statement as CSV: its incoming transfers, each under a fingerprint that is the same when it is read again. Pure."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from membership.patronage.sheets import BadSheet, Fault, read_currency, read_date, read_signed_amount, read_table

COLUMNS = {
    "date": ("Booking date", "Date", "Transaction date", "Completed date", "Buchungstag", "Valuta", "Дата операції", "Дата"),
    "amount": ("Amount", "Betrag", "Сума", "Сума операції"),
    # Some banks write what came in and what went out into two columns, or all amounts without a sign.
    "came_in": ("Credit", "Money in", "Paid in", "Haben", "Кредит", "Надходження"),
    "direction": ("Debit/Credit", "Credit/Debit", "D/C", "Direction", "Soll/Haben", "Дебет/Кредит"),
    "text": ("Purpose", "Description", "Verwendungszweck", "Призначення платежу", "Призначення", "Опис"),
    "reference": ("Payment reference", "Reference", "Customer reference", "Kundenreferenz", "Референс"),
    "payer": (
        "Payer",
        "Payer name",
        "Name",
        "Counterparty",
        "Auftraggeber",
        "Beguenstigter/Zahlungspflichtiger",
        "Контрагент",
        "Платник",
    ),
    "currency": ("Currency", "Währung", "Waehrung", "Валюта"),
}
NEEDED = ("date", "amount", "text")
_INWARDS = frozenset({"c", "cr", "crdt", "credit", "in", "h", "haben", "кредит", "надходження", "к"})
_OUTWARDS = frozenset({"d", "dr", "dbit", "debit", "out", "s", "soll", "дебет", "витрата", "д"})
# A day that has not come was read the wrong way round; only the day on which a bank counts a transfer may lie ahead.
_DAYS_AHEAD = timedelta(days=3)
# Crockford's alphabet: nothing that is mistaken for something else. 8 of 32: nobody guesses one, none stands in a text by chance.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
# What people write instead: letters like digits, and Cyrillic ones that look the same.
_LOOKALIKES = str.maketrans("OILАВСЕНКМРТХУІОЗ", "011ABCEHKMPTXY103")


@dataclass(frozen=True)
class StatementLine:
    """One transfer that came in."""

    fingerprint: str
    booked_on: date
    amount_minor: int
    currency: str
    payer: str
    text: str


@dataclass(frozen=True)
class Statement:
    """What stands in a statement, oldest first; with faults nothing of it may be taken over."""

    lines: tuple[StatementLine, ...]
    skipped: int  # money that went out
    faults: tuple[Fault, ...]


def read_statement(raw: bytes, *, currency: str, today: date) -> Statement:
    """Read a statement in this currency, or with a column that names it; raises BadSheet."""
    lines: list[StatementLine] = []
    faults: list[Fault] = []
    skipped = 0
    seen: Counter[str] = Counter()
    for number, row in _read_rows(raw):
        read = _read_row(number, row, currency=currency, today=today)
        if isinstance(read, Fault):
            faults.append(read)
        elif read[1] <= 0:
            skipped += 1
        else:
            text = " ".join(dict.fromkeys(part for part in (row.get("text"), row.get("reference")) if part))
            written = repr((*read, row.get("payer", ""), text))
            seen[written] += 1  # the second of two equal lines is another transfer
            fingerprint = hashlib.sha256(f"{written}#{seen[written]}".encode()).hexdigest()
            lines.append(StatementLine(fingerprint, *read, row.get("payer", ""), text))
    # Banks write the newest line first. What came first begins first; and two who read the same file take the same way through it.
    lines.sort(key=lambda line: (line.booked_on, line.fingerprint))
    return Statement(tuple(lines), skipped, tuple(faults))


def references_in(text: str) -> Sequence[str]:
    """Return all that may be a personal reference in a transfer's text, as it is stored; banks drop hyphens and break lines."""
    bare = re.sub(r"[^0-9A-Z]", "", text.upper().translate(_LOOKALIKES))
    windows = (bare[start : start + LENGTH] for start in range(len(bare) - LENGTH + 1))
    return list(dict.fromkeys(shown(window) for window in windows if set(window) <= set(ALPHABET)))


def shown(symbols: str) -> str:
    """Return a reference in two groups, as it is stored, shown and typed."""
    return f"{symbols[: LENGTH // 2]}-{symbols[LENGTH // 2 :]}"


def _read_rows(raw: bytes) -> list[tuple[int, dict[str, str]]]:
    """Read the table; its text may stand under "reference" alone, its amounts under what came in."""
    for needed in (NEEDED, ("date", "came_in", "text"), ("date", "amount", "reference"), ("date", "came_in", "reference")):
        try:
            return read_table(raw, COLUMNS, needed=needed)
        except BadSheet as bad:
            if bad.code != "no_columns":
                raise
    raise BadSheet("no_columns", columns=[COLUMNS[name][0] for name in NEEDED])


def _read_row(number: int, row: Mapping[str, str], *, currency: str, today: date) -> tuple[date, int, str] | Fault:
    """Return day, amount (nothing or less: it went out) and currency of a row."""
    try:
        booked_on = read_date(row["date"])
    except ValueError:
        return Fault(number, "date", row["date"])
    if booked_on > today + _DAYS_AHEAD:
        return Fault(number, "future", row["date"])
    try:
        told = read_currency(row.get("currency") or currency)
    except ValueError:
        return Fault(number, "currency", row.get("currency", ""))
    written = row["amount"] if "amount" in row else row["came_in"] or "0"
    try:
        amount = read_signed_amount(written, told)
    except ValueError:
        return Fault(number, "amount", written)
    direction = row.get("direction", "").casefold().rstrip(".")
    if direction in _OUTWARDS:
        amount = -abs(amount)
    elif direction and direction not in _INWARDS:
        return Fault(number, "direction", row["direction"])
    return booked_on, amount, told
