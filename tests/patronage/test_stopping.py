"""Stopping: with the paid time, or at once where none is left, and nothing is collected afterwards."""

from datetime import timedelta

import pytest

from membership.accounts.models import Member
from membership.audit import AuditEntry
from membership.errors import Conflict, NotFound, Unavailable
from membership.outbox import OutboxItem
from membership.patronage import queries, services
from membership.patronage.entitlement import Standing
from membership.patronage.gateway import Gateway
from membership.patronage.models import Subscription
from tests.conftest import NOW, SettingsMaker
from tests.factories.accounts import make_member
from tests.patronage.conftest import Till

MONTH = timedelta(days=31)  # from 22 March


def stop(till: Till, actor_id: int | None = None, gateway: Gateway | None = None) -> None:
    stripe_id = till.subscription.stripe_id
    services.stop_support(
        till.session,
        gateway or till.gateway,
        subscription_id=stripe_id,
        actor_id=actor_id,
        reason="topics",
        now=till.clock.now(),
    )


def resume(till: Till) -> None:
    stripe_id = till.subscription.stripe_id
    services.resume_support(till.session, till.gateway, subscription_id=stripe_id, actor_id=None, now=till.clock.now())


def standing_of_only_member(till: Till) -> Standing:
    ((member,),) = till.table(Member, "id")
    return queries.standing_of(till.session, member, at=till.clock.now())


def mails(till: Till, kind: str) -> int:
    return sum(found == kind for (found,) in till.table(OutboxItem, "kind"))


def renewal_fails(till: Till) -> None:
    till.clock.instant = NOW + MONTH - timedelta(hours=1)
    till.stripe.control("fail", id=till.subscription.stripe_id)
    till.sync(till.subscription.stripe_id)


def open_invoices(till: Till) -> list[str]:
    return [invoice.id for invoice in till.stripe.client().v1.invoices.list({"status": "open"}).data]


def test_without_a_running_support_there_is_nothing_to_stop(till: Till) -> None:
    member = make_member(till.session)

    with pytest.raises(NotFound):
        services.stop_all_support(till.session, till.gateway, member_id=member.id, now=NOW)


def test_while_stripe_is_down_nothing_is_stopped_and_a_later_click_stops(till: Till, make_settings: SettingsMaker) -> None:
    till.pays()
    nowhere = Gateway(make_settings(STRIPE_API_BASE="http://127.0.0.1:1"), timeout=1, retries=0)

    with pytest.raises(Unavailable):
        stop(till, gateway=nowhere)
    before = till.subscription.cancel_at
    stop(till)

    assert (before, till.subscription.cancel_at, mails(till, "stopped")) == (None, NOW + MONTH, 1)


def test_a_stop_whose_answer_was_lost_is_told_all_the_same(till: Till) -> None:
    till.pays()
    till.gateway.stop_at_period_end(till.subscription.stripe_id, key="lost")

    stop(till)

    assert (till.subscription.cancel_at, mails(till, "stopped")) == (NOW + MONTH, 1)


def test_stopping_ends_with_the_paid_time_and_can_be_taken_back(till: Till) -> None:
    till.pays()

    stop(till)
    stop(till)
    stopped = standing_of_only_member(till)
    resume(till)
    resume(till)
    resumed = standing_of_only_member(till)
    stop(till)

    assert (stopped, resumed) == (Standing(True, "cancelling", NOW + MONTH), Standing(True, "patron", NOW + MONTH))
    assert till.subscription.cancel_at == NOW + MONTH
    assert mails(till, "stopped") == 2


def test_an_act_is_written_down_without_a_name(till: Till) -> None:
    till.pays()
    ((member,),) = till.table(Member, "id")

    stop(till, actor_id=member)
    resume(till)

    assert till.table(AuditEntry, "act", "actor_id", "reason", "details") == [
        ("support.resume_asked", None, "", {"by": "link"}),
        ("support.stop_asked", member, "topics", {"by": "sign_in"}),
    ]


def test_a_stopped_support_ends_on_its_day_and_cannot_be_resumed(till: Till) -> None:
    till.pays()
    stop(till)

    till.clock.instant = NOW + timedelta(days=32)
    till.sync(till.subscription.stripe_id)

    assert till.subscription.status == "canceled"
    assert standing_of_only_member(till) == Standing(False, "ended", NOW + MONTH)
    assert mails(till, "stopped") == 1
    with pytest.raises(Conflict):
        resume(till)
    stop(till)  # a page that was open since: nothing happens


def test_two_supports_of_one_member_are_both_stopped(till: Till) -> None:
    """Two tabs, both opened before either was paid: nothing more may be taken from somebody who has stopped."""
    member = make_member(till.session)
    tabs = [till.opens(member_id=member.id), till.opens("year", 5000, member_id=member.id)]
    for tab in tabs:
        till.stripe.pay(tab.url)
        till.sync_checkout(tab.attempt.stripe_session_id or "")

    services.stop_all_support(till.session, till.gateway, member_id=member.id, now=NOW)

    assert till.table(Subscription, "interval", "cancel_at") == [
        ("month", NOW + MONTH),
        ("year", NOW.replace(year=2027)),
    ]


def test_a_support_that_is_past_due_is_stopped_at_once_and_its_bill_is_void(till: Till) -> None:
    till.pays()
    renewal_fails(till)
    before = (till.subscription.status, len(open_invoices(till)))

    stop(till)
    stop(till)

    assert before == ("past_due", 1)
    assert (till.subscription.status, open_invoices(till)) == ("canceled", [])
    assert (mails(till, "stopped"), mails(till, "support_ended")) == (1, 0)


def test_what_is_overdue_only_at_stripe_is_not_collected_either(till: Till) -> None:
    """The event of the failure has not come yet: the row says that all is well."""
    till.pays()
    till.clock.instant = NOW + MONTH - timedelta(hours=1)
    till.stripe.control("fail", id=till.subscription.stripe_id)

    stop(till)

    assert (till.subscription.status, open_invoices(till)) == ("canceled", [])


def test_a_support_that_is_stopping_blocks_no_other(till: Till) -> None:
    member = make_member(till.session)
    till.pays(member_id=member.id)
    stop(till)

    assert till.opens(amount_minor=1000, member_id=member.id).url


def test_a_support_that_staff_ended_at_stripe_is_told_too(till: Till) -> None:
    till.pays()

    till.stripe.control("cancel", id=till.subscription.stripe_id)
    till.sync(till.subscription.stripe_id)
    till.sync(till.subscription.stripe_id)

    assert mails(till, "stopped") == 1
