"""Pausing: nothing is taken, the time paid for counts, and Stripe goes on by itself."""

from datetime import datetime, timedelta

import pytest

from membership.accounts.models import Member
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem
from membership.patronage import queries, services
from membership.patronage.models import Payment
from tests.conftest import NOW
from tests.patronage.conftest import Till

DAY = timedelta(days=1)
MONTH = timedelta(days=31)  # from 22 March
UNTIL = NOW + 61 * DAY - timedelta(hours=15)  # 22 May, at midnight in Kyiv


def pause(till: Till, resumes_at: datetime = UNTIL) -> None:
    services.pause_support(
        till.session,
        till.gateway,
        subscription_id=till.subscription.stripe_id,
        resumes_at=resumes_at,
        actor_id=None,
        now=till.clock.now(),
    )


def code(till: Till) -> str:
    ((member,),) = till.table(Member, "id")
    return queries.standing_of(till.session, member, at=till.clock.now()).code


def move(till: Till, days: int) -> None:
    till.clock.instant += days * DAY
    till.sync(till.subscription.stripe_id)


@pytest.mark.parametrize(
    "resumes_at",
    [
        pytest.param(NOW - DAY, id="a day that is over"),
        pytest.param(NOW + 10 * DAY, id="before the next payment"),
        pytest.param(NOW + 400 * DAY, id="more than a year"),
    ],
)
def test_a_pause_that_makes_no_sense_is_refused(till: Till, resumes_at: datetime) -> None:
    till.pays()

    with pytest.raises(Conflict):
        pause(till, resumes_at)

    assert till.subscription.is_paused is False


def test_what_is_overdue_or_stopped_is_not_paused(till: Till) -> None:
    till.pays()
    services.stop_support(
        till.session, till.gateway, subscription_id=till.subscription.stripe_id, actor_id=None, now=till.clock.now()
    )
    with pytest.raises(Conflict):
        pause(till)
    services.resume_support(
        till.session, till.gateway, subscription_id=till.subscription.stripe_id, actor_id=None, now=till.clock.now()
    )
    till.stripe.control("fail", id=till.subscription.stripe_id)
    with pytest.raises(Conflict):
        pause(till, NOW + 100 * DAY)


def test_nobody_elses_support_can_be_paused(till: Till) -> None:
    with pytest.raises(NotFound):
        services.pause_support(till.session, till.gateway, subscription_id="sub_none", resumes_at=UNTIL, actor_id=None, now=NOW)


def test_a_pause_leaves_one_payment_out_and_ends_by_itself(till: Till) -> None:
    till.pays()

    pause(till)
    pause(till)  # the second of two clicks
    codes = [code(till)]
    move(till, 40)  # past 22 April: the paid month is over
    codes.append(code(till))
    move(till, 22)  # past 22 May
    codes.append(code(till))

    assert codes == ["patron", "paused", "patron"]
    assert till.subscription.is_paused is False
    assert len(till.table(Payment, "id")) == 2
    assert [kind for (kind,) in till.table(OutboxItem, "kind")].count("paused") == 1


def test_a_pause_can_get_another_end_and_be_ended(till: Till) -> None:
    till.pays()
    pause(till)

    pause(till, NOW + 90 * DAY)
    moved = (till.subscription.is_paused, till.subscription.resumes_at)
    for _ in range(2):
        services.unpause_support(
            till.session, till.gateway, subscription_id=till.subscription.stripe_id, actor_id=None, now=till.clock.now()
        )

    assert moved == (True, NOW + 90 * DAY)
    assert (till.subscription.is_paused, till.subscription.resumes_at) == (False, None)
    assert [kind for (kind,) in till.table(OutboxItem, "kind")].count("paused") == 2


def test_who_stops_in_a_pause_after_the_paid_time_stops_at_once(till: Till) -> None:
    till.pays()
    pause(till)
    move(till, 40)

    services.stop_support(
        till.session, till.gateway, subscription_id=till.subscription.stripe_id, actor_id=None, now=till.clock.now()
    )

    assert till.subscription.status == "canceled"
