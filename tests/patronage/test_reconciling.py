"""What our tables believe is compared with what Stripe says: shown first, mended when asked, and repeatable."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from membership.db import Base, make_engine, transaction
from membership.errors import Conflict
from membership.outbox import OutboxItem
from membership.patronage import services
from membership.patronage.drift import picture_of_everything
from membership.patronage.gateway import Gateway
from membership.patronage.models import Payment, ReconcileRun, Subscription
from tests.conftest import SettingsMaker, make_sessions
from tests.factories.accounts import make_member
from tests.patronage.conftest import Till

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def run(till: Till, *, is_applied: bool, days_back: int | None = None) -> ReconcileRun:
    """Ask for a comparison and carry it out."""
    now = till.clock.now()
    since = None if days_back is None else now - days_back * DAY
    services.request_reconcile(till.session, is_applied=is_applied, since=since, requested_by=None, now=now)
    done = services.carry_out_reconcile(till.session, till.gateway, now=till.clock.now)
    assert done is not None
    return done


def fields(done: ReconcileRun) -> set[tuple[str, str]]:
    """Return the columns in which a run found a difference."""
    return {(found["what"], found["field"]) for found in done.drift}


def a_day_without_webhooks(till: Till) -> str:
    """Somebody joins and is known; then a renewal, a refund of it and a single payment of which we hear nothing."""
    till.pays()
    stripe_id = till.subscription.stripe_id
    till.session.commit()
    till.stripe.control("renew", id=stripe_id)
    till.stripe.control("refund", id=stripe_id)
    till.stripe.pay(till.opens("once", 2000, browser=b"c" * 32).url, email="other@example.org")
    return stripe_id


def picture(till: Till) -> object:
    """Return all rows about money."""
    found = picture_of_everything(till.session)
    till.session.commit()
    return found


@pytest.mark.parametrize("days_back", [None, 1])
def test_a_day_of_dropped_webhooks_is_shown_then_mended_then_equal(till: Till, days_back: int | None) -> None:
    a_day_without_webhooks(till)
    before = picture(till)

    looked = run(till, is_applied=False, days_back=days_back)
    assert picture(till) == before
    mended = run(till, is_applied=True, days_back=days_back)
    again = run(till, is_applied=True, days_back=days_back)

    assert fields(looked) == fields(mended)
    assert len(looked.drift) == len(mended.drift)
    assert {("payment", "row"), ("paid_period", "row"), ("checkout_attempt", "paid_at")} <= fields(mended)
    assert (again.drift, again.error, again.checked, again.total) == ([], "", 2, 2)
    kinds = till.table(Payment, "kind", "amount_minor")
    assert kinds == [("charge", 2000), ("charge", 500), ("charge", 500), ("refund", -500)]


def test_looking_sends_no_mail(till: Till) -> None:
    a_day_without_webhooks(till)
    before = till.table(OutboxItem, "key")

    run(till, is_applied=False)

    assert till.table(OutboxItem, "key") == before


def test_a_subscription_that_carries_our_metadata_and_is_unknown_is_healed(till: Till) -> None:
    opened = till.opens()
    till.stripe.pay(opened.url)
    assert till.table(Subscription, "stripe_id") == []

    assert ("subscription", "row") in fields(run(till, is_applied=True))
    assert [status for (status,) in till.table(Subscription, "status")] == ["active"]


def test_what_is_gone_at_stripe_is_said_and_left(till: Till) -> None:
    till.pays()
    with transaction(till.session):
        till.session.add(Subscription(stripe_id="sub_gone", status="active", created_at=till.clock.now(), written=1, claim=1))

    assert {"what": "subscription", "id": "sub_gone", "field": "row", "ours": "there", "stripes": "missing"} in run(
        till, is_applied=True
    ).drift


def test_stripe_away_ends_the_run_with_a_word_and_the_next_one_goes_on(till: Till, make_settings: SettingsMaker) -> None:
    a_day_without_webhooks(till)
    nowhere = Gateway(make_settings(STRIPE_API_BASE="http://127.0.0.1:1"), timeout=1, retries=0)
    services.request_reconcile(till.session, is_applied=True, since=None, requested_by=None, now=till.clock.now())

    failed = services.carry_out_reconcile(till.session, nowhere, now=till.clock.now)

    assert failed is not None
    assert "can’t be reached" in failed.error
    assert run(till, is_applied=True).error == ""


def test_one_at_a_time_and_a_run_whose_worker_died_is_taken_up(till: Till) -> None:
    now = till.clock.now()
    run_id = services.request_reconcile(till.session, is_applied=False, since=None, requested_by=None, now=now)
    with pytest.raises(Conflict, match="under way"):
        services.request_reconcile(till.session, is_applied=False, since=None, requested_by=None, now=now)
    with transaction(till.session):
        till.session.execute(update(ReconcileRun).values(started_at=now, seen_alive_at=now))

    assert services.carry_out_reconcile(till.session, till.gateway, now=lambda: now + timedelta(minutes=9)) is None
    taken = services.carry_out_reconcile(till.session, till.gateway, now=lambda: now + timedelta(minutes=11))
    assert taken is not None
    assert taken.id == run_id


def test_each_night_what_happened_since_and_once_a_week_everything(till: Till) -> None:
    start = till.clock.now()
    asked: list[tuple[int, int | None]] = []
    for half_days in range(18):
        till.clock.instant = start + half_days * DAY / 2
        if services.request_nightly(till.session, now=till.clock.now()):
            done = services.carry_out_reconcile(till.session, till.gateway, now=till.clock.now)
            assert done is not None
            asked.append((half_days // 2, done.since and (till.clock.now() - done.since) // DAY))

    assert asked == [(0, None), *((day, 3) for day in range(1, 8)), (8, None)]


def test_a_database_rebuilt_from_stripe_and_our_own_acts_is_equal_or_it_is_said_where_not(till: Till, tmp_path: Path) -> None:
    stripe_id = a_day_without_webhooks(till)
    till.sync(stripe_id)
    till.pays("once", 900, email="third@example.org", browser=b"d" * 32)
    run(till, is_applied=True)
    member = make_member(till.session, "seat@example.org")
    give_time(till, member.id)

    assert rebuilt(till, tmp_path / "equal.db") == []

    with transaction(till.session):
        till.session.execute(update(Payment).where(Payment.amount_minor == 900).values(fee_minor=0, net_minor=900))
    found = rebuilt(till, tmp_path / "tampered.db")
    assert [(one.what, one.field, one.ours) for one in found] == [("payment", "fee_minor", "0"), ("payment", "net_minor", "900")]


def test_nothing_is_rebuilt_into_a_database_that_is_in_use(till: Till) -> None:
    till.pays()

    with pytest.raises(Conflict, match="not empty"):
        services.rebuild(till.session, till.session, till.gateway, now=till.clock.now)


def give_time(till: Till, member_id: int) -> None:
    """A free seat and a bank transfer: acts of our own."""
    now = till.clock.now()
    seat = {"starts_at": now, "ends_at": now + 30 * DAY, "reference": "seat", "actor_id": None, "now": now}
    services.grant_free_seat(till.session, member_id=member_id, **seat)
    transfer = {"amount_minor": 900, "currency": "eur", "reference": "KR-1", "received_at": now, "actor_id": None, "now": now}
    services.record_contribution(till.session, member_id=member_id, **transfer)


def rebuilt(till: Till, path: Path) -> list[object]:
    """Rebuild into a database of its own and return the differences; its mails are done."""
    engine = make_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with make_sessions(engine)() as target:
        found = services.rebuild(till.session, target, till.gateway, now=till.clock.now)
        assert target.scalars(select(OutboxItem.id).where(OutboxItem.done_at.is_(None))).all() == []
    engine.dispose()
    return list(found)
