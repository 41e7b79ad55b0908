"""Withdrawing within the first days: it ends at once, everything goes back, and Stripe's absence changes nothing about it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from membership.accounts.models import Member
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem
from membership.patronage import queries, services
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt, Payment, RefundOrder
from tests.conftest import NOW, SettingsMaker
from tests.patronage.conftest import Till

DAY = timedelta(days=1)


def withdraw(till: Till, gateway: Gateway | None = None) -> None:
    ((attempt_id,),) = till.table(CheckoutAttempt, "id")
    services.withdraw(till.session, gateway or till.gateway, attempt_id=attempt_id, now=till.clock.now())


def moved(till: Till) -> list[tuple[str, int]]:
    return till.table(Payment, "kind", "amount_minor")


def code(till: Till) -> str:
    ((member,),) = till.table(Member, "id")
    return queries.standing_of(till.session, member, at=till.clock.now()).code


def mails(till: Till) -> list[str]:
    return [kind for (kind,) in till.table(OutboxItem, "kind") if kind in ("withdrawn", "stopped", "support_ended")]


def nowhere(make_settings: SettingsMaker) -> Gateway:
    return Gateway(make_settings(STRIPE_API_BASE="http://127.0.0.1:1"), timeout=1, retries=0)


def test_after_the_fourteenth_day_it_is_too_late(till: Till) -> None:
    till.pays()
    till.clock.instant = NOW + 15 * DAY

    with pytest.raises(Conflict):
        withdraw(till)

    assert (till.subscription.status, moved(till), mails(till)) == ("active", [("charge", 500)], [])


def test_what_was_never_paid_cannot_be_withdrawn_from(till: Till) -> None:
    till.opens()
    with pytest.raises(Conflict):
        withdraw(till)
    with pytest.raises(NotFound):
        services.withdraw(till.session, till.gateway, attempt_id=uuid4(), now=NOW)


@pytest.mark.parametrize(("interval", "amount"), [("month", 500), ("once", 2000)])
def test_everything_goes_back_and_it_is_over_however_often_it_is_clicked(till: Till, interval: str, amount: int) -> None:
    till.pays(interval, amount)
    till.clock.instant = NOW + 14 * DAY

    withdraw(till)
    withdraw(till)

    assert moved(till) == [("charge", amount), ("refund", -amount)]
    assert till.table(RefundOrder, "cause", "amount_minor") == [("withdrawal", None)]
    assert code(till) == "refunded"
    assert mails(till) == ["withdrawn"]
    assert till.table(CheckoutAttempt, "withdrawn_at") == [(NOW + 14 * DAY,)]


def test_it_counts_although_stripe_is_down_and_the_job_does_the_rest(till: Till, make_settings: SettingsMaker) -> None:
    till.pays()

    withdraw(till, nowhere(make_settings))
    before = (till.subscription.status, mails(till), till.table(CheckoutAttempt, "withdrawn_at"))
    idle = services.finish_withdrawals(till.session, nowhere(make_settings), now=NOW + 20 * DAY)
    done = [services.finish_withdrawals(till.session, till.gateway, now=NOW + 20 * DAY) for _ in range(2)]

    assert before == ("active", ["withdrawn"], [(NOW,)])
    assert (idle, done) == (0, [1, 0])
    assert (till.subscription.status, moved(till)) == ("canceled", [("charge", 500), ("refund", -500)])


def test_what_was_raised_and_lowered_meanwhile_goes_back_once(till: Till) -> None:
    """Lowered at once, a part of the money was put to the customer's credit: it must not come back twice."""
    till.pays()
    stripe_id = till.subscription.stripe_id
    for days, amount in ((2, 1000), (4, 300)):
        till.clock.instant = NOW + days * DAY
        change: dict[str, Any] = {"subscription_id": stripe_id, "interval": "month", "amount_minor": amount, "at_once": True}
        services.change_amount(till.session, till.gateway, **change, actor_id=None, now=till.clock.now())
    customer = till.stripe.client().v1.customers.retrieve(till.subscription.stripe_customer_id or "")
    credit = customer.balance

    withdraw(till)

    customer = till.stripe.client().v1.customers.retrieve(customer.id)
    assert (credit is not None and credit < 0, customer.balance) == (True, 0)
    assert sum(amount for _, amount in moved(till)) == 0


def test_a_payment_that_became_known_afterwards_goes_back_too(till: Till) -> None:
    till.pays()
    stripe_id = till.subscription.stripe_id
    withdraw_first = till.table(CheckoutAttempt, "id")[0][0]
    till.stripe.control("renew", id=stripe_id)  # in the moment of the withdrawal, and not known here yet

    services.withdraw(till.session, till.gateway, attempt_id=withdraw_first, now=NOW)
    services.finish_withdrawals(till.session, till.gateway, now=NOW)

    assert moved(till) == [("charge", 500), ("charge", 500), ("refund", -500), ("refund", -500)]


def test_what_staff_gave_back_in_part_is_made_whole(till: Till) -> None:
    till.pays()
    ((charge,),) = till.table(Payment, "reference")
    services.order_refund(till.session, charge_reference=charge, amount_minor=200, note="a complaint", ordered_by=None, now=NOW)
    services.carry_out_refunds(till.session, till.gateway, now=NOW)

    withdraw(till)

    assert moved(till) == [("charge", 500), ("refund", -200), ("refund", -300)]
