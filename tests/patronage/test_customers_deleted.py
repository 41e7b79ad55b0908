"""A customer deleted in Stripe's dashboard: its support has ended, what was paid stays, and nothing more is sold to it."""

from membership.accounts.models import Member
from membership.db import transaction
from membership.patronage import queries
from membership.patronage.entitlement import Standing
from membership.patronage.models import PaidPeriod, Payment, StripeCustomer, StripeEvent, Subscription
from membership.patronage.services.inbox import keep_event, work_on_event
from membership.patronage.signature import ParsedEvent
from tests.conftest import NOW
from tests.patronage.conftest import Till


def delete_customer(till: Till) -> str:
    customer = till.subscription.stripe_customer_id or ""
    till.stripe.client().v1.customers.delete(customer)
    return customer


def says_deleted(till: Till, customer_id: str) -> str:
    """Hear of a deletion that Stripe itself has not sent."""
    parsed = ParsedEvent("evt_1", "customer.deleted", NOW, False, None, "customer", customer_id, None, None)
    event = keep_event(till.session, parsed, livemode=False, now=NOW)
    assert event is not None
    return work_on_event(till.session, till.gateway, event, now=NOW)


def test_the_support_has_ended_and_what_was_paid_stays(till: Till) -> None:
    till.pays()
    ((member,),) = till.table(Member, "id")
    until = till.standing.until
    customer = delete_customer(till)

    assert till.hears("customer.deleted") == "written"

    assert till.table(StripeCustomer, "stripe_id", "deleted_at") == [(customer, NOW)]
    assert queries.find_customer_of(till.session, member) is None
    assert till.table(Subscription, "status", "ended_at") == [("canceled", NOW)]
    assert till.standing == Standing(True, "cancelling", until)
    assert [till.table(model, "reversed_at" if model is PaidPeriod else "amount_minor") for model in (PaidPeriod, Payment)] == [
        [(None,)],
        [(500,)],
    ]
    assert till.table(StripeEvent, "state") == [("done",)]
    assert till.mails == ["welcome", "stopped"]


def test_a_second_deletion_changes_nothing(till: Till) -> None:
    till.pays()
    delete_customer(till)
    till.hears("customer.deleted")
    customer = till.subscription.stripe_customer_id or ""

    assert says_deleted(till, customer) == "written"
    assert till.table(StripeCustomer, "deleted_at") == [(NOW,)]


def test_a_payer_whose_customer_is_gone_can_pay_again_by_a_new_one(till: Till) -> None:
    till.pays()
    ((member,),) = till.table(Member, "id")
    delete_customer(till)
    till.hears("customer.deleted")

    till.pays("once", 2000, member_id=member, browser=b"c" * 32)

    assert [deleted for _, deleted in sorted(till.table(StripeCustomer, "created_at", "deleted_at"), key=repr)].count(None) <= 1
    assert sorted(till.table(Payment, "amount_minor", "member_id")) == [(500, member), (2000, member)]


def test_deleted_before_we_knew_the_subscription_it_is_known_as_ended(till: Till) -> None:
    opened = till.opens()
    till.stripe.pay(opened.url)
    client = till.stripe.client()
    client.v1.customers.delete(client.v1.customers.list().data[0].id)

    assert till.hears("customer.deleted") == "ignored"  # not known yet
    assert till.hears("checkout.session.completed") == "written"
    assert (till.subscription.status, till.standing.code) == ("canceled", "cancelling")
    assert till.table(Payment, "amount_minor") == [(500,)]


def test_a_customer_that_still_exists_is_not_believed_to_be_gone(till: Till) -> None:
    till.pays()

    assert says_deleted(till, till.subscription.stripe_customer_id or "") == "ignored"
    assert till.table(StripeCustomer, "deleted_at") == [(None,)]


def test_somebody_elses_customer_is_nobodys(till: Till) -> None:
    foreign = till.stripe.client().v1.customers.create({"email": "shop@example.org"})
    till.stripe.client().v1.customers.delete(foreign.id)

    assert till.hears("customer.deleted") == "ignored"


def test_a_subscription_that_ended_between_event_and_fetch_is_written_as_it_is(till: Till) -> None:
    opened = till.opens()
    till.stripe.pay(opened.url)
    client = till.stripe.client()
    created = client.v1.events.list({"type": "customer.subscription.created"}).data[0]
    client.v1.subscriptions.cancel(str(created.to_dict()["data"]["object"]["id"]))

    assert till.hears("customer.subscription.created") == "written"
    assert (till.subscription.status, till.standing.code) == ("canceled", "cancelling")


def test_without_its_account_a_deleted_customer_brings_nobody_back(till: Till) -> None:
    till.pays()
    delete_customer(till)
    with transaction(till.session):
        till.session.delete(till.session.query(Member).one())
    till.session.expire_all()

    assert till.hears("customer.deleted") == "written"  # its subscription is known
    assert till.table(Member, "id") == till.table(StripeCustomer, "stripe_id") == []
