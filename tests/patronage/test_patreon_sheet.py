"""Patreon's members list: who pays there, and until when."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.patronage.patreon_sheet import PatreonRow, PatreonSheet, read_members
from membership.patronage.sheets import BadSheet, Fault

HEADER = (
    "Name,Email,Patron Status,Free Trial,Pledge Amount,Charge Frequency,Last Charge Date,Last Charge Status,User ID,"
    "Access Expiration,Next Charge Date\n"
)
EIGHT_DAYS_ON = datetime(2026, 4, 9, tzinfo=UTC)


def member(
    *,
    patreon_id: str = "100",
    email: str = "ann@example.org",
    status: str = "Active patron",
    trial: str = "No",
    frequency: str = "monthly",
    charged: str = "2026-03-01 08:00:00",
    charge: str = "Paid",
    access: str = "",
    following: str = "2026-04-01 07:00:00",
) -> str:
    """One line of the list; who pays, monthly, by default."""
    return f"Ann,{email},{status},{trial},5.00,{frequency},{charged},{charge},{patreon_id},{access},{following}\n"


def read(*lines: str) -> PatreonSheet:
    return read_members((HEADER + "".join(lines)).encode())


def until(**line: str) -> datetime | None:
    (row,) = read(member(**line)).rows
    return row.paid_until


@pytest.mark.parametrize(
    "line",
    [
        {"status": "Declined patron", "charge": "Declined"},
        {"status": "Former patron"},
        {"status": ""},
        {"charge": "Declined"},
        {"charge": "Refunded"},
        {"charge": ""},  # promised, never charged
        {"trial": "Yes"},
        {"status": "Former patron", "email": "", "patreon_id": "", "following": "soon"},  # nobody looks at their other cells
    ],
)
def test_who_does_not_pay_is_only_counted(line: dict[str, str]) -> None:
    assert read(member(**line)) == PatreonSheet((), 1, ())


def test_a_line_that_cannot_be_read_is_a_fault() -> None:
    sheet = read(
        member(),
        member(),  # the same number twice
        member(patreon_id="one"),
        member(patreon_id="=1+1"),
        member(patreon_id="9" * 21),
        member(patreon_id="101", following="soon"),
        member(patreon_id="102", following="9999-12-31"),
    )

    assert sheet.faults == (
        Fault(3, "id", "100"),
        Fault(4, "id", "one"),
        Fault(5, "id", "=1+1"),
        Fault(6, "id", "9" * 21),
        Fault(7, "date", "soon, 2026-03-01 08:00:00"),
        Fault(8, "date", "9999-12-31, 2026-03-01 08:00:00"),
    )


def test_a_list_without_numbers_is_no_list() -> None:
    with pytest.raises(BadSheet) as refused:
        read_members(b"Name,Email,Patron Status\nAnn,ann@example.org,Active patron\n")

    assert refused.value.columns == ("User ID", "Email", "Patron Status")


@given(
    st.lists(st.tuples(*[st.sampled_from(["", "Active patron", "Paid", "100", "a@b.example", "2026-13-01", '"', "annual"])] * 11))
)
def test_no_list_breaks_the_reader(rows: list[tuple[str, ...]]) -> None:
    with suppress(BadSheet):
        read(*(",".join(row) + "\n" for row in rows))


def test_who_pays_is_paid_for_until_the_next_charge_and_a_week_of_slack() -> None:
    assert read(member(email=" Ann@Example.ORG ")).rows == (PatreonRow("100", "ann@example.org", EIGHT_DAYS_ON),)


def test_an_address_that_no_mail_reaches_keeps_nobody_from_the_others() -> None:
    assert [row.email for row in read(member(email="ann at home")).rows] == [""]


def test_the_later_of_two_days_counts() -> None:
    assert until(access="2026-09-01") == datetime(2026, 9, 9, tzinfo=UTC)


def test_without_a_day_to_come_the_last_charge_pays_for_a_month_or_a_year() -> None:
    assert until(following="") == EIGHT_DAYS_ON.replace(day=9)
    assert until(following="", frequency="annual") == EIGHT_DAYS_ON.replace(year=2027, month=3)


def test_a_membership_that_was_given_there_has_an_end_and_no_charge() -> None:
    assert until(charge="", access="2026-09-01", following="") == datetime(2026, 9, 9, tzinfo=UTC)


def test_a_charge_under_way_decides_nothing() -> None:
    assert until(charge="Pending") is None
