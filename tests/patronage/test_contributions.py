"""Support without Stripe, and what a plan may look like."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.audit import AuditEntry
from membership.errors import Conflict, NotFound
from membership.patronage import queries, services
from membership.patronage.entitlement import Standing
from membership.patronage.models import PaidPeriod, Payment, Plan
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff
from tests.factories.patronage import MINIMUMS, PRESETS, give_seat, make_plan
from tests.patronage.conftest import table


def transfer(
    session: Session, member_id: int, amount_minor: int = 1500, *, reference: str = "R-1", currency: str = "eur"
) -> object:
    return services.record_contribution(
        session,
        member_id=member_id,
        amount_minor=amount_minor,
        currency=currency,
        reference=reference,
        received_at=NOW,
        actor_id=None,
        now=NOW,
    )


def test_a_transfer_pays_for_whole_months(session: Session) -> None:
    make_plan(session)
    member = make_member(session)

    until = transfer(session, member.id)

    assert until == NOW.replace(month=8)
    assert table(session, Payment, "kind", "source", "reference", "amount_minor", "fee_minor", "net_minor") == [
        ("manual", "bank", "R-1", 1500, 0, 1500)
    ]
    assert table(session, PaidPeriod, "source", "reference", "starts_at", "ends_at") == [("bank", "R-1", NOW, until)]
    assert queries.standing_of(session, member.id, at=NOW) == Standing(True, "patron", NOW.replace(month=8))
    assert table(session, AuditEntry, "act", "actor_id", "subject_id") == [("contribution.recorded", None, str(member.id))]


def test_a_second_transfer_goes_on_where_the_first_ends(session: Session) -> None:
    make_plan(session)
    member = make_member(session)

    transfer(session, member.id)

    assert transfer(session, member.id, 300, reference="R-2") == NOW.replace(month=9)


def test_the_same_reference_is_recorded_once(session: Session) -> None:
    make_plan(session)
    member = make_member(session)
    transfer(session, member.id)

    with pytest.raises(Conflict):
        transfer(session, member.id)

    assert len(table(session, Payment, "id")) == 1


def test_the_number_of_a_statements_transfer_is_not_taken_by_hand(session: Session) -> None:
    make_plan(session)

    with pytest.raises(Conflict):
        transfer(session, make_member(session).id, reference="transfer:1")


def test_somebody_who_is_new_here_is_known_by_an_address(session: Session) -> None:
    make_plan(session)
    paid = {"amount_minor": 300, "currency": "eur", "received_at": NOW, "actor_id": None, "source": "cash", "now": NOW}

    for number in "12":
        services.record_contribution(session, email=" New@Example.org", language="uk", reference=number, **paid)
    with pytest.raises(ValueError):
        services.record_contribution(session, email="new", reference="3", **paid)

    assert table(session, Member, "typed_email", "language") == [("new@example.org", "uk")]
    assert len(table(session, PaidPeriod, "id")) == 2


@pytest.mark.parametrize(("amount", "currency"), [(299, "eur"), (1500, "usd")])
def test_what_pays_for_no_month_is_refused(session: Session, amount: int, currency: str) -> None:
    make_plan(session)
    member = make_member(session)

    with pytest.raises(Conflict):
        transfer(session, member.id, amount, currency=currency)


def test_nobody_unknown_can_be_given_anything(session: Session) -> None:
    make_plan(session)

    with pytest.raises(NotFound):
        transfer(session, 404)
    with pytest.raises(NotFound):
        give_seat(session, 404)


def test_a_free_seat_is_a_patron_until_its_date(session: Session) -> None:
    member, staff = make_member(session), make_staff(session)

    services.grant_free_seat(
        session,
        member_id=member.id,
        starts_at=NOW,
        ends_at=NOW + timedelta(days=90),
        reference="seat-1",
        actor_id=staff.id,
        now=NOW,
    )

    assert queries.standing_of(session, member.id, at=NOW) == Standing(True, "patron", NOW + timedelta(days=90))
    assert ("free_seat.granted", staff.id) in table(session, AuditEntry, "act", "actor_id")


def test_a_plan_made_twice_is_one(session: Session) -> None:
    make_plan(session)
    make_plan(session)

    assert table(session, Plan, "key", "currency", "minimum_month_minor", "presets_once") == [
        ("main", "eur", 300, "1000,2000,5000")
    ]


@pytest.mark.parametrize(
    ("minimums", "presets"),
    [
        ({"month": 0}, {}),
        ({"month": -300}, {}),
        ({}, {"month": (300, 500)}),
        ({}, {"month": (500, 300, 1000)}),
        ({}, {"month": (500, 500, 1000)}),
        ({}, {"month": (200, 500, 1000)}),
        ({"once": 200}, {}),
        ({}, {"year": (3000, 5000, 10**9)}),
    ],
)
def test_amounts_that_make_no_sense_are_refused(
    session: Session, minimums: dict[str, int], presets: dict[str, tuple[int, ...]]
) -> None:
    with pytest.raises(Conflict):
        services.ensure_plan(
            session,
            key="main",
            name="Support",
            currency="eur",
            minimums=MINIMUMS | minimums,
            presets=PRESETS | presets,
            now=NOW,
        )

    assert table(session, Plan, "key") == []


def test_a_plan_keeps_its_currency(session: Session) -> None:
    make_plan(session)

    with pytest.raises(Conflict):
        make_plan(session, currency="usd")
