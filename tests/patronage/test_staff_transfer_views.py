"""The treasurer's pages about transfers: a statement whole or not at all, and nobody's money by a slip."""

import html
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from membership.accounts.models import Member
from membership.outbox import OutboxItem
from membership.patronage import services
from membership.patronage.models import BankImport, BankTransfer, PaidPeriod, Payment
from tests.conftest import NOW, make_sessions
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.factories.patronage import make_plan
from tests.patronage.conftest import ON_SQLITE, Browser, table

HEADER = "Date;Amount;Currency;Purpose;Payer\n"
HOSTILE = "\"><script>alert(1)</script>'"
EVERY = ("/staff/transfers", "/staff/transfers/1", "/staff/contributions/new")


@pytest.fixture
def books(app: Flask) -> Any:
    """A session on the app's database, with a plan."""
    with make_sessions(app.extensions["kernel"].engine)() as session:
        make_plan(session)
        yield session


@pytest.fixture
def treasurer(app: Flask, books: Session) -> Browser:
    """A treasurer's browser."""
    browser = Browser(app.test_client(), "http://localhost")
    sign_in(app, browser.client, make_staff(books, "treasurer").id)
    return browser


def words(page: TestResponse) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def upload(
    browser: Browser, content: bytes, path: str = "/staff/transfers", *, part: str = 'name="file"; filename="statement.csv"'
) -> TestResponse:
    """Send a file as a browser does; written by hand, since the test client leaves large ones open."""
    head = f"--edge\r\nContent-Disposition: form-data; {part}\r\nContent-Type: text/csv\r\n\r\n".encode()
    body = head + content + b"\r\n--edge--\r\n"
    return browser.post(path, body, content_type="multipart/form-data; boundary=edge")  # type: ignore[arg-type]


def wait_for_somebody(treasurer: Browser, line: str = "2026-03-20;36,00;EUR;for you;Ann Payer") -> str:
    """Let a transfer wait; return its page."""
    upload(treasurer, f"{HEADER}{line}\n".encode())
    found = re.search(r'href="(/staff/transfers/[0-9]+)">Whose is it', treasurer.get("/staff/transfers").text)
    assert found
    return found[1]


@ON_SQLITE
def test_a_reader_and_an_editor_stay_outside(app: Flask, books: Session) -> None:
    outside = {}
    for name, make in {"reader": make_member, "editor": make_staff}.items():
        browser = Browser(app.test_client(), "http://localhost")
        sign_in(app, browser.client, make(books).id)
        outside[name] = {browser.get(path).status_code for path in EVERY} | {upload(browser, b"x").status_code}

    assert outside == {"reader": {403}, "editor": {403}}


@ON_SQLITE
@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "Choose the CSV file first.", id="nothing"),
        pytest.param(b"PK\x03\x04\x00", "This is no CSV file.", id="a spreadsheet"),
        pytest.param(b"Fecha;Importe\n1;2\n", "columns that we need: Booking date, Amount, Purpose.", id="another language"),
        pytest.param(HEADER.encode() + b"2026-03-20;5,0", "This file ends in the middle of line 2.", id="cut"),
        pytest.param(
            (HEADER + "2026-03-20;5;EUR;x;A\n").encode() * 2, "From line 3 on this file says the same once more.", id="doubled"
        ),
        pytest.param(HEADER.encode() + b"2026-03-20;5;EUR\n2026-03-20;5;EUR;x;A\n", "Line 2 has more or fewer cells", id="broken"),
        pytest.param(b"x" * 5_000_001, "This file is larger than 5 MB.", id="too big"),
        pytest.param(HEADER.encode() + b"2026-03-20;5;EUR;x;A\n" * 20_001, "more than 20,000 lines", id="too long"),
    ],
)
def test_a_file_that_is_no_statement_says_why(treasurer: Browser, content: bytes, message: str) -> None:
    page = upload(treasurer, content)

    assert page.status_code == 422
    assert "There is a problem" in words(page)
    assert message in words(page)
    assert "<title>Error: " in page.text


@ON_SQLITE
def test_a_form_without_file_and_a_far_too_large_one_are_refused(treasurer: Browser) -> None:
    assert "Choose the CSV file first." in words(treasurer.post("/staff/transfers"))
    assert "Choose the CSV file first." in words(treasurer.post("/staff/transfers", {"file": "Date;Amount;Purpose"}))
    assert upload(treasurer, b"x" * 6_000_000).status_code == 413


def test_every_line_that_cannot_be_read_is_listed_and_nothing_is_taken_over(treasurer: Browser, books: Session) -> None:
    lines = (
        "2026-03-20;5;EUR;fine;A\n31.02.2026;5;EUR;x;A\n2026-03-20;5,00,0;EUR;x;A\n2026-09-01;5;EUR;x;A\n2026-03-20;5;XXXX;x;A\n"
    )

    page = upload(treasurer, (HEADER + lines).encode())

    assert page.status_code == 422
    for said in (
        "4 lines can’t be read, so nothing was taken over.",
        "Line 3: “31.02.2026” is no day.",
        "Line 4: “5,00,0” is no amount in the currency of this line.",
        "Line 5: “2026-09-01” has not come yet.",
        "Line 6: “XXXX” is no currency that we know.",
    ):
        assert said in words(page)
    assert (table(books, BankImport, "id"), table(books, BankTransfer, "id")) == ([], [])


def test_the_outcome_is_told_and_the_same_statement_books_nothing_more(treasurer: Browser, books: Session) -> None:
    member = make_member(books)
    reference = services.transfer_reference_for(books, member_id=member.id, language="en", now=NOW)
    statement = f"{HEADER}2026-03-20;36,00;EUR;{reference};A\n2026-03-20;5,00;EUR;?;B\n2026-03-19;-9,00;EUR;fee;C\n".encode()

    first, second = (treasurer.get(upload(treasurer, statement).location) for _ in range(2))

    assert "2 transfers came in. 1 was booked by its reference, 0 were known already, 1 waits for a person. 1 line" in words(first)
    assert "2 transfers came in. 0 were booked by their reference, 2 were known already, 0 wait for a person." in words(second)
    assert table(books, Payment, "member_id", "amount_minor") == [(member.id, 3600)]


@ON_SQLITE
def test_before_the_first_statement_the_page_says_what_comes(treasurer: Browser) -> None:
    assert "None waits. What bears a reference is booked by itself" in words(treasurer.get("/staff/transfers"))


@ON_SQLITE
def test_what_a_payer_wrote_is_shown_as_text(treasurer: Browser) -> None:
    path = wait_for_somebody(treasurer, f'2026-03-20;36,00;EUR;"{HOSTILE.replace(chr(34), chr(34) * 2)}";=HYPERLINK(1)')

    for page in (treasurer.get("/staff/transfers"), treasurer.get(path)):
        assert "<script>alert" not in page.text
        assert HOSTILE in words(page)
        assert "=HYPERLINK(1)" in words(page)


@ON_SQLITE
@pytest.mark.parametrize("who", ["", "404", "somebody@example.org", "x"])
def test_only_somebody_who_was_found_is_given_a_transfer(treasurer: Browser, books: Session, who: str) -> None:
    make_member(books)
    path = wait_for_somebody(treasurer)

    page = treasurer.post(f"{path}/match?q=reader", {"who": who})

    assert page.status_code == 422
    assert "Choose whose it is." in words(page)
    assert table(books, BankTransfer, "state") == [("waiting",)]


@pytest.mark.parametrize("wanted", ["reader@example", "Ann", "#{id}", "{reference}"])
def test_a_person_is_found_by_address_name_number_and_reference(treasurer: Browser, books: Session, wanted: str) -> None:
    member = make_member(books, display_name="Ann Reader")
    reference = services.transfer_reference_for(books, member_id=member.id, language="en", now=NOW)
    path = wait_for_somebody(treasurer)
    q = {"q": wanted.format(id=member.id, reference=reference)}

    page = treasurer.get(path, query_string=q)
    booked = treasurer.post(f"{path}/match", {"who": str(member.id)}, query_string=q)

    assert f"#{member.id} · Ann Reader · reader@example.org" in words(page)
    assert booked.status_code == 303
    assert "Booked: a patron until 20 March 2027." in words(treasurer.get(booked.location))
    assert table(books, BankTransfer, "state", "member_id") == [("matched", member.id)]


def test_an_address_that_is_new_here_becomes_a_member(treasurer: Browser, books: Session) -> None:
    path = wait_for_somebody(treasurer)

    page = treasurer.get(f"{path}?q=New@Example.org")
    treasurer.post(f"{path}/match?q=New@Example.org", {"who": "new@example.org"})

    assert "new@example.org, new here" in words(page)
    assert ("new@example.org", None) in table(books, Member, "typed_email", "email")
    assert len(table(books, PaidPeriod, "id")) == 1


def test_a_reference_in_the_text_names_its_owner_without_a_search(treasurer: Browser, books: Session) -> None:
    member = make_member(books)
    own = services.transfer_reference_for(books, member_id=member.id, language="en", now=NOW)
    typed = services.transfer_reference_for(books, email="new@example.org", language="en", now=NOW)
    path = wait_for_somebody(treasurer, f"2026-03-20;40,00;USD;{own} {typed};Ann")

    page = treasurer.get(path)
    without = treasurer.post(f"{path}/match", {"who": str(member.id), "worth": "much"})
    booked = treasurer.post(f"{path}/match", {"who": str(member.id), "worth": "6"})

    assert "reader@example.org" in words(page)
    assert "new@example.org, new here" in words(page)
    assert "What is it worth in EUR?" in words(page)
    assert (without.status_code, "Enter an amount of €0.01 or more" in words(without)) == (422, True)
    assert "Booked: a patron until 20 May 2026." in words(treasurer.get(booked.location))


def test_of_two_colleagues_the_later_one_is_told_and_moves_nothing(treasurer: Browser, books: Session) -> None:
    first, second = make_member(books), make_member(books, "second@example.org")
    path = wait_for_somebody(treasurer)
    treasurer.post(f"{path}/match?q=example", {"who": str(first.id)})

    for act, fields in (("match?q=example", {"who": str(second.id)}), ("dismiss", {"note": "rent"})):
        answer = treasurer.post(f"{path}/{act}", fields)

        assert "Somebody has decided about this transfer already." in words(treasurer.get(answer.location))

    assert table(books, BankTransfer, "state", "member_id") == [("matched", first.id)]


def test_what_was_wrong_is_given_to_somebody_else(treasurer: Browser, books: Session) -> None:
    wrong, right = make_member(books), make_member(books, "right@example.org")
    path = wait_for_somebody(treasurer)
    treasurer.post(f"{path}/match?q=reader", {"who": str(wrong.id)})

    listed = treasurer.get("/staff/transfers")
    treasurer.post(f"{path}/move?q=right", {"who": str(right.id)})

    assert f'href="{path}">This was wrong' in listed.text
    assert "Ann Payer" not in words(listed)
    assert table(books, PaidPeriod, "member_id") == [(right.id,)]


@ON_SQLITE
def test_no_support_needs_a_word_about_what_it_is(treasurer: Browser, books: Session) -> None:
    path = wait_for_somebody(treasurer)

    without = treasurer.post(f"{path}/dismiss", {"note": " "})
    treasurer.post(f"{path}/dismiss", {"note": "rent of the hall"})

    assert (without.status_code, "Write what it is." in words(without)) == (422, True)
    assert "no support: rent of the hall" in words(treasurer.get("/staff/transfers"))
    assert table(books, BankTransfer, "state", "payer", "note") == [("dismissed", "", "rent of the hall")]


@ON_SQLITE
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"who": ""}, "Choose whose it is."),
        ({"source": "gold"}, "Choose how it came."),
        ({"source": ""}, "Choose how it came."),
        ({"amount": "-5"}, "Enter an amount of €3 or more"),
        ({"amount": "9" * 5000}, "Enter an amount of €3 or more"),
        ({"amount": "2,99"}, "Enter €3 or more: less pays for no month."),
        ({"came_on": "2026-03-23"}, "Enter a day of the last five years."),
        ({"came_on": "0001-01-01"}, "Enter a day of the last five years."),
        ({"came_on": "soon"}, "Enter a day of the last five years."),
        ({"reference": " "}, "Enter a number: it keeps the payment from being booked twice."),
        ({"reference": "x" * 81}, "Keep it below 80 characters."),
    ],
)
def test_a_slip_by_hand_says_what_to_do_and_keeps_the_rest(
    treasurer: Browser, books: Session, fields: dict[str, str], message: str
) -> None:
    member = make_member(books)
    right = {"who": str(member.id), "source": "paypal", "amount": "36", "came_on": "2026-03-20", "reference": "PAY-1"}

    page = treasurer.post("/staff/contributions/new?q=reader", right | fields)

    assert page.status_code == 422
    assert message in words(page)
    assert all(f'value="{value}"' in page.text for name, value in right.items() if name not in fields and name != "who")
    assert table(books, Payment, "id") == []


def test_money_by_hand_is_booked_once_however_often_it_is_sent(treasurer: Browser, books: Session) -> None:
    member = make_member(books)
    sent = {"who": str(member.id), "source": "paypal", "amount": "36", "came_on": "2026-03-20", "reference": "PAY-1"}

    first = treasurer.get(treasurer.post("/staff/contributions/new?q=reader", sent).location)
    again = treasurer.post("/staff/contributions/new?q=reader", sent)

    assert "Booked: a patron until 20 March 2027." in words(first)
    assert (again.status_code, "A transfer with this reference is recorded already." in words(again)) == (422, True)
    assert table(books, Payment, "source", "reference", "member_id", "amount_minor") == [("paypal", "PAY-1", member.id, 3600)]


@ON_SQLITE
def test_a_receipt_of_money_by_hand_can_be_sent_again_from_its_persons_page(treasurer: Browser, books: Session) -> None:
    member = make_member(books)
    sent = {"who": str(member.id), "source": "cash", "amount": "36", "came_on": "2026-03-20", "reference": "C-1"}
    treasurer.post("/staff/contributions/new?q=reader", sent)

    page = treasurer.get(f"/staff/people/{member.id}")
    treasurer.post(f"/staff/people/{member.id}/receipt")

    assert f'href="/staff/contributions/new?q=%23{member.id}"' in page.text
    assert table(books, OutboxItem, "kind", "member_id") == [("contribution", member.id)] * 2


@ON_SQLITE
def test_the_number_offered_is_another_one_each_time(treasurer: Browser) -> None:
    offered = {
        re.search(r'name="reference"[^>]*value="([^"]+)"', treasurer.get("/staff/contributions/new?q=a@b.example").text)[1]
        for _ in "12"
    }  # type: ignore[index]

    assert len(offered) == 2
