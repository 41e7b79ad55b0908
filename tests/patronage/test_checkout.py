"""Starting to pay: one open session per choice, whatever is clicked and however often."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.errors import Conflict, Unavailable
from membership.patronage import queries, services
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt, Gift, PaidPeriod, Payment, Plan, StripeClosure
from membership.patronage.services.checkout import AlreadyPaid, AlreadyPatron, NotOffered, PaymentsClosed
from tests.conftest import NOW, SettingsMaker, make_sessions
from tests.factories.accounts import make_member, race
from tests.factories.patronage import make_plan
from tests.patronage.conftest import Till

URLS = {"success_url": "http://localhost/back", "cancel_url": "http://localhost/"}


def sessions_at_stripe(till: Till) -> int:
    return len(till.stripe.client().v1.checkout.sessions.list().data)


def test_less_than_the_lowest_amount_is_refused_before_anything_is_written(till: Till) -> None:
    with pytest.raises(Conflict):
        till.opens("month", 299)

    assert till.table(CheckoutAttempt, "id") == []


def test_the_same_choice_of_the_same_browser_is_the_same_session(till: Till) -> None:
    first, second = till.opens(), till.opens()

    assert (first.url, first.attempt.id) == (second.url, second.attempt.id)
    assert sessions_at_stripe(till) == 1


@pytest.mark.parametrize(
    "other",
    [{"amount_minor": 1000}, {"interval": "year", "amount_minor": 3000}, {"browser": b"c" * 32}],
    ids=["another amount", "another interval", "another browser"],
)
def test_another_choice_is_another_session(till: Till, other: dict[str, object]) -> None:
    first, second = till.opens(), till.opens(**other)  # type: ignore[arg-type]

    assert first.attempt.id != second.attempt.id
    assert sessions_at_stripe(till) == 2


def test_two_clicks_at_once_open_one_session(till: Till, engine: Engine) -> None:
    urls: list[str] = []

    def click() -> None:
        with make_sessions(engine)() as session:
            urls.append(Till(session, till.gateway, till.stripe, till.clock).opens().url)

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(urls) == 4
    assert len(set(urls)) == 1
    assert len(till.table(CheckoutAttempt, "id")) == 1
    assert sessions_at_stripe(till) == 1


def test_a_choice_paid_in_another_tab_is_not_sold_again(till: Till) -> None:
    opened = till.opens()
    till.stripe.pay(opened.url)

    with pytest.raises(AlreadyPaid) as refused:
        till.opens()

    assert refused.value.attempt.id == opened.attempt.id
    assert sessions_at_stripe(till) == 1


def test_after_a_payment_the_same_choice_is_a_new_one(till: Till) -> None:
    till.pays("once", 2000)

    till.opens("once", 2000)

    assert sessions_at_stripe(till) == 2


def test_a_day_later_the_choice_gets_a_new_session(till: Till) -> None:
    first = till.opens()
    till.clock.instant = NOW + timedelta(hours=24)

    second = till.opens()

    assert first.attempt.id != second.attempt.id


@pytest.mark.parametrize("interval", ["month", "year"])
def test_who_has_a_running_subscription_is_not_sold_another(till: Till, interval: str) -> None:
    member = make_member(till.session)
    till.pays(member_id=member.id)

    with pytest.raises(AlreadyPatron):
        till.opens(interval, 5000, member_id=member.id)

    assert sessions_at_stripe(till) == 1


def test_a_known_customer_keeps_their_customer_at_stripe(till: Till) -> None:
    member = make_member(till.session)
    till.pays(member_id=member.id)

    opened = till.opens("once", 2000, member_id=member.id)

    found = till.stripe.client().v1.checkout.sessions.retrieve(opened.attempt.stripe_session_id or "")
    assert found.customer == queries.find_customer_of(till.session, member.id)


def test_stripe_down_keeps_the_attempt_and_the_next_try_goes_on_with_it(till: Till, make_settings: SettingsMaker) -> None:
    real = till.gateway
    till.gateway = Gateway(make_settings(STRIPE_API_BASE="http://127.0.0.1:1"), timeout=1, retries=0)
    with pytest.raises(Unavailable):
        till.opens()
    (kept,) = till.table(CheckoutAttempt, "id", "stripe_session_id")

    till.gateway = real
    opened = till.opens()

    assert kept == (opened.attempt.id, None)
    assert len(till.table(CheckoutAttempt, "id")) == 1


def test_an_answer_lost_on_the_way_opens_no_second_session(till: Till) -> None:
    """Stripe made the session, we crashed before we wrote its address: the same key brings the same session back."""
    attempt_id = till.opens().attempt.id
    attempt = till.session.get_one(CheckoutAttempt, attempt_id)
    attempt.stripe_session_id = attempt.stripe_session_url = None
    till.session.commit()

    till.opens()

    assert sessions_at_stripe(till) == 1


@pytest.mark.parametrize("purpose", ["membership", "gift", "seats"])
def test_while_stripe_is_closed_nothing_is_sold(till: Till, purpose: str) -> None:
    with transaction(till.session):
        till.session.add(StripeClosure(closed_at=NOW, reason="closed", place=1))

    with pytest.raises(PaymentsClosed):
        till.opens("once", 2000, purpose=purpose)

    assert till.table(CheckoutAttempt, "id") == []


def test_a_plan_that_was_retired_meanwhile_is_not_sold(till: Till) -> None:
    plan = queries.default_plan(till.session)
    make_plan(till.session, key="other")
    services.retire_plan(till.session, key="main", now=NOW)
    choice = services.Choice(plan, "month", 500, "en", b"b" * 32, None, None)

    with pytest.raises(NotOffered):
        services.start_checkout(till.session, till.gateway, choice=choice, now=NOW, **URLS)

    assert till.table(CheckoutAttempt, "id") == []


def test_a_gift_of_the_same_amount_is_another_choice(till: Till) -> None:
    assert till.opens("once", 2000).attempt.id != till.opens("once", 2000, purpose="gift").attempt.id


def test_a_patron_may_give_to_somebody_else(till: Till) -> None:
    member = make_member(till.session)
    till.pays(member_id=member.id)

    assert till.opens("once", 900, purpose="gift", member_id=member.id).url


def test_a_customer_deleted_at_stripe_pays_like_a_stranger(till: Till) -> None:
    member = make_member(till.session)
    till.pays(member_id=member.id)
    customer_id = queries.find_customer_of(till.session, member.id)
    till.stripe.client().v1.customers.delete(customer_id or "")

    opened = till.opens("once", 2000, member_id=member.id)

    found = till.stripe.client().v1.checkout.sessions.retrieve(opened.attempt.stripe_session_id or "")
    assert (found.customer, found.client_reference_id) == (None, str(opened.attempt.id))


def test_product_and_price_are_made_once(till: Till) -> None:
    for browser in (b"a" * 32, b"b" * 32):
        till.opens(browser=browser)

    client = till.stripe.client()
    assert [(p.id, p.name, p.statement_descriptor) for p in client.v1.products.list().data] == [
        ("membership_main", "Support", "TEST GAZETTE")
    ]
    assert [(p.lookup_key, p.unit_amount) for p in client.v1.prices.list().data] == [("membership-main-month-eur-500", 500)]


def test_an_amount_of_ones_own_chosen_by_many_at_once_ends_in_one_price(till: Till, engine: Engine) -> None:
    till.opens()  # the product is there

    def choose(own: Session) -> str:
        plan = queries.default_plan(own)
        return services.find_price(own, till.gateway, plan=plan, interval="month", amount_minor=777)

    found = race(engine, choose, racers=4)

    client = till.stripe.client()
    assert len(set(found)) == 1
    assert [p.id for p in client.v1.prices.list().data if p.unit_amount == 777] == [found[0]]


def test_a_price_put_away_by_hand_is_made_anew(till: Till) -> None:
    till.opens()
    client = till.stripe.client()
    client.v1.prices.update(client.v1.prices.list().data[0].id, {"active": False})

    opened = till.opens(browser=b"c" * 32)

    assert opened.url
    assert [(p.active, p.lookup_key) for p in client.v1.prices.list().data] == [
        (True, "membership-main-month-eur-500"),
        (False, None),
    ]


def test_a_lookup_key_moved_by_hand_to_another_amount_is_not_believed(till: Till) -> None:
    till.opens()
    client = till.stripe.client()
    wrong = client.v1.prices.create(
        {
            "product": "membership_main",
            "currency": "eur",
            "unit_amount": 50_000,
            "recurring": {"interval": "month"},
            "lookup_key": "membership-main-month-eur-500",
            "transfer_lookup_key": True,
        }
    )

    opened = till.opens(browser=b"c" * 32)

    found = client.v1.checkout.sessions.retrieve(opened.attempt.stripe_session_id or "")
    assert found.amount_total == 500
    assert client.v1.prices.retrieve(wrong.id).lookup_key is None


def test_keys_of_another_account_find_no_product_and_make_it(till: Till) -> None:
    with transaction(till.session):
        queries.default_plan(till.session).stripe_product_id = "membership_main"

    opened = till.opens()

    assert opened.url
    assert till.table(Plan, "stripe_product_id") == [("membership_main",)]


@pytest.mark.parametrize(
    ("descriptor", "suffix"),
    [("TEST GAZETTE", None), ("Test Gazette", None), ("SOMETHING ELSE", "TEST GAZETTE")],
    ids=["the account says it", "in other letters", "the account says something else"],
)
def test_a_single_payment_adds_our_name_where_the_account_does_not_say_it(till: Till, descriptor: str, suffix: str | None) -> None:
    till.stripe.control("statement-descriptor", text=descriptor)

    till.pays("once", 2000)

    (intent,) = till.stripe.client().v1.payment_intents.list().data
    assert (intent.statement_descriptor, intent.statement_descriptor_suffix) == (None, suffix)


@pytest.mark.parametrize("purpose", ["membership", "gift"])
def test_a_zero_decimal_currency_goes_the_whole_way_in_whole_units(till: Till, purpose: str) -> None:
    plan = services.ensure_plan(
        till.session,
        key="tokyo",
        name="Support",
        currency="jpy",
        minimums={"month": 500, "year": 5000, "once": 500},
        presets={"month": (500, 800, 1600), "year": (5000, 8000, 16000), "once": (1600, 3200, 8000)},
        now=NOW,
    )
    choice = services.Choice(plan, "once", 1777, "en", b"j" * 32, None, None, purpose)

    opened = services.start_checkout(till.session, till.gateway, choice=choice, now=NOW, **URLS)
    till.stripe.pay(opened.url)
    till.sync_checkout(opened.attempt.stripe_session_id or "")

    found = till.stripe.client().v1.checkout.sessions.retrieve(opened.attempt.stripe_session_id or "")
    assert (found.amount_total, found.currency) == (1777, "jpy")
    assert till.table(Payment, "amount_minor", "currency") == [(1777, "jpy")]
    if purpose == "gift":
        assert till.table(Gift, "months") == [(3,)]
    else:
        assert till.table(PaidPeriod, "ends_at") == [(NOW.replace(month=6),)]


def test_who_has_paused_or_owes_a_payment_is_told_that_and_sold_no_second_one(till: Till) -> None:
    member = make_member(till.session)
    till.pays(member_id=member.id)
    stripe_id = till.subscription.stripe_id
    till.stripe.control("pause", id=stripe_id)
    till.sync(stripe_id)
    with pytest.raises(AlreadyPatron, match="Your support is paused"):
        till.opens(amount_minor=1000, member_id=member.id)

    till.stripe.control("resume", id=stripe_id)
    till.clock.instant = NOW + timedelta(days=31)
    till.stripe.control("fail", id=stripe_id)
    till.sync(stripe_id)
    with pytest.raises(AlreadyPatron, match="A payment for your support needs your attention"):
        till.opens(amount_minor=1000, member_id=member.id)

    till.clock.instant += timedelta(days=15)  # its grace is over: a new one takes its place
    assert till.opens(amount_minor=1000, member_id=member.id).url
