"""Nothing is kept longer than is declared: a row of each kind grows old and is deleted or emptied when its time is over."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts import models as accounts
from membership.articles.models import Article
from membership.clock import FixedClock
from membership.data_classes import TABLES
from membership.data_classes import words as w
from membership.db import Base, transaction
from membership.limits import LimitedAct
from membership.outbox import OutboxItem, dead_letters
from membership.patronage import models as patronage
from membership.patronage.jobs import FORGETS_AT_MINUTE
from tests.conftest import NOW
from tests.factories.everything import LATER, make_everything
from tests.factories.patronage import make_plan
from tests.factories.voting import make_round

JOBS = ("forget_proofs", "forget_sessions", "address_changes", "account_closures", "forget_requests", "forget_old")
UNLIMITED = {w.ACCOUNT, w.WORKING_HERE, w.GOOD, w.BOOKS}
HOUR, EXPIRY = timedelta(hours=1), LATER - NOW
DAY, QUARTER, YEAR = timedelta(days=1), timedelta(days=90), timedelta(days=365)

# What is looked at, how long after NOW it is still there, and that it is then gone.
Kept = Callable[[Session], bool]


def rows_of(model: type[Base]) -> Kept:
    return lambda session: session.scalar(select(next(iter(model.__table__.primary_key))).limit(1)) is not None


def any_of(column: object) -> Kept:
    return lambda session: any(value not in (None, "", b"", {}) for value in session.scalars(select(column)))  # type: ignore[call-overload]


LIMITS: dict[str, tuple[timedelta, Kept]] = {
    "sign_in_request": (DAY, rows_of(accounts.SignInRequest)),
    "limited_act": (DAY, rows_of(LimitedAct)),
    "cancel_request": (DAY, rows_of(patronage.CancelRequest)),
    "patreon_import.draft": (DAY, any_of(patronage.PatreonImport.draft)),
    "staff_link": (EXPIRY, rows_of(accounts.StaffLink)),
    "passkey_challenge": (EXPIRY, rows_of(accounts.PasskeyChallenge)),
    "login_session": (EXPIRY + timedelta(days=30), rows_of(accounts.LoginSession)),
    "invitation": (EXPIRY + timedelta(days=30), rows_of(accounts.Invitation)),
    "free_seat_request": (QUARTER, rows_of(patronage.FreeSeatRequest)),
    "outbox_item": (QUARTER, any_of(OutboxItem.member_id)),
    "outbox_item.payload": (QUARTER, any_of(OutboxItem.payload)),
    "checkout_attempt": (QUARTER, lambda session: len(session.scalars(select(patronage.CheckoutAttempt.id)).all()) > 1),
    "checkout_attempt.browser_hash": (QUARTER, any_of(patronage.CheckoutAttempt.browser_hash)),
    "address_change": (timedelta(days=30), rows_of(accounts.AddressChange)),
    "account_closure": (YEAR, rows_of(accounts.AccountClosure)),
    "closure_part": (YEAR, rows_of(accounts.ClosurePart)),
    "stripe_event": (YEAR, rows_of(patronage.StripeEvent)),
    "bank_transfer": (YEAR, any_of(patronage.BankTransfer.payer)),
    "payment": (EXPIRY + YEAR, any_of(patronage.Payment.article_id)),
    "subscription": (EXPIRY + YEAR, any_of(patronage.Subscription.article_id)),
    "checkout_attempt.article_id": (EXPIRY + YEAR, any_of(patronage.CheckoutAttempt.article_id)),
    "transfer_reference": (
        timedelta(days=400),
        lambda session: session.get(patronage.TransferReference, "unused", populate_existing=True) is not None,
    ),
}
# Until something has happened, and no time is named: proved where that happens.
UNTIL_SOMETHING = {"ballot", "ballot_choice", "patreon_import"}


def test_whatever_is_kept_for_a_time_is_proved_to_go() -> None:
    limited = {table for table, groups in TABLES.items() for columns in groups if columns.kept not in UNLIMITED}

    assert limited - UNTIL_SOMETHING == {name.partition(".")[0] for name in LIMITS} - UNTIL_SOMETHING


def test_each_goes_when_its_time_is_over_and_not_before(app: Flask, session: Session, clock: FixedClock) -> None:
    make_one_of_each(session)
    queue = app.extensions["kernel"].queue
    found: dict[str, list[bool]] = {name: [] for name in LIMITS}

    for limit in sorted({limit for limit, _kept in LIMITS.values()}):
        for instant in (NOW + limit - HOUR, NOW + limit + HOUR):
            clock.instant = instant.replace(minute=FORGETS_AT_MINUTE)
            for job in JOBS:
                queue.run(job)
            session.commit()
            for name, (its_limit, kept) in LIMITS.items():
                if its_limit == limit:
                    found[name].append(kept(session))
            session.commit()

    assert found == {name: [True, False] for name in LIMITS}
    assert by_month(session) == [(NOW.date().replace(day=1), "eur", 1, 1, 500)]
    assert len(session.scalars(select(patronage.Payment.id)).all()) == 1
    assert dead_letters(session) == []


def by_month(session: Session) -> list[tuple[object, ...]]:
    month = patronage.ArticleMonth
    return [
        tuple(row)
        for row in session.execute(select(month.month, month.currency, month.supports, month.payments, month.amount_minor))
    ]


def make_one_of_each(session: Session) -> None:
    plan, round_ = make_plan(session), make_round(session, clock=FixedClock(NOW))
    member_id, _made = make_everything(session, "somebody", plan_id=plan.id, round_id=round_.id)
    choice = {"plan_id": plan.id, "interval": "month", "amount_minor": 500, "currency": "eur", "language": "en"}
    with transaction(session):
        session.add(patronage.CheckoutAttempt(id=uuid4(), browser_hash=b"b" * 32, created_at=NOW, **choice))
        session.add(LimitedAct(act="test", who=b"w", at=NOW))
        closure = accounts.AccountClosure(
            member_id=member_id, asked_at=NOW, due_at=NOW, begun_at=NOW, confirmed_at=NOW, done_at=NOW
        )
        session.add(closure)
        session.flush()
        session.add(accounts.ClosurePart(closure_id=closure.id, part="credits", done_at=NOW))
        session.add(patronage.PatreonImport(uploaded_at=NOW, draft=[["1", "a@example.org", ""]]))
        session.add(patronage.TransferReference(reference="unused", email="b@example.org", language="en", created_at=NOW))
        statement = session.scalars(select(patronage.BankImport)).one()
        waiting = {"booked_on": NOW.date(), "amount_minor": 5, "currency": "eur", "payer": "Somebody", "text": "For you"}
        session.add(patronage.BankTransfer(import_id=statement.id, fingerprint="waiting", **waiting))
        event = {"type": "invoice.paid", "created_at": NOW, "received_at": NOW, "livemode": False, "state": "done"}
        session.add(patronage.StripeEvent(stripe_id="evt_1", object_type="invoice", object_id="in_1", **event))
        session.add(OutboxItem(key="dead", kind="x", payload={"a": 1}, created_at=NOW, due_at=NOW, dead_at=NOW))
        assert session.scalar(select(Article.id)) is not None
