"""Reminders: each payer once, also late, and nobody whom it does not concern any more."""

from datetime import date, timedelta

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage import services
from membership.patronage.models import DuplicateSubscription, StripeClosure, Subscription
from tests.conftest import NOW
from tests.factories.accounts import make_member
from tests.factories.patronage import store, subscription
from tests.patronage.conftest import ON_SQLITE
from tests.patronage.test_money_letters import mail, prepared

DAY = timedelta(days=1)


def renews(session: Session, *, interval: str = "year", stripe_id: str = "sub_1", days: float = 10, **more: object) -> Subscription:
    """Store somebody's support that renews in so many days."""
    member = make_member(session, f"{stripe_id}@example.org")
    row = subscription("active", stripe_id=stripe_id, member_id=member.id, period_ends_in_days=days, **more)
    row.interval = interval
    store(session, row)
    return row


def told(session: Session) -> list[tuple[str, str]]:
    rows = session.execute(select(OutboxItem.kind, OutboxItem.key).order_by(OutboxItem.id)).all()
    return [(row.kind, row.key) for row in rows]


def test_while_stripe_is_closed_nobody_is_told(session: Session) -> None:
    renews(session)
    with transaction(session):
        session.add(StripeClosure(closed_at=NOW, reason="", place=1))

    assert (services.remind(session, now=NOW), told(session)) == (0, [])


def test_a_duplicate_that_ends_is_not_announced(session: Session) -> None:
    kept, second = renews(session), renews(session, stripe_id="sub_2", days=12)
    with transaction(session):
        ending = DuplicateSubscription(subscription_id=second.stripe_id, kept_id=kept.stripe_id, refunds_from=NOW, found_at=NOW)
        session.add(ending)

    services.remind(session, now=NOW)

    assert told(session) == [("renewal_reminder", "renewal:sub_1:2026-04-01")]


def test_each_is_told_once_and_next_year_again(session: Session) -> None:
    row = renews(session, card_expires=date(2026, 3, 31))  # its mail says that of the card too
    renews(session, interval="month", stripe_id="sub_2", card_expires=date(2026, 3, 31), card_last4="4242")

    runs = [services.remind(session, now=NOW + days * DAY) for days in (-5, 0, 1, 9)]
    with transaction(session):
        row.current_period_end = NOW + 375 * DAY
        row.card_expires = None
    runs += [services.remind(session, now=NOW + 374 * DAY)]

    assert runs == [0, 2, 0, 0, 1]
    assert told(session) == [
        ("renewal_reminder", "renewal:sub_1:2026-04-01"),
        ("card_expires", "card-expires:sub_2:4242:2026-03-31"),
        ("renewal_reminder", "renewal:sub_1:2027-04-01"),
    ]


@ON_SQLITE
def test_what_has_changed_since_is_not_told(app: Flask, session: Session) -> None:
    row = renews(session)
    services.remind(session, now=NOW)
    payload = session.scalars(select(OutboxItem.payload)).one()

    with transaction(session):
        row.cancel_at = row.current_period_end
    stopped = prepared(app, session, "renewal_reminder", payload)
    with transaction(session):
        row.cancel_at, row.current_period_end = None, NOW + 375 * DAY
    paid = prepared(app, session, "renewal_reminder", payload)

    assert (stopped, paid) == (None, None)


@ON_SQLITE
def test_the_mails_name_amount_day_card_and_the_ways_out(app: Flask, session: Session) -> None:
    card = {"card_brand": "visa", "card_last4": "4242", "card_expires": date(2026, 3, 31)}
    renews(session, **card)
    renews(session, interval="month", stripe_id="sub_2", **card)
    services.remind(session, now=NOW)
    year, month = (mail(app, session, item.kind, item.payload) for item in session.scalars(select(OutboxItem)))

    assert year[0] == "Your year ends soon: €5 on 1 April 2026"
    assert "€5 is taken on Wednesday 1 April 2026, 15:00 in Kyiv." in year[1]
    assert "Paid from: Visa that ends in 4242" in year[1]
    assert "That card expires before: it is valid until March 2026." in year[1]
    assert month[0] == "Your card expires before the next payment"
    assert "€5 is due on Wednesday 1 April 2026, 15:00 in Kyiv. Your card is valid until March 2026 only" in month[1]
