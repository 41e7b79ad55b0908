"""Banks that take days: meanwhile a first payment is on its way, and only what arrives counts."""

from datetime import timedelta

import pytest

from membership.accounts.models import Member
from membership.db import transaction
from membership.patronage import queries
from membership.patronage.entitlement import Standing
from membership.patronage.models import CheckoutAttempt, DeclinedCharge, PaidPeriod, Payment, StripeCustomer
from tests.conftest import NOW
from tests.patronage.conftest import Till

LATER = NOW + timedelta(days=4)
DATES = ("completed_at", "paid_at", "failed_at")


def pays_by_bank(till: Till, interval: str = "once", amount_minor: int = 2000) -> str:
    """Pay at Stripe's page by a bank that takes days, and hear of it; return where."""
    opened = till.opens(interval, amount_minor)
    till.stripe.pay_by_bank(opened.url)
    till.hears("checkout.session.completed")
    return opened.url


def answers(till: Till, url: str, *, succeeded: bool) -> None:
    """Let the bank answer, four days later."""
    till.clock.instant = LATER
    till.stripe.settle(url, succeeded=succeeded)
    till.hears("checkout.session.async_payment_" + ("succeeded" if succeeded else "failed"))


def test_a_single_payment_on_its_way_makes_a_member_who_may_vote(till: Till) -> None:
    pays_by_bank(till)

    ((member,),) = till.table(Member, "id")
    assert till.standing == Standing(True, "pending")
    assert queries.patron_ids(till.session, at=NOW) == [member]
    assert till.table(CheckoutAttempt, *DATES) == [(NOW, None, None)]
    assert till.table(Payment, "id") == till.table(PaidPeriod, "id") == []


def test_arrived_it_gives_the_time_that_it_pays_for(till: Till) -> None:
    answers(till, pays_by_bank(till), succeeded=True)

    assert till.standing.code == "patron"
    assert till.table(CheckoutAttempt, *DATES) == [(NOW, LATER, None)]
    assert till.table(Payment, "kind", "amount_minor") == [("charge", 2000)]
    assert till.mails == ["welcome"]


def test_refused_by_the_bank_it_is_told_and_gives_nothing(till: Till) -> None:
    answers(till, pays_by_bank(till), succeeded=False)

    assert till.standing == Standing(False, "payment_failed")
    assert till.table(CheckoutAttempt, *DATES) == [(NOW, None, LATER)]
    assert queries.patron_ids(till.session, at=LATER) == []
    assert [row[1:] for row in till.table(DeclinedCharge, "stripe_id", "amount_minor")] == [(2000,)]
    assert till.mails == []


@pytest.mark.parametrize("first", ["active", "incomplete"])
def test_a_first_month_by_bank_is_pending_until_it_is_paid(till: Till, first: str) -> None:
    """Stripe documents both: running at once, or incomplete until the money is there."""
    till.stripe.control("first-debit", then=first)
    url = pays_by_bank(till, "month", 500)
    status = till.subscription.status
    members = till.table(Member, "id")
    before = till.standing.code if members else ""

    answers(till, url, succeeded=True)

    assert (status, len(members), before) == ((first, 1, "pending") if first == "active" else (first, 0, ""))
    assert till.standing.code == "patron"
    assert till.table(CheckoutAttempt, *DATES) == [(NOW, LATER, None)]


@pytest.mark.parametrize("first", ["active", "incomplete"])
def test_a_first_month_that_never_came_makes_nobody_a_patron(till: Till, first: str) -> None:
    till.stripe.control("first-debit", then=first)
    answers(till, pays_by_bank(till, "month", 500), succeeded=False)

    assert till.table(PaidPeriod, "id") == []
    assert till.table(CheckoutAttempt, *DATES) == [(NOW, None, LATER)]
    if first == "active":
        assert till.subscription.attention == "declined"
        assert till.standing == Standing(False, "payment_failed")
        assert till.mails == ["payment_failed"]
    else:
        assert (till.subscription.status, till.table(Member, "id")) == ("incomplete_expired", [])


def test_a_renewal_that_is_with_the_bank_costs_nobody_their_vote(till: Till) -> None:
    answers(till, pays_by_bank(till, "month", 500), succeeded=True)
    till.clock.instant = NOW + timedelta(days=31)
    till.stripe.control("renew", id=till.subscription.stripe_id)

    till.hears("invoice.finalized")
    till.clock.instant += timedelta(days=10)

    assert (till.subscription.status, till.standing.code) == ("active", "patron")


def test_an_account_deleted_while_the_bank_takes_its_time_is_not_made_again(till: Till) -> None:
    url = pays_by_bank(till)
    with transaction(till.session):
        till.session.delete(till.session.query(Member).one())
    till.session.expire_all()

    answers(till, url, succeeded=True)

    assert till.table(Member, "id") == till.table(StripeCustomer, "stripe_id") == []
    assert till.table(Payment, "kind", "member_id") == [("charge", None)]
