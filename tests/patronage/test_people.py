"""Finding people: by what they gave us or Stripe gave them, by state and source, page by page."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from membership.accounts.models import Member, StaffRole
from membership.db import transaction
from membership.patronage import people
from membership.patronage.models import Dispute, Payment, StripeCustomer, TransferReference
from membership.patronage.people import Wanted
from membership.patronage.queries import standing_of
from tests.conftest import NOW
from tests.factories.patronage import make_plan, period, store, subscription

DAY = timedelta(days=1)


@pytest.fixture
def ids(session: Session) -> dict[str, int]:
    """People of each kind, by name; each has one trait."""
    make_plan(session)
    rows = {
        "Anna": Member(email="anna@example.org"),
        "Borys": Member(typed_email="borys@example.org"),
        "Олена": Member(email="olena@example.org"),
        "Dmytro": Member(email="dmytro@example.org"),
        "Eva": Member(email="eva@example.org"),
        "Staff": Member(email="staff@example.org"),
        "": Member(email="nameless@example.org"),
    }
    with transaction(session):
        for name, member in rows.items():
            member.display_name, member.created_at = name, NOW
            session.add(member)
            session.flush()
        session.add(StaffRole(member_id=rows["Staff"].id, role="editor", granted_at=NOW))
    ids = {name: member.id for name, member in rows.items()}
    give(session, ids)
    return ids


def give(session: Session, ids: dict[str, int]) -> None:
    """Anna pays monthly, Borys is overdue, Олена had her money back, Dmytro has a free seat, Eva was a patron once."""
    store(
        session,
        subscription("active", stripe_id="sub_anna", member_id=ids["Anna"]),
        period(-10, 20, subscription="sub_anna", member_id=ids["Anna"]),
        subscription("past_due", stripe_id="sub_borys", member_id=ids["Borys"], past_due_for_days=2),
        period(-40, -2, subscription="sub_borys", member_id=ids["Borys"]),
        period(-10, 20, source="once", member_id=ids["Олена"], reversed_in_days=-1),
        period(-10, 20, source="free_seat", member_id=ids["Dmytro"]),
        period(-100, -20, source="bank", member_id=ids["Eva"]),
    )
    with transaction(session):
        session.add(StripeCustomer(stripe_id="cus_anna", member_id=ids["Anna"], created_at=NOW))
        session.add(TransferReference(reference="NW7K2Q", member_id=ids["Eva"], language="en", created_at=NOW))
        session.add(paid("ch_anna", 500, ids["Anna"]))
        session.add(paid("ch_olena", 2000, ids["Олена"]))
        session.add(paid("re_olena", -2000, ids["Олена"], kind="refund"))
        session.add(
            Dispute(
                stripe_id="dp_olena",
                charge_reference="ch_olena",
                member_id=ids["Олена"],
                amount_minor=2000,
                currency="eur",
                status="lost",
                reason="general",
                opened_at=NOW,
            )
        )


def paid(reference: str, amount_minor: int, member_id: int, *, kind: str = "charge") -> Payment:
    return Payment(
        kind=kind,
        source="stripe",
        reference=reference,
        member_id=member_id,
        amount_minor=amount_minor,
        currency="eur",
        occurred_at=NOW,
    )


def found(session: Session, **wanted: Any) -> list[str]:
    return [line.member.display_name for line in people.find_people(session, Wanted(**wanted), at=NOW).lines]


SEARCHES = {
    "anna@example.org": ["Anna"],
    "ANNA@Example": ["Anna"],
    "borys@": ["Borys"],
    "олена": ["Олена"],
    "cus_anna": ["Anna"],
    "sub_borys": ["Borys"],
    "ch_olena": ["Олена"],
    "re_olena": ["Олена"],
    "dp_olena": ["Олена"],
    "nw7k2q": ["Eva"],
    "nobody": [],
    "100%": [],
    "_": [],
    "' OR 1=1 --": [],
    "9" * 30: [],
    "١٢": [],
}


def test_people_are_found_by_what_anybody_may_have_at_hand(session: Session, ids: dict[str, int]) -> None:
    assert {text: found(session, q=text) for text in SEARCHES} == SEARCHES
    assert found(session, q=f"#{ids['Eva']}") == ["Eva"]


def test_filters_take_who_is_in_that_state_or_has_that_source(session: Session, ids: dict[str, int]) -> None:
    states = {state: found(session, state=state) for state in people.STATES}

    assert {state: names for state, names in states.items() if names} == {
        "patron": ["Dmytro", "Anna"],
        "grace": ["Borys"],
        "refunded": ["Олена"],
        "ended": ["Eva"],
        "never": [""],
        "staff": ["Staff"],
    }
    assert found(session, source="bank") == ["Eva"]
    assert found(session, source="free_seat", state="ended") == []


def test_a_filter_knows_the_same_states_as_a_persons_own_page(session: Session, ids: dict[str, int]) -> None:
    lines = people.find_people(session, Wanted(), at=NOW).lines

    assert {line.member.id: line.standing for line in lines} == {
        member_id: standing_of(session, member_id, at=NOW) for member_id in ids.values()
    }


def test_sorting_and_sums(session: Session, ids: dict[str, int]) -> None:
    assert found(session, sort="oldest") == list(ids)
    assert found(session, sort="name") == ["Anna", "Borys", "Dmytro", "Eva", "Staff", "Олена", ""]
    assert found(session, sort="given")[0] == "Anna"
    (line,) = people.find_people(session, Wanted(q="olena"), at=NOW).lines
    assert (line.sources, line.given) == (("once",), (("eur", 0),))


@pytest.mark.parametrize("state", ["", "patron"])
def test_pages_follow_each_other_without_gap_or_repetition(session: Session, ids: dict[str, int], state: str) -> None:
    pages, number = [], 1
    while True:
        page = people.find_people(session, Wanted(state=state, sort="oldest"), at=NOW, number=number, limit=2)
        pages.append([line.member.display_name for line in page.lines])
        number += 1
        if not page.has_more:
            break

    assert [name for page in pages for name in page] == ([*ids] if not state else ["Anna", "Dmytro"])
    assert all(len(page) <= 2 for page in pages)
    assert people.find_people(session, Wanted(state=state), at=NOW, number=99).lines == ()
