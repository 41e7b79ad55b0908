"""Stripe's truth in our tables: what is written, in whatever order and however often."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, event

from membership.accounts.models import Member
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage import queries, services
from membership.patronage.entitlement import Standing
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Payment, StripeCustomer, Subscription
from membership.patronage.services import ledger, projecting
from membership.patronage.shapes import SubscriptionFacts
from tests.conftest import NOW
from tests.factories.accounts import make_member
from tests.locking import ON_POSTGRESQL, meeting
from tests.patronage.conftest import Till

MONTH = timedelta(days=31)  # from 22 March


def standing_of_only_member(till: Till) -> Standing:
    (member,) = till.table(Member, "id")
    return queries.standing_of(till.session, member[0], at=till.clock.now())


def test_a_paid_month_becomes_one_of_everything(till: Till) -> None:
    till.pays()

    (member,) = till.table(Member, "id", "email", "typed_email", "language")
    assert member[1:] == (None, "reader@example.org", "en")
    assert till.table(Subscription, "member_id", "status", "amount_minor", "currency", "interval", "claim", "written") == [
        (member[0], "active", 500, "eur", "month", 1, 1)
    ]
    (payment,) = till.table(Payment, "kind", "source", "amount_minor", "currency", "occurred_at", "member_id")
    assert payment == ("charge", "stripe", 500, "eur", NOW, member[0])
    ((fee, net),) = till.table(Payment, "fee_minor", "net_minor")
    assert fee > 0
    assert net == 500 - fee
    assert till.table(PaidPeriod, "source", "starts_at", "ends_at", "reversed_at") == [("subscription", NOW, NOW + MONTH, None)]
    assert till.table(StripeCustomer, "member_id") == [(member[0],)]
    assert till.table(CheckoutAttempt, "member_id", "completed_at", "paid_at", "choice_key") == [(member[0], NOW, NOW, None)]
    assert standing_of_only_member(till) == Standing(True, "patron", NOW + MONTH)


def test_everything_twice_changes_nothing(till: Till) -> None:
    session_id = till.pays()
    before = [till.table(model, *columns) for model, columns in WHOLE]

    till.sync_checkout(session_id)
    till.sync(till.subscription.stripe_id)

    assert [till.table(model, *columns) for model, columns in WHOLE] == before


WHOLE = (
    (Member, ("id", "typed_email")),
    (Payment, ("id", "reference", "amount_minor", "fee_minor", "member_id")),
    (PaidPeriod, ("id", "reference", "starts_at", "ends_at", "reversed_at", "member_id")),
    (StripeCustomer, ("stripe_id", "member_id")),
    (OutboxItem, ("key", "kind")),
)


def test_a_declined_card_makes_nobody_a_patron(till: Till) -> None:
    opened = till.opens()
    till.stripe.decline(opened.url)

    till.sync_checkout(opened.attempt.stripe_session_id or "")

    assert till.table(Member, "id") == []
    assert till.table(CheckoutAttempt, "completed_at", "paid_at", "expired_at") == [(None, None, None)]


def test_an_expired_session_is_noted_and_frees_the_choice(till: Till) -> None:
    opened = till.opens()
    till.stripe.client().v1.checkout.sessions.expire(opened.attempt.stripe_session_id or "")

    till.sync_checkout(opened.attempt.stripe_session_id or "")

    assert till.table(CheckoutAttempt, "completed_at", "expired_at", "choice_key") == [(None, NOW, None)]


def test_a_single_gift_lasts_by_its_amount(till: Till) -> None:
    till.pays("once", 2000)

    assert till.table(Payment, "kind", "amount_minor", "subscription_id") == [("charge", 2000, None)]
    # €20 at €3 a month: six whole months.
    assert till.table(PaidPeriod, "source", "starts_at", "ends_at") == [("once", NOW, NOW.replace(month=9))]
    assert till.table(Subscription, "stripe_id") == []


def test_a_single_gift_of_any_size_lasts_a_year_at_most(till: Till) -> None:
    till.pays("once", 99_900)

    assert till.table(PaidPeriod, "ends_at") == [(NOW.replace(year=2027),)]


def test_a_gift_beside_a_running_month_begins_when_that_ends(till: Till) -> None:
    till.pays()
    (member,) = till.table(Member, "id")

    till.pays("once", 300, member_id=member[0], browser=b"c" * 32)

    assert till.table(PaidPeriod, "source", "starts_at", "ends_at") == [
        ("once", NOW + MONTH, NOW.replace(month=5)),
        ("subscription", NOW, NOW + MONTH),
    ]
    assert standing_of_only_member(till) == Standing(True, "patron", NOW.replace(month=5))


def test_who_is_signed_in_gets_what_they_pay_for_themselves(till: Till) -> None:
    member = make_member(till.session, "known@example.org")

    till.pays(member_id=member.id, email="other@example.org")

    assert till.table(Member, "id", "email", "typed_email") == [(member.id, "known@example.org", None)]
    assert till.table(Payment, "member_id") == [(member.id,)]


def test_the_same_typed_address_is_not_the_same_person(till: Till) -> None:
    known = make_member(till.session, "reader@example.org")

    till.pays(email="reader@example.org")

    members = till.table(Member, "id", "email", "typed_email")
    assert (known.id, "reader@example.org", None) in members
    assert [row[1:] for row in members if row[0] != known.id] == [(None, "reader@example.org")]
    assert queries.standing_of(till.session, known.id, at=NOW) == Standing(False, "never")


def test_a_renewal_adds_a_payment_and_a_month(till: Till) -> None:
    till.pays()

    till.stripe.control("renew", id=till.subscription.stripe_id)
    till.sync(till.subscription.stripe_id)

    assert till.table(Payment, "kind", "amount_minor") == [("charge", 500), ("charge", 500)]
    assert len(till.table(PaidPeriod, "id")) == 2
    assert standing_of_only_member(till) == Standing(True, "patron", NOW.replace(month=5))


def test_a_failed_renewal_is_grace_and_recovers(till: Till) -> None:
    till.pays()
    stripe_id = till.subscription.stripe_id
    till.clock.instant = NOW + MONTH - timedelta(hours=1)

    till.stripe.control("fail", id=stripe_id)
    till.sync(stripe_id)
    till.clock.instant = NOW + MONTH + timedelta(hours=1)
    failed = standing_of_only_member(till)
    till.stripe.control("recover", id=stripe_id)
    till.sync(stripe_id)

    assert (failed.may_vote, failed.code) == (True, "grace")
    assert standing_of_only_member(till).code == "patron"
    assert till.subscription.past_due_since is None


def test_a_full_refund_reverses_the_month_and_says_so(till: Till) -> None:
    till.pays()
    ((charge,),) = till.table(Payment, "reference")

    till.stripe.control("refund", id=charge)
    services.sync_charge(till.session, till.gateway, charge_id=charge, now=NOW)

    assert till.table(Payment, "kind", "amount_minor", "charge_reference") == [("charge", 500, None), ("refund", -500, charge)]
    assert till.table(PaidPeriod, "reversed_at") == [(NOW,)]
    assert standing_of_only_member(till) == Standing(False, "refunded")


def test_a_partial_refund_takes_no_right_away(till: Till) -> None:
    till.pays()
    ((charge,),) = till.table(Payment, "reference")

    till.stripe.client().v1.refunds.create({"charge": charge, "amount": 200})
    services.sync_charge(till.session, till.gateway, charge_id=charge, now=NOW)

    assert till.table(Payment, "kind", "amount_minor", "fee_minor", "net_minor")[1] == ("refund", -200, 0, -200)
    assert till.table(PaidPeriod, "reversed_at") == [(None,)]
    assert standing_of_only_member(till).may_vote


def test_a_refunded_gift_is_reversed_too(till: Till) -> None:
    till.pays("once", 2000)
    ((charge,),) = till.table(Payment, "reference")

    till.stripe.control("refund", id=charge)
    services.sync_charge(till.session, till.gateway, charge_id=charge, now=NOW)

    assert till.table(PaidPeriod, "reversed_at") == [(NOW,)]


def test_what_is_not_ours_is_left_alone(till: Till) -> None:
    client = till.stripe.client()
    price = client.v1.prices.create(
        {"currency": "eur", "unit_amount": 900, "recurring": {"interval": "month"}, "product_data": {"name": "Mugs"}}
    )
    foreign = client.v1.checkout.sessions.create(
        {"mode": "subscription", "line_items": [{"price": price.id, "quantity": 1}], "success_url": "http://localhost/"}
    )
    till.stripe.pay(foreign.url or "")
    subscription_id = client.v1.checkout.sessions.retrieve(foreign.id).subscription
    charge = client.v1.charges.list().data[0].id

    outcomes = [
        till.sync_checkout(foreign.id),
        till.sync(str(subscription_id)),
        services.sync_charge(till.session, till.gateway, charge_id=charge, now=NOW),
    ]

    assert outcomes == ["ignored", "ignored", "ignored"]
    assert [till.table(model, "id") for model in (Member, Payment, PaidPeriod)] == [[], [], []]
    assert till.table(Subscription, "stripe_id") == []


def test_a_subscription_that_is_ours_and_unknown_is_healed(till: Till) -> None:
    opened = till.opens()
    till.stripe.pay(opened.url)
    subscription_id = till.stripe.client().v1.checkout.sessions.retrieve(opened.attempt.stripe_session_id or "").subscription

    assert till.sync(str(subscription_id)) == "written"

    assert standing_of_only_member(till).code == "patron"
    assert till.table(Member, "typed_email") == [("reader@example.org",)]


def claim(till: Till, stripe_id: str) -> int:
    with transaction(till.session):
        return projecting.claim_subscription(till.session, stripe_id) or 0


def write(till: Till, answer: SubscriptionFacts, claim: int) -> str:
    with transaction(till.session):
        return projecting.apply_subscription(till.session, answer, claim=claim, now=NOW)


def test_the_answer_to_an_older_question_never_replaces_a_newer_one(till: Till) -> None:
    """Two workers: the first claims and asks, then sleeps; the second claims, asks and writes; then the first wakes."""
    till.pays()
    stripe_id = till.subscription.stripe_id
    old_claim = claim(till, stripe_id)
    old_answer = till.gateway.fetch_subscription(stripe_id)
    till.stripe.control("cancel", id=stripe_id)
    assert till.sync(stripe_id) == "written"

    assert write(till, old_answer, old_claim) == "overtaken"
    assert till.subscription.status == "canceled"


def test_the_newer_claim_may_also_write_last(till: Till) -> None:
    till.pays()
    stripe_id = till.subscription.stripe_id
    old_claim = claim(till, stripe_id)
    old_answer = till.gateway.fetch_subscription(stripe_id)
    new_claim = claim(till, stripe_id)
    till.stripe.control("cancel", id=stripe_id)
    new_answer = till.gateway.fetch_subscription(stripe_id)

    assert [write(till, old_answer, old_claim), write(till, new_answer, new_claim)] == ["written", "written"]
    assert (till.subscription.status, till.subscription.claim, till.subscription.written) == ("canceled", new_claim, new_claim)


def test_the_answer_about_a_single_payment_is_overtaken_too(till: Till) -> None:
    """Asked before a refund and written after it, an answer would give the time back that the money no longer pays for."""
    session_id = till.pays("once", 2000)
    ((attempt_id, charge),) = till.table(Payment, "attempt_id", "reference")
    with transaction(till.session):
        old_claim = projecting.claim_attempt(till.session, attempt_id)
    old_session, old_charges = till.gateway.fetch_checkout(session_id), [till.gateway.fetch_charge(charge)]
    till.stripe.control("refund", id=charge)
    assert till.sync_checkout(session_id) == "written"

    with transaction(till.session):
        outcome = projecting.apply_checkout(
            till.session, attempt_id, old_session, old_charges, account="", claim=old_claim or 0, now=NOW
        )

    assert outcome == "overtaken"
    assert till.table(PaidPeriod, "reversed_at") == [(NOW,)]


def test_a_comparison_writes_what_it_would_and_takes_it_back(till: Till) -> None:
    """What a reconciler does: the same steps in a transaction of its own, rolled back."""
    till.pays()
    stripe_id = till.subscription.stripe_id
    before = [till.table(model, *columns) for model, columns in WHOLE]
    till.stripe.control("refund", id=stripe_id)
    answer = till.gateway.fetch_subscription(stripe_id)

    with pytest.raises(KeyError), transaction(till.session):
        claimed = projecting.claim_subscription(till.session, stripe_id) or 0
        projecting.apply_subscription(till.session, answer, claim=claimed, now=NOW)
        seen = [period.reversed_at for period in till.session.query(PaidPeriod)]
        raise KeyError

    assert seen == [NOW]
    assert [till.table(model, *columns) for model, columns in WHOLE] == before


def test_a_long_history_costs_no_more_statements(till: Till) -> None:
    till.pays()
    counts, statements = [], []
    event.listen(till.session.get_bind(), "before_cursor_execute", lambda *call: statements.append(call[2]))
    for _ in range(3):
        till.stripe.control("renew", id=till.subscription.stripe_id)
        statements.clear()
        till.hears("invoice.paid")
        counts.append(sum(not statement.startswith("BEGIN") for statement in statements))

    assert counts == [13, 13, 13]


def test_every_id_is_stored_with_its_account(till: Till) -> None:
    till.pays()

    account = till.gateway.account_id()
    assert account.startswith("acct_")
    assert till.table(Subscription, "account") + till.table(StripeCustomer, "account") == [(account,), (account,)]


def test_what_pays_it_is_kept_as_its_owner_knows_it(till: Till) -> None:
    till.pays()

    assert till.table(Subscription, "card_brand", "card_last4", "card_expires") == [("visa", "4242", date(2034, 12, 31))]


def test_a_deleted_account_is_not_made_again_by_a_renewal(till: Till) -> None:
    till.pays()
    stripe_id = till.subscription.stripe_id
    with transaction(till.session):
        till.session.delete(till.session.get_one(Member, till.table(Member, "id")[0][0]))
    till.session.expire_all()

    till.stripe.control("renew", id=stripe_id)
    till.sync(stripe_id)

    assert till.table(Member, "id") == []
    assert till.table(Payment, "member_id") == [(None,), (None,)]


@ON_POSTGRESQL
def test_the_return_page_and_a_webhook_that_both_learn_of_a_subscription_wait_for_each_other_in_turn(
    engine: Engine, till: Till
) -> None:
    opened = till.opens()
    till.stripe.pay(opened.url, email="reader@example.org")
    (subscription,) = till.stripe.client().v1.subscriptions.list().data

    with meeting(engine) as begin:
        with transaction(till.session):
            ledger.lock_attempt(till.session, opened.attempt.id)
            webhook = begin(lambda own: services.sync_subscription(own, till.gateway, stripe_id=subscription.id, now=NOW))
            projecting.remember_subscription(till.session, subscription.id, opened.attempt.id, now=NOW)
        assert webhook.result() == services.WRITTEN
