"""The treasurer's pages about people in a browser: what they show, what they do, and who stays outside."""

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from membership.accounts.models import Member
from membership.audit import AuditEntry
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage.models import DeclinedCharge, MemberNote, PaidPeriod, Payment, RefundOrder, Subscription
from tests.conftest import NOW
from tests.credits.test_views import words_of
from tests.factories import voting
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.patronage.conftest import ON_SQLITE, Browser, Shop

PAGES = ("/staff/people", "/staff/people.csv", "/staff/disputes")
OF_A_PERSON = ("", "/grant", "/stop/sub_1", "/refund/1")
ACTS = ("/notes", "/sync", "/receipt", "/grant", "/stop/sub_1", "/refund/1")


@pytest.fixture
def treasurer(shop: Shop) -> Browser:
    """A treasurer's browser."""
    return at_desk(shop, "treasurer")


def at_desk(shop: Shop, role: str) -> Browser:
    browser = shop.browser()
    with shop.session() as session:
        sign_in(shop.app, browser.client, make_staff(session, role, email=f"{role}@example.org").id)
    return browser


def a_patron(shop: Shop, *, amount: str = "500") -> str:
    """Let somebody pay; return the address of their page."""
    shop.stripe.pay(shop.browser().choose(amount=amount).location)
    shop.webhooks_arrive()
    (member_id,) = max(shop.rows(Payment, "member_id"))
    return f"/staff/people/{member_id}"


def charge_id(shop: Shop) -> int:
    with shop.session() as session:
        return session.scalars(select(Payment.id).where(Payment.kind == "charge")).one()


def key_in(page: str) -> str:
    return re.findall(r'name="key"[^>]*value="([^"]+)"', page)[0]


@ON_SQLITE
def test_others_stay_outside_and_change_nothing(shop: Shop) -> None:
    person = a_patron(shop)
    reader = shop.browser()
    with shop.session() as session:
        sign_in(shop.app, reader.client, make_member(session, "outsider@example.org").id)
    outside = {"nobody": (shop.browser(), 303), "reader": (reader, 403), "counter": (at_desk(shop, "counter"), 403)}

    for name, (browser, expected) in outside.items():
        seen = [browser.get(path).status_code for path in (*PAGES, *(person + path for path in OF_A_PERSON))]
        done = [browser.post(person + path, {"text": "x", "note": "x"}).status_code for path in ACTS]
        assert set(seen + done) == {expected}, name
    assert shop.rows(MemberNote, "id") == shop.rows(RefundOrder, "id") == []


@ON_SQLITE
def test_a_person_who_does_not_exist_is_no_page(shop: Shop, treasurer: Browser) -> None:
    a_patron(shop)

    pages = [treasurer.get(f"/staff/people/99{path}").status_code for path in OF_A_PERSON]
    acts = [treasurer.post(f"/staff/people/99{path}", {"text": "x", "note": "x", "reason": "x"}).status_code for path in ACTS]

    assert (set(pages), set(acts)) == ({404}, {404})
    assert treasurer.get(f"/staff/people/{10**30}").status_code in (400, 404)


def test_one_page_shows_everything_about_somebodys_support_and_nothing_of_their_ballot(shop: Shop, treasurer: Browser) -> None:
    person = a_patron(shop)
    with shop.session() as session:
        member_id = int(person.rpartition("/")[2])
        keys = shop.app.extensions["round_keys"]
        round_ = voting.open_vote(session, keys=keys, clock=shop.clock)
        voting.cast(session, round_, member_id, "water", keys=keys, clock=shop.clock)
        with transaction(session):
            session.add(
                DeclinedCharge(
                    stripe_id="ch_declined",
                    member_id=member_id,
                    amount_minor=500,
                    currency="eur",
                    code="insufficient_funds",
                    occurred_at=NOW,
                )
            )

    page = words_of(treasurer.get(person).text)

    for said in (
        "A patron until 22 April 2026.",
        "reader@example.org not confirmed",
        "€5 a month",
        "Card payment",
        "The card company took",
        "not enough money on the card",
        "receipt",
        "every month or year, by card",
    ):
        assert said in page, said
    assert not re.search("ballot number|About water|voted|March vote", page)


def test_a_refund_is_previewed_then_made_once(shop: Shop, treasurer: Browser) -> None:
    person = a_patron(shop)
    path = f"{person}/refund/{charge_id(shop)}"

    first = treasurer.get(path).text
    sent = {"key": key_in(first), "amount": "2", "note": "Asked by phone"}
    preview = treasurer.post(path, sent)
    before = shop.rows(RefundOrder, "id")
    confirmed = [treasurer.post(path, sent | {"confirmed": "1"}) for _ in range(2)]
    page = words_of(treasurer.get(person).text)

    assert 'value="5.00"' in first
    assert "in their data. Kept for good in the list of who did what: no names, no addresses." in first
    assert (preview.status_code, "€2 goes back to where it came from." in words_of(preview.text)) == (200, True)
    assert "they stay what they are" in preview.text
    assert "takes the next payment on its day" in preview.text
    assert before == []
    assert [(answer.status_code, answer.location) for answer in confirmed] == [(303, person)] * 2
    assert shop.rows(Payment, "kind", "amount_minor") == [("charge", 500), ("refund", -200)]
    assert "by us (Asked by phone). It went back." in page
    acts = [(act, reason) for act, reason in shop.rows(AuditEntry, "act", "reason") if act == "refund.ordered"]
    assert acts == [("refund.ordered", "Asked by phone")]


@ON_SQLITE
@pytest.mark.parametrize(
    ("amount", "note", "said"),
    [
        ("6", "why", "€5 of this payment is left. Enter that or less."),
        ("-1", "why", "Enter an amount of €5 or less"),
        ("0", "why", "Enter an amount of €5 or less"),
        ("", "why", "Enter an amount of €5 or less"),
        ("9" * 40, "why", "Enter an amount of €5 or less"),
        ("2", " ", "Say why"),
        ("2", "x" * 501, "Use 500 characters or fewer."),
    ],
)
def test_a_refund_form_says_what_is_wrong_and_keeps_what_was_typed(
    shop: Shop, treasurer: Browser, amount: str, note: str, said: str
) -> None:
    path = f"{a_patron(shop)}/refund/{charge_id(shop)}"

    page = treasurer.post(path, {"amount": amount, "note": note, "confirmed": "1"})

    assert page.status_code == 422
    assert said in page.text
    assert "There is a problem" in page.text
    assert f'value="{amount}"' in page.text
    assert shop.rows(RefundOrder, "id") == []


def test_what_stripe_refuses_stands_on_the_page_and_on_the_desk(shop: Shop, treasurer: Browser) -> None:
    person = a_patron(shop)
    path = f"{person}/refund/{charge_id(shop)}"
    key = key_in(treasurer.get(path).text)
    shop.stripe.control("refund", id=shop.rows(Payment, "reference")[0][0])  # in the dashboard; its webhook is on its way

    page = treasurer.post(path, {"key": key, "amount": "5", "note": "why", "confirmed": "1"}, follow_redirects=True)
    desk, listed = (words_of(treasurer.get(address).text) for address in ("/staff", "/staff/disputes"))
    treasurer.post(f"{person}/notes", {"text": "They have it."})
    shop.clock.instant += timedelta(minutes=1)
    treasurer.post(f"{person}/notes", {"text": "They have it."})

    assert "Refused: it was given back already" in words_of(page.text)
    assert "1 refund did not go through" in desk
    assert "it was given back already, in Stripe’s dashboard" in listed
    assert "Everything that was ordered has gone back." in treasurer.get("/staff/disputes").text


def test_an_open_dispute_is_listed_with_its_deadline(shop: Shop, treasurer: Browser) -> None:
    a_patron(shop)
    opened = shop.stripe.control("dispute", id=shop.rows(Payment, "reference")[0][0])
    shop.webhooks_arrive()

    page, desk = treasurer.get("/staff/disputes"), words_of(treasurer.get("/staff").text)

    assert f"https://dashboard.stripe.com/test/disputes/{opened['id']}" in page.text
    assert "waits for our answer" in page.text
    assert "April 2026" in words_of(page.text)
    assert "A bank asks for 1 payment back The first answer is due on" in desk


@pytest.mark.parametrize(("when", "status"), [("period_end", "active"), ("at_once", "canceled")])
def test_a_support_is_stopped_with_a_reason(shop: Shop, treasurer: Browser, when: str, status: str) -> None:
    person = a_patron(shop)
    ((stripe_id,),) = shop.rows(Subscription, "stripe_id")
    path = f"{person}/stop/{stripe_id}"

    without = treasurer.post(path, {"when": when, "reason": ""})
    answer = treasurer.post(path, {"when": when, "reason": "Asked by phone"})

    assert (without.status_code, "Say why" in without.text) == (422, True)
    assert (answer.status_code, answer.location) == (303, person)
    ((found, cancel_at),) = shop.rows(Subscription, "status", "cancel_at")
    assert (found, when == "at_once" or cancel_at is not None) == (status, True)
    assert "Asked by phone" in {reason for (reason,) in shop.rows(AuditEntry, "reason")}


@ON_SQLITE
def test_a_support_of_somebody_else_is_not_stopped_from_here(shop: Shop, treasurer: Browser) -> None:
    a_patron(shop)
    ((stripe_id,),) = shop.rows(Subscription, "stripe_id")
    with shop.session() as session:
        other = make_member(session, "other@example.org").id

    answer = treasurer.post(f"/staff/people/{other}/stop/{stripe_id}", {"when": "at_once", "reason": "x"})

    assert answer.status_code == 404
    assert shop.rows(Subscription, "status") == [("active",)]


def test_asking_stripe_again_heals_what_was_missed(shop: Shop, treasurer: Browser) -> None:
    person = a_patron(shop)
    ((stripe_id,),) = shop.rows(Subscription, "stripe_id")
    shop.stripe.control("cancel", id=stripe_id)

    page = treasurer.post(f"{person}/sync", follow_redirects=True)

    assert "as Stripe says at this moment" in page.text
    assert shop.rows(Subscription, "status") == [("canceled",)]


@ON_SQLITE
def test_without_stripe_asking_says_so(shop: Shop, treasurer: Browser) -> None:
    person = a_patron(shop)
    shop.app.extensions["gateway"] = shop.gateway_to_nowhere()

    assert treasurer.post(f"{person}/sync").status_code == 503


@ON_SQLITE
def test_the_newest_receipt_goes_out_again_once_a_minute(shop: Shop, treasurer: Browser) -> None:
    person = a_patron(shop)
    before = len(shop.rows(OutboxItem, "id"))

    for _ in range(3):
        treasurer.post(f"{person}/receipt")

    assert len(shop.rows(OutboxItem, "id")) == before + 1


@ON_SQLITE
def test_time_is_given_once_with_a_reason(shop: Shop, treasurer: Browser) -> None:
    with shop.session() as session:
        member_id = make_member(session, "guest@example.org").id
    path = f"/staff/people/{member_id}/grant"
    sent = {"key": key_in(treasurer.get(path).text), "months": "2", "note": "Wrote for us"}

    wrong = [treasurer.post(path, sent | change).status_code for change in ({"months": "0"}, {"months": "x"}, {"note": ""})]
    answers = [treasurer.post(path, sent).status_code for _ in range(2)]

    assert (wrong, answers) == ([422] * 3, [303] * 2)
    assert shop.rows(PaidPeriod, "source", "ends_at") == [("comp", NOW.replace(month=5))]


@ON_SQLITE
def test_a_note_is_kept_with_its_author_and_an_empty_one_is_not(shop: Shop, treasurer: Browser) -> None:
    person = a_patron(shop)

    empty = treasurer.post(f"{person}/notes", {"text": " "})
    kept = treasurer.post(f"{person}/notes", {"text": "Pays for <b>two</b>"}, follow_redirects=True)

    assert (empty.status_code, "Write the note first." in empty.text) == (422, True)
    assert "Pays for &lt;b&gt;two&lt;/b&gt;" in kept.text
    assert len(shop.rows(MemberNote, "text")) == 1


@ON_SQLITE
def test_the_list_keeps_its_filter_and_its_csv_holds_the_same_people(shop: Shop, treasurer: Browser) -> None:
    a_patron(shop)
    with shop.session() as session, transaction(session):
        session.add(Member(email="formula@example.org", display_name="=1+1", created_at=NOW))

    page = treasurer.get("/staff/people?state=patron&sort=name").text
    rows = list(csv.reader(io.StringIO(treasurer.get("/staff/people.csv?sort=name").text.lstrip("\ufeff"))))
    patrons = list(csv.reader(io.StringIO(treasurer.get("/staff/people.csv?state=patron").text.lstrip("\ufeff"))))

    assert "/staff/people.csv?state=patron&amp;sort=name" in page
    assert "reader@example.org" in page
    assert "formula@example.org" not in page
    assert rows[0] == ["number", "name", "email", "confirmed", "state", "until", "sources", "given", "since"]
    assert rows[1][1:5] == ["'=1+1", "formula@example.org", "yes", "never"]
    assert [row[2:5] + row[6:8] for row in patrons[1:]] == [["reader@example.org", "no", "patron", "subscription", "5.00 EUR"]]
    assert [act for (act,) in shop.rows(AuditEntry, "act") if act == "people.exported"] == ["people.exported"] * 2


@ON_SQLITE
def test_an_address_that_makes_no_sense_breaks_nothing(treasurer: Browser) -> None:
    odd = ("page=0", "page=-1", "page=x", "page=99999999999999999999", "state=odd", "sort=odd", "q=" + "x" * 5000)

    assert {query: treasurer.get(f"/staff/people?{query}").status_code for query in odd} == dict.fromkeys(odd, 200)
    assert "Nobody fits." in treasurer.get("/staff/people?q=nobody").text
