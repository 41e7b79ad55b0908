"""Which contracts somebody without a sign-in may end from a mailbox, and over how long they gave."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.db import transaction
from membership.patronage import contracts, services
from membership.patronage.models import Payment, Subscription
from tests.conftest import NOW
from tests.factories.accounts import make_member
from tests.patronage.conftest import ON_SQLITE, Till

ADDRESS = "reader@example.org"


def test_a_mailbox_ends_all_that_runs_under_its_address_and_nothing_else(till: Till) -> None:
    proved = make_member(till.session, ADDRESS)
    till.pays(amount_minor=500, browser=b"1" * 32, member_id=proved.id)
    till.pays(amount_minor=600, browser=b"2" * 32, email=ADDRESS)  # typed by somebody, perhaps the same person
    till.pays("once", 700, browser=b"3" * 32, email=ADDRESS)
    till.pays(amount_minor=800, browser=b"4" * 32, email="other@example.org")
    till.pays(amount_minor=900, browser=b"5" * 32, email=ADDRESS)
    with transaction(till.session):  # typed once, but another address was proved since: not this mailbox's any more
        stranger = till.session.query(Member).filter_by(id=owner_of(till, 900)).one()
        stranger.email = "moved@example.org"

    now = contracts.contracts_of_mailbox(till.session, ADDRESS, at=NOW)
    later = contracts.contracts_of_mailbox(till.session, ADDRESS, at=NOW + timedelta(days=20))

    assert sorted((each.attempt.amount_minor, each.running is not None) for each in now) == [(500, True), (600, True), (700, False)]
    assert sorted(each.attempt.amount_minor for each in later) == [500, 600]
    assert contracts.contracts_of_mailbox(till.session, "nobody@example.org", at=NOW) == []


def test_what_has_stopped_can_still_be_withdrawn_from(till: Till) -> None:
    till.pays()
    services.stop_support(till.session, till.gateway, subscription_id=till.subscription.stripe_id, actor_id=None, now=NOW)

    found = [contracts.contracts_of_mailbox(till.session, ADDRESS, at=NOW + timedelta(days=days)) for days in (1, 20)]

    assert [[each.running for each in one] for one in found] == [[None], []]


@ON_SQLITE
@pytest.mark.parametrize(("given_days_ago", "expected"), [([], 0), ([0], 1), ([27], 1), ([28], 2), ([400, 31, 0], 14)])
def test_the_months_of_support_count_from_the_first_payment(session: Session, given_days_ago: list[int], expected: int) -> None:
    member = make_member(session)
    with transaction(session):
        for days in given_days_ago:
            payment = Payment(kind="manual", source="bank", reference=f"r{days}", member_id=member.id, currency="eur")
            payment.amount_minor, payment.occurred_at = 500, NOW - timedelta(days=days)
            session.add(payment)

    assert contracts.months_of_support(session, member.id, at=NOW) == expected


def owner_of(till: Till, amount_minor: int) -> int:
    ((member_id,),) = [row[:1] for row in till.table(Subscription, "member_id", "amount_minor") if row[1] == amount_minor]
    return int(member_id)
