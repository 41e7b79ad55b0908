"""Patreon's members list as CSV: who is paid for there, and until when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from membership.accounts.addresses import normalise
from membership.patronage.calendar import add_months
from membership.patronage.sheets import Fault, read_date, read_table

COLUMNS = {
    "id": ("User ID",),
    "email": ("Email",),
    "status": ("Patron Status",),
    "last_charged_on": ("Last Charge Date",),
    "last_charge": ("Last Charge Status",),
    "frequency": ("Charge Frequency", "Pledge Cadence"),
    "access_until": ("Access Expiration",),
    "next_charge_on": ("Next Charge Date",),
    "free_trial": ("Free Trial",),
}
NEEDED = ("id", "email", "status")
DAYS = ("access_until", "next_charge_on", "last_charged_on")
ACTIVE, PAID, PENDING = "active patron", "paid", "pending"
# Patreon takes its money on a day of its own and staff upload the list once a month: nobody loses a vote between the two.
SLACK = timedelta(days=7)


@dataclass(frozen=True)
class PatreonRow:
    """Somebody who pays there. paid_until is None while a charge is under way: then they neither go on nor leave.

    email is "" where no mail can be sent to what stands in the list.
    """

    patreon_id: str
    email: str
    paid_until: datetime | None


@dataclass(frozen=True)
class PatreonSheet:
    """Who pays by a list, and how many others stand in it; with faults nothing of it may be taken over."""

    rows: tuple[PatreonRow, ...]
    others: int
    faults: tuple[Fault, ...]


def read_members(raw: bytes) -> PatreonSheet:
    """Read a members list; of those who don't pay nothing is looked at. Raises BadSheet."""
    rows: dict[str, PatreonRow] = {}
    faults: list[Fault] = []
    others = 0
    for number, row in read_table(raw, COLUMNS, needed=NEEDED):
        if not _is_active(row):
            others += 1
            continue
        try:
            until = _paid_until(row)
        except ValueError:
            faults.append(Fault(number, "date", ", ".join(row[name] for name in DAYS if row.get(name))))
            continue
        if until is None and row.get("last_charge", "").casefold() != PENDING:
            others += 1
        elif not (row["id"].isascii() and row["id"].isdecimal() and len(row["id"]) <= 20) or row["id"] in rows:
            faults.append(Fault(number, "id", row["id"]))
        else:
            rows[row["id"]] = PatreonRow(row["id"], _address(row["email"]), until)
    return PatreonSheet(tuple(rows.values()), others, tuple(faults))


def _is_active(row: Mapping[str, str]) -> bool:
    return row["status"].casefold() == ACTIVE and row.get("free_trial", "").casefold() != "yes"


def _address(text: str) -> str:
    try:
        return normalise(text)
    except ValueError:
        return ""


def _paid_until(row: Mapping[str, str]) -> datetime | None:
    """Return the end of what is paid; None for nothing. A membership that was given was never charged, but has an end."""
    charge = row.get("last_charge", PAID).casefold()
    if charge != PAID and not (charge == "" and row.get("access_until")):
        return None
    days = [read_date(row[name]) for name in ("access_until", "next_charge_on") if row.get(name)]
    if days:
        return _end_of(max(days)) + SLACK
    if not row.get("last_charged_on"):
        return None
    months = 12 if row.get("frequency", "").casefold() in ("annual", "annually", "yearly", "12") else 1
    return add_months(_end_of(read_date(row["last_charged_on"])), months) + SLACK


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=1)
