"""Nobody pays twice: which of two subscriptions ends, that it ends and goes back once, whatever happens in between."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.audit import AuditEntry
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage import queries, services, twins
from membership.patronage.duplicates import Surplus, surplus_of, takes_money
from membership.patronage.gateway import Gateway
from membership.patronage.models import DuplicateSubscription, Payment, RefundOrder, Subscription
from tests.conftest import NOW, SettingsMaker
from tests.credits.test_views import words_of
from tests.factories.accounts import make_member, race
from tests.factories.patronage import subscription
from tests.patronage.conftest import Shop, Till
from tests.patronage.dying import DyingGateway, Killed

DAY = timedelta(days=1)
MONTH = timedelta(days=31)  # from 22 March


def sub(stripe_id: str, status: str = "active", *, days_ago: float, **facts: Any) -> Subscription:
    made = subscription(status, stripe_id=stripe_id, **{k: v for k, v in facts.items() if k != "is_paused"})
    made.created_at = NOW - days_ago * DAY
    made.is_paused = facts.get("is_paused", False)
    return made


FIRST, SECOND = NOW - 20 * DAY, NOW - 10 * DAY
ENDING: dict[str, tuple[list[Subscription], list[Surplus]]] = {
    "one alone stays": ([sub("a", days_ago=20)], []),
    "the later one ends and all of it goes back": ([sub("b", days_ago=10), sub("a", days_ago=20)], [Surplus("b", "a", SECOND)]),
    "of two in one second the id decides": ([sub("b", days_ago=10), sub("a", days_ago=10)], [Surplus("b", "a", SECOND)]),
    "an earlier one that failed makes way, and keeps what was used": (
        [sub("a", "past_due", days_ago=20, past_due_for_days=3), sub("b", days_ago=10)],
        [Surplus("a", "b", NOW - 3 * DAY)],
    ),
    "so does one that was given up": ([sub("a", "unpaid", days_ago=20), sub("b", days_ago=10)], [Surplus("a", "b", NOW)]),
    "so does one that is paused": ([sub("a", days_ago=20, is_paused=True), sub("b", days_ago=10)], [Surplus("a", "b", NOW)]),
    "a later one that failed ends all the same": (
        [sub("a", days_ago=20), sub("b", "past_due", days_ago=10, past_due_for_days=3)],
        [Surplus("b", "a", SECOND)],
    ),
    "of two that failed the newer stays": (
        [sub("a", "past_due", days_ago=20, past_due_for_days=9), sub("b", "past_due", days_ago=10, past_due_for_days=3)],
        [Surplus("a", "b", NOW - 9 * DAY)],
    ),
    "of three one stays": (
        [sub("a", "unpaid", days_ago=20), sub("b", days_ago=10), sub("c", days_ago=5)],
        [Surplus("a", "b", NOW), Surplus("c", "b", NOW - 5 * DAY)],
    ),
    "one that stops with its paid time is no duplicate": ([sub("a", days_ago=20, cancel_in_days=20), sub("b", days_ago=10)], []),
    "one that stops after another bill is": (
        [sub("a", days_ago=20), sub("b", days_ago=10, cancel_in_days=90)],
        [Surplus("b", "a", SECOND)],
    ),
    "one that stops and still collects what failed is": (
        [sub("a", "past_due", days_ago=20, past_due_for_days=3, cancel_in_days=20), sub("b", days_ago=10)],
        [Surplus("a", "b", NOW - 3 * DAY)],
    ),
    "one that is over is none": ([sub("a", "canceled", days_ago=20), sub("b", days_ago=10)], []),
    "one that nobody has paid yet is none": ([sub("a", days_ago=20), sub("b", "incomplete", days_ago=10)], []),
    "an unknown status takes nothing": ([sub("a", days_ago=20), sub("b", "odd", days_ago=10)], []),
}


@pytest.mark.parametrize("case", ENDING)
def test_of_several_subscriptions_one_is_left(case: str) -> None:
    subscriptions, expected = ENDING[case]

    assert surplus_of(subscriptions, paid={s.stripe_id for s in subscriptions}, at=NOW) == expected


def test_an_earlier_one_whose_first_payment_is_on_its_way_makes_way_for_one_that_is_paid() -> None:
    pair = [sub("a", days_ago=20), sub("b", days_ago=10)]

    assert surplus_of(pair, paid={"b"}, at=NOW) == [Surplus("a", "b", FIRST)]
    assert surplus_of(pair, paid=(), at=NOW) == [Surplus("b", "a", SECOND)]


def test_one_that_has_ended_takes_no_money_whatever_its_status() -> None:
    ended = sub("a", days_ago=20)
    ended.ended_at = NOW

    assert not takes_money(ended)


def two_tabs(till: Till, *, browser: bytes = b"t" * 32, amounts: tuple[int, int] = (500, 1000), **who: Any) -> list[str]:
    """Open two checkouts in one browser, then pay both; return the subscriptions' ids, the earlier first."""
    tabs = [till.opens(amount_minor=amount, browser=browser, **who) for amount in amounts]
    paid = []
    for tab in tabs:
        till.stripe.pay(tab.url)
        till.sync_checkout(tab.attempt.stripe_session_id or "")
        paid.append(till.session.scalars(select(Subscription.stripe_id).where(Subscription.attempt_id == tab.attempt.id)).one())
        till.clock.instant += timedelta(seconds=5)
    till.session.commit()
    return paid


def end(till: Till, gateway: Gateway | None = None) -> int:
    return services.end_duplicates(till.session, gateway or till.gateway, now=till.clock.now())


def statuses(till: Till) -> dict[int, str]:
    """What Stripe says of every subscription, by its amount."""
    found = till.stripe.client().v1.subscriptions.list({"status": "all"}).data
    return {s.to_dict()["items"]["data"][0]["price"]["unit_amount"]: s.status for s in found}


def money(till: Till) -> list[tuple[Any, ...]]:
    return till.table(Payment, "kind", "amount_minor")


def test_two_tabs_end_in_one_subscription_and_the_second_goes_back_in_full(till: Till) -> None:
    first, second = two_tabs(till)

    ended = end(till)

    assert ended == 1
    assert statuses(till) == {500: "active", 1000: "canceled"}
    assert money(till) == [("charge", 1000), ("charge", 500), ("refund", -1000)]
    assert till.table(RefundOrder, "cause", "amount_minor", "refused") == [("duplicate", None, "")]
    assert [row for row in till.table(OutboxItem, "kind", "payload") if row[0] == "duplicate_refunded"] == [
        ("duplicate_refunded", {"subscription_id": second, "charges": [till.table(RefundOrder, "charge_reference")[0][0]]})
    ]
    ((member_id,),) = till.table(Member, "id")
    assert queries.standing_of(till.session, member_id, at=till.clock.now()).code == "patron"
    (told,) = twins.ended_duplicates_of(till.session, member_id, at=till.clock.now())
    assert (told.subscription.stripe_id, told.kept.stripe_id, told.is_later, told.amount_minor) == (second, first, True, 1000)


def test_the_reader_is_told_why_by_a_mail_and_on_their_page(shop: Shop) -> None:
    browser = shop.browser()
    tabs = [browser.choose(), browser.choose(amount="1000")]
    back = []
    for tab in tabs:
        back.append(shop.stripe.pay(tab.location))
        shop.clock.instant += timedelta(seconds=5)
    shop.webhooks_arrive()
    kernel = shop.app.extensions["kernel"]
    for job in ("duplicates", "mails"):
        kernel.queue.run(job)

    browser.get(browser.get(back[1]).location)
    page = words_of(browser.get("/account").text)
    mails = [path.read_text() for path in (kernel.settings.state_dir.parent / "mailbox").rglob("*") if path.is_file()]

    assert "You paid twice Two supports were running for you. We ended the second one (€10 a month) on 22 March 2026" in page
    assert "€10 goes back to where it came from; banks take up to ten days." in page
    (mail,) = [mail for mail in mails if "You paid twice" in mail or "paid_twice" in mail]
    assert "Nothing was taken for it" not in mail
    assert len([mail for mail in mails if "10 goes back" in mail or "10_goes" in mail]) <= 1


def test_ending_again_and_again_changes_nothing(till: Till) -> None:
    two_tabs(till)
    end(till)
    whole = [till.table(model, *columns) for model, columns in WHOLE]

    again = [end(till), end(till)]

    assert again == [0, 0]
    assert [till.table(model, *columns) for model, columns in WHOLE] == whole


WHOLE: tuple[tuple[type[Any], tuple[str, ...]], ...] = (
    (Payment, ("reference", "amount_minor")),
    (RefundOrder, ("id", "stripe_refund_id", "done_at")),
    (OutboxItem, ("key",)),
    (DuplicateSubscription, ("subscription_id", "kept_id", "ended_at")),
    (AuditEntry, ("act", "subject_id")),
)


def test_a_single_subscription_is_left_alone(till: Till) -> None:
    till.pays()
    till.pays(browser=b"c" * 32)

    assert end(till) == 0
    assert set(statuses(till).values()) == {"active"}


def test_two_devices_of_who_is_signed_in_end_in_one(till: Till) -> None:
    member = make_member(till.session)
    pair = [till.opens(amount_minor=500, browser=b"1" * 32, member_id=member.id)]
    pair.append(till.opens(amount_minor=1000, browser=b"2" * 32, member_id=member.id))
    for opened in pair:
        till.stripe.pay(opened.url)
        till.sync_checkout(opened.attempt.stripe_session_id or "")
        till.clock.instant += timedelta(minutes=1)

    assert end(till) == 1
    assert statuses(till) == {500: "active", 1000: "canceled"}


def test_one_that_staff_made_at_stripe_beside_a_checkout_ends_too(till: Till) -> None:
    till.pays()
    client, first = till.stripe.client(), till.subscription
    till.clock.instant += timedelta(minutes=5)
    price = client.v1.prices.create(
        {"currency": "eur", "unit_amount": 900, "recurring": {"interval": "month"}, "product_data": {"name": "By hand"}}
    )
    card = client.v1.subscriptions.retrieve(first.stripe_id).default_payment_method
    made = client.v1.subscriptions.create(
        {
            "customer": first.stripe_customer_id or "",
            "default_payment_method": str(card),
            "items": [{"price": price.id}],
            "metadata": {"attempt": str(first.attempt_id)},
        }
    )
    till.sync(made.id)

    assert end(till) == 1
    assert statuses(till) == {500: "active", 900: "canceled"}


def test_somebody_who_stopped_and_starts_anew_keeps_both(till: Till) -> None:
    member = make_member(till.session)
    till.pays(member_id=member.id)
    services.stop_support(till.session, till.gateway, subscription_id=till.subscription.stripe_id, actor_id=member.id, now=NOW)

    till.pays(amount_minor=1000, member_id=member.id)

    assert end(till) == 0
    assert set(statuses(till).values()) == {"active"}


def test_an_earlier_one_that_failed_ends_instead_and_its_open_bill_is_void(till: Till) -> None:
    first, second = two_tabs(till, amounts=(500, 1000))
    till.clock.instant = NOW + MONTH - timedelta(hours=1)
    till.stripe.control("fail", id=first)
    till.sync(first)

    ended = end(till)

    assert ended == 1
    assert statuses(till) == {500: "canceled", 1000: "active"}
    assert "open" not in {invoice.status for invoice in till.stripe.client().v1.invoices.list({"subscription": first}).data}
    assert money(till) == [("charge", 1000), ("charge", 500)]
    (told,) = twins.ended_duplicates_of(till.session, till.table(Member, "id")[0][0], at=till.clock.now())
    assert (told.subscription.stripe_id, told.kept.stripe_id, told.is_later, told.charges) == (first, second, False, ())


def test_a_second_by_bank_is_ended_at_once_and_what_arrives_later_goes_back(till: Till) -> None:
    tabs = [till.opens(amount_minor=amount) for amount in (500, 1000)]
    till.stripe.pay(tabs[0].url)
    till.sync_checkout(tabs[0].attempt.stripe_session_id or "")
    till.clock.instant += timedelta(minutes=1)
    till.stripe.pay_by_bank(tabs[1].url)
    till.sync_checkout(tabs[1].attempt.stripe_session_id or "")
    before = [end(till), statuses(till), money(till)]

    till.stripe.settle(tabs[1].url)
    till.clock.instant += 5 * DAY
    (second,) = [row[0] for row in till.table(DuplicateSubscription, "subscription_id")] or ["none"]
    till.sync(second)
    end(till)

    assert before == [1, {500: "active", 1000: "canceled"}, [("charge", 500)]]
    assert money(till) == [("charge", 1000), ("charge", 500), ("refund", -1000)]
    assert len([kind for (kind,) in till.table(OutboxItem, "kind") if kind == "duplicate_refunded"]) == 2


def test_what_stripe_has_ended_since_leaves_the_other_one_alone(till: Till) -> None:
    """Our projection still says that both run: decided on that alone, the patron would be left with none."""
    first, _second = two_tabs(till)
    till.stripe.control("cancel", id=first)

    assert end(till) == 0
    assert statuses(till) == {500: "canceled", 1000: "active"}


def test_without_stripe_nothing_is_decided_and_everything_waits(till: Till, make_settings: SettingsMaker) -> None:
    two_tabs(till)
    nowhere = Gateway(make_settings(STRIPE_API_BASE="http://127.0.0.1:1"), timeout=1, retries=0)

    assert end(till, nowhere) == 0
    assert till.table(DuplicateSubscription, "subscription_id") == []
    assert end(till) == 1


def dies(till: Till, call: str, *, after: bool) -> bool:
    """Let a worker end duplicates and die on the way; return whether it came that far."""
    try:
        end(till, DyingGateway(till.gateway, call, after))  # type: ignore[arg-type]
    except Killed:
        return True
    return False


def test_workers_that_die_between_any_two_steps_leave_nothing_undone_and_nothing_done_twice(till: Till) -> None:
    """One after the other, each where the next commit would have been, and each after it."""
    two_tabs(till)

    died = [
        dies(till, "fetch_subscription", after=True),
        dies(till, "cancel_now", after=False),  # decided
        dies(till, "cancel_now", after=True),
        dies(till, "void_open_invoices", after=True),
        dies(till, "fetch_subscription", after=True),
        dies(till, "refund", after=False),  # ended, ordered, told
        dies(till, "refund", after=True),
        dies(till, "fetch_subscription", after=False),  # noted
        dies(till, "cancel_now", after=False),
    ]
    till.sync(till.table(DuplicateSubscription, "subscription_id")[0][0])  # as Stripe's event does

    assert died == [True] * 8 + [False]
    assert statuses(till) == {500: "active", 1000: "canceled"}
    assert money(till) == [("charge", 1000), ("charge", 500), ("refund", -1000)]
    assert till.table(RefundOrder, "refused") == [("",)]
    assert [kind for (kind,) in till.table(OutboxItem, "kind") if kind == "duplicate_refunded"] == ["duplicate_refunded"]


def test_two_workers_at_once_end_and_give_back_once(till: Till, engine: Engine) -> None:
    two_tabs(till)

    def work(session: Session) -> int:
        return services.end_duplicates(session, till.gateway, now=till.clock.now())

    ended = race(engine, work, racers=3)
    end(till)

    assert sum(ended) == 1
    assert statuses(till) == {500: "active", 1000: "canceled"}
    assert money(till) == [("charge", 1000), ("charge", 500), ("refund", -1000)]
    assert [kind for (kind,) in till.table(OutboxItem, "kind") if kind == "duplicate_refunded"] == ["duplicate_refunded"]


def test_the_account_of_a_duplicate_that_was_deleted_meanwhile_stops_nothing(till: Till) -> None:
    two_tabs(till)
    assert dies(till, "cancel_now", after=True)
    with transaction(till.session):
        till.session.delete(till.session.get_one(Member, till.table(Member, "id")[0][0]))
    till.session.expire_all()

    end(till)

    assert statuses(till) == {500: "active", 1000: "canceled"}
    assert money(till) == [("charge", 1000), ("charge", 500), ("refund", -1000)]
