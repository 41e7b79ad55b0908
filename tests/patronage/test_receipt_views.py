"""Receipts in a browser: somebody else's is not there, one fits on a page to print, all of them are a file."""

import csv
import html
import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from membership.accounts.models import Member
from membership.db import transaction
from membership.patronage.models import Payment
from tests.conftest import NOW
from tests.factories.accounts import make_member, sign_in
from tests.factories.patronage import period, store, subscription
from tests.patronage.conftest import ON_SQLITE, Browser
from tests.patronage.test_receipts import moved

pytestmark = ON_SQLITE


@pytest.fixture
def member(session: Session) -> Member:
    return make_member(session, display_name="Olena")


@pytest.fixture
def reader(app: Flask, member: Member) -> Browser:
    made = Browser(app.test_client(), "http://localhost")
    sign_in(app, made.client, member.id)
    return made


def words(page: TestResponse) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def keep(session: Session, member: Member, *rows: Payment) -> list[int]:
    with transaction(session):
        for row in rows:
            row.member_id = member.id
            session.add(row)
    return [row.id for row in rows]


def test_somebody_elses_receipt_is_not_there(reader: Browser, session: Session) -> None:
    (theirs,) = keep(session, make_member(session, "other@example.org"), moved("ch_1"))

    answers = [reader.get(f"/account/receipts/{each}").status_code for each in (theirs, 999, 2**62, 2**70, "9" * 5000)]

    assert answers == [404, 404, 404, 400, 404]
    assert "No receipts yet." in words(reader.get("/account/receipts"))
    assert [reader.get(f"/account/receipts?page={page}").status_code for page in ("2", "0", "x", "9" * 30)] == [404, 200, 200, 404]


def test_one_receipt_tells_all_that_a_tax_office_asks(reader: Browser, session: Session, member: Member) -> None:
    store(session, subscription("active", member_id=member.id), period(-1, 30, member_id=member.id))
    paid, back = keep(
        session,
        member,
        moved("ch_1", subscription_id="sub_1"),
        moved("re_1", -200, kind="refund", charge_reference="ch_1", at=NOW + timedelta(days=1)),
    )

    page = words(reader.get(f"/account/receipts/{paid}"))
    refund = reader.get(f"/account/receipts/{back}")

    for said in (
        "Paid to The Test Gazette",
        "Paid by Olena",
        "What for Support for a month",
        "When Sunday 22 March 2026, 14:00 in Kyiv",
        "Makes you a patron until 21 April 2026",
        "Amount €5 The card company took €0.33 Reached us €4.67",
        "Given back -€2, 23 March 2026 Left of it €3",
        "Receipt number ch_1",
    ):
        assert said in page
    assert f'What for</dt><dd>Given back: <a href="/account/receipts/{paid}">the payment of 22 March 2026</a>' in refund.text
    assert "Banks take up to ten days until it shows on your account." in words(refund)


def test_a_fee_that_is_not_known_yet_says_so(reader: Browser, session: Session, member: Member) -> None:
    (paid,) = keep(session, member, moved("ch_1", fee_minor=None, net_minor=None))

    assert "The card company took not known yet Reached us not known yet" in words(reader.get(f"/account/receipts/{paid}"))


def test_the_list_is_paged_and_sums_all_of_it(reader: Browser, session: Session, member: Member) -> None:
    keep(session, member, *(moved(f"ch_{number}", at=NOW + timedelta(minutes=number)) for number in range(25)))

    first, second = (reader.get(f"/account/receipts?page={number}") for number in (1, 2))

    assert [page.text.count("Support, once") for page in (first, second)] == [24, 1]
    assert ("Older →" in words(first), "← Newer" in words(second)) == (True, True)
    assert "2026 €125 nothing €8.25 €116.75" in words(first)


def test_the_file_holds_ones_own_movements_as_numbers(reader: Browser, session: Session, member: Member) -> None:
    keep(session, make_member(session, "other@example.org"), moved("ch_theirs"))
    keep(session, member, moved("ch_1"), moved("re_1", -200, kind="refund", fee_minor=0, net_minor=-200, at=NOW + timedelta(1)))

    answer = reader.get("/account/receipts.csv")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="receipts.csv"'
    assert list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))) == [
        ["Day", "What", "Amount", "The card company took", "Reached us", "Currency", "Receipt number"],
        ["2026-03-23", "Given back", "-2.00", "0.00", "-2.00", "EUR", "re_1"],
        ["2026-03-22", "Support, once", "5.00", "0.33", "4.67", "EUR", "ch_1"],
    ]
