"""Somebody has lost their mailbox: what staff order, who may, and what the person's page says of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from membership.accounts.models import AddressChange
from membership.accounts.queries import find_member_by_email
from membership.accounts.services import answer_address_change, finish_address_changes
from membership.audit import AuditEntry
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.factories.addresses import mail_kinds, token_to
from tests.patronage.conftest import ON_SQLITE, Browser, Shop
from tests.patronage.test_staff_views import at_desk

REASON = "Called us and knows the last payments"


@pytest.fixture
def treasurer(shop: Shop) -> Browser:
    """A treasurer's browser."""
    return at_desk(shop, "treasurer")


def a_reader(shop: Shop) -> str:
    """Make a member; return the address of their page."""
    with shop.session() as session:
        return f"/staff/people/{make_member(session).id}"


def order(browser: Browser, person: str, email: str = "new@example.org", reason: str = REASON) -> tuple[int, str]:
    answered = browser.post(f"{person}/address", {"email": email, "reason": reason})
    return answered.status_code, answered.text


@ON_SQLITE
def test_only_who_looks_after_people_may(shop: Shop) -> None:
    person = a_reader(shop)
    reader = shop.browser()
    with shop.session() as session:
        sign_in(shop.app, reader.client, make_member(session, "other@example.org").id)

    said = {role: order(at_desk(shop, role), person)[0] for role in ("editor", "counter", "treasurer", "admin")}

    assert (order(reader, person)[0], said) == (403, {"editor": 403, "counter": 403, "treasurer": 303, "admin": 303})


@ON_SQLITE
@pytest.mark.parametrize(
    ("email", "reason"),
    [("", REASON), ("nobody", REASON), ("reader@example.org", REASON), ("new@example.org", ""), ("new@example.org", "was a@b.org")],
)
def test_what_is_not_whole_comes_back_as_it_was_typed(shop: Shop, treasurer: Browser, email: str, reason: str) -> None:
    status, page = order(treasurer, a_reader(shop), email, reason)

    assert status == 422
    assert "There is a problem" in page
    assert f'value="{email}"' in page
    assert reason in page
    with shop.session() as session:
        assert mail_kinds(session) == []


@ON_SQLITE
def test_of_staff_no_address_is_changed_this_way(shop: Shop, treasurer: Browser) -> None:
    with shop.session() as session:
        colleague = f"/staff/people/{make_staff(session, 'editor', email='editor@example.org').id}"

    assert order(treasurer, colleague)[0] == 422
    with shop.session() as session:
        refused = session.scalars(select(AuditEntry).where(AuditEntry.act == "refused")).one()
    assert refused.subject_id == "patronage_staff_address.change_address"
    assert "/address" not in treasurer.get(colleague).text
    assert "<form method" not in treasurer.get(f"{colleague}/address").text.split("works here")[1].split("</main>")[0]


def test_the_persons_page_follows_it_from_order_to_end(shop: Shop, treasurer: Browser) -> None:
    person = a_reader(shop)
    assert order(treasurer, person)[0] == 303
    asked = treasurer.get(person).text
    with shop.session() as session:
        token = token_to(session, "new")
        answer_address_change(session, token=token, agrees=True, now=NOW)
        agreed = treasurer.get(person).text
        finish_address_changes(session, now=NOW + timedelta(days=3))
        found = find_member_by_email(session, "new@example.org")
    done = treasurer.get(person).text

    assert "The new mailbox has not answered yet." in asked
    assert REASON in asked
    assert "The new mailbox has said yes." in agreed
    assert "until 1 April 2026 the old mailbox can take that back" in done
    assert found is not None
    assert f"/staff/people/{found.id}" == person


@ON_SQLITE
def test_an_order_is_taken_back_by_staff_and_only_for_its_own_person(shop: Shop, treasurer: Browser) -> None:
    person = a_reader(shop)
    order(treasurer, person)
    with shop.session() as session:
        other = make_member(session, "other@example.org").id
        change_id = session.scalars(select(AddressChange.id)).one()

    said = [
        treasurer.post(f"{page}/address/{change_id}/take-back").status_code for page in (f"/staff/people/{other}", person, person)
    ]

    assert said == [404, 303, 303]
    assert "was stopped, or not confirmed" in treasurer.get(person).text
