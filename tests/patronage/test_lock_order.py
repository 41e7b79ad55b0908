"""Two who write about the same money wait for each other in turn: PostgreSQL never has to end one of them."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from membership.accounts import closures
from membership.accounts.models import AccountClosure, Member
from membership.db import transaction
from membership.errors import NotFound
from membership.patronage import services
from membership.patronage.models import (
    BankTransfer,
    CheckoutAttempt,
    DuplicateSubscription,
    Gift,
    PaidPeriod,
    PatreonImport,
    PatreonMember,
    Payment,
    RefundOrder,
    Subscription,
    TwinNotice,
)
from membership.patronage.patreon_sheet import PatreonRow, PatreonSheet
from membership.patronage.services import ledger, projecting
from membership.patronage.services.gifts import follow_gift_money
from membership.patronage.services.redacting import redact
from membership.patronage.services.twins import JOINED
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_typed_member
from tests.factories.patronage import make_plan
from tests.locking import ON_POSTGRESQL, meet, meeting
from tests.patronage.conftest import Till, table
from tests.patronage.test_duplicates import two_tabs
from tests.patronage.test_gifts import make_paid_gift, redeem
from tests.patronage.test_transfers import imports, reference_of, statement
from tests.patronage.test_twins import notice_of, twins_of

THE_MEMBER = "SELECT FROM member WHERE id = :id FOR UPDATE"


@ON_POSTGRESQL
def test_two_payments_for_time_of_one_member_stack_up(engine: Engine, session: Session) -> None:
    make_plan(session)
    member = make_member(session)

    def pays(reference: str) -> Any:
        money = {"amount_minor": 300, "currency": "eur", "received_at": NOW}
        return lambda own: services.record_contribution(
            own, member_id=member.id, reference=reference, actor_id=None, now=NOW, **money
        )

    # As the row of any payment holds its member.
    both = meet(engine, "SELECT FROM member WHERE id = :id FOR KEY SHARE", {"id": member.id}, pays("a"), pays("b"))

    first, second = sorted(one.result() for one in both)
    assert table(session, PaidPeriod, "starts_at", "ends_at") == [(NOW, first), (first, second)]


@ON_POSTGRESQL
def test_a_transfer_is_put_after_the_bill_that_a_webhook_is_writing(engine: Engine, till: Till) -> None:
    till.pays()
    stripe_id, member_id = till.subscription.stripe_id, till.subscription.member_id
    till.session.commit()
    till.stripe.control("renew", id=stripe_id)
    with transaction(till.session):
        claim = projecting.claim_subscription(till.session, stripe_id) or 0
    facts = till.gateway.fetch_subscription(stripe_id)
    money = {"amount_minor": 300, "currency": "eur", "received_at": NOW, "reference": "a"}

    with meeting(engine) as begin, transaction(till.session):
        projecting.apply_subscription(till.session, facts, claim=claim, now=NOW)
        till.session.flush()
        paid = begin(lambda own: services.record_contribution(own, member_id=member_id, actor_id=None, now=NOW, **money))

    (_, first_end), renewed, (transfer_starts, until) = till.table(PaidPeriod, "starts_at", "ends_at")
    assert (renewed[0], transfer_starts, until) == (first_end, renewed[1], paid.result())


@ON_POSTGRESQL
def test_time_given_once_is_put_after_a_free_seat_that_is_being_granted(engine: Engine, session: Session) -> None:
    member = make_member(session)
    until = NOW + timedelta(days=30)

    def gives(own: Session) -> Any:
        return services.grant_comp(own, member_id=member.id, months=1, reference="a", note="", actor_id=None, now=NOW)

    def grants(own: Session, member_id: int = member.id) -> None:
        seat = {"starts_at": NOW, "ends_at": until, "reference": str(member_id)}
        services.grant_free_seat(own, member_id=member_id, actor_id=None, now=NOW, **seat)

    grants(session, make_member(session, "other@example.org").id)  # with it the audit chain has a head to wait for
    granted, given = meet(engine, "SELECT FROM audit_head FOR UPDATE", {}, grants, gives)

    granted.result()
    own = select(PaidPeriod.starts_at, PaidPeriod.ends_at).where(PaidPeriod.member_id == member.id).order_by(PaidPeriod.starts_at)
    assert list(map(tuple, session.execute(own))) == [(NOW, until), (until, given.result())]


@ON_POSTGRESQL
def test_one_support_too_many_is_found_while_a_webhook_brings_its_bill(engine: Engine, till: Till) -> None:
    _, later = two_tabs(till)
    ((member_id,),) = till.table(Member, "id")

    def hears(own: Session) -> str:
        till.stripe.control("renew", id=later)
        return services.sync_subscription(own, till.gateway, stripe_id=later, now=NOW)

    ended, heard = meet(
        engine, THE_MEMBER, {"id": member_id}, lambda own: services.end_duplicates(own, till.gateway, now=NOW), hears
    )

    assert (ended.result(), heard.result()) == (1, services.WRITTEN)
    assert till.table(DuplicateSubscription, "subscription_id", "ended_at") == [(later, NOW)]


@ON_POSTGRESQL
def test_one_support_too_many_is_found_while_its_owner_joins_another_account(engine: Engine, till: Till) -> None:
    till.pays(browser=b"1" * 32)
    two_tabs(till, browser=b"2" * 32)
    services.notice_twins(till.session, now=till.clock.now())
    later = notice_of(till).member_id
    joins = _joins(till)

    ended, joined = meet(
        engine, THE_MEMBER, {"id": later}, lambda own: services.end_duplicates(own, till.gateway, now=till.clock.now()), joins
    )

    assert (ended.result(), joined.result()) == (1, JOINED)


@ON_POSTGRESQL
def test_a_dry_comparison_locks_as_a_webhook_does(engine: Engine, till: Till) -> None:
    till.pays()
    stripe_id = till.subscription.stripe_id
    till.session.commit()
    services.request_reconcile(till.session, is_applied=False, since=None, requested_by=None, now=NOW)

    with meeting(engine) as begin, transaction(till.session):
        ledger.lock_attempt_of(till.session, stripe_id)
        run = begin(lambda own: services.carry_out_reconcile(own, till.gateway, now=till.clock.now))
        projecting.claim_subscription(till.session, stripe_id)

    assert run.result().error == ""


@ON_POSTGRESQL
def test_a_charge_is_ordered_back_while_its_payer_joins_another_account(engine: Engine, till: Till) -> None:
    earlier, later = twins_of(till)
    services.notice_twins(till.session, now=till.clock.now())
    (charge,) = till.session.scalars(select(Payment.reference).where(Payment.member_id == later))
    joins = _joins(till)

    def orders(own: Session) -> UUID:
        return services.order_refund(own, charge_reference=charge, now=NOW)

    joined, ordered = meet(engine, THE_MEMBER, {"id": later}, joins, orders)

    assert joined.result() == JOINED
    assert till.table(RefundOrder, "id", "member_id") == [(ordered.result(), earlier)]


@ON_POSTGRESQL
def test_a_transfer_is_moved_while_who_had_it_joins_another_account(engine: Engine, till: Till) -> None:
    _, later = twins_of(till)
    services.notice_twins(till.session, now=till.clock.now())
    reference = reference_of(till.session, till.session.get_one(Member, later))
    assert imports(till.session, f"2026-03-20;36,00;EUR;{reference};Ann Payer")[1] == 1
    ((transfer_id,),) = till.table(BankTransfer, "id")
    staff, other = make_member(till.session, "staff@example.org"), make_member(till.session, "other@example.org")
    joins = _joins(till)

    def moves(own: Session) -> Any:
        return services.move_transfer(own, transfer_id=transfer_id, member_id=other.id, actor_id=staff.id, now=NOW)

    joined, _ = both = meet(engine, THE_MEMBER, {"id": later}, joins, moves)

    assert [one.exception() for one in both] == [None, None]
    assert joined.result() == JOINED
    assert till.table(BankTransfer, "member_id") == [(other.id,)]


@ON_POSTGRESQL
def test_a_gift_is_paid_back_while_who_has_redeemed_it_joins_another_account(engine: Engine, till: Till) -> None:
    earlier, later = twins_of(till)
    services.notice_twins(till.session, now=till.clock.now())
    attempt_id, code = make_paid_gift(till.session)
    redeem(till.session, code, later)
    joins = _joins(till)

    with meeting(engine) as begin, transaction(till.session):
        follow_gift_money(till.session, attempt_id=attempt_id, reversed_at=NOW, disputed_at=None)
        joined = begin(joins)

    assert joined.result() == JOINED
    assert till.table(Gift, "redeemed_by", "reversed_at") == [(earlier, NOW)]
    gifts = select(PaidPeriod.member_id, PaidPeriod.reversed_at).where(PaidPeriod.source == "gift")
    assert list(map(tuple, till.session.execute(gifts))) == [(earlier, NOW)]


@ON_POSTGRESQL
def test_charges_are_ordered_back_in_the_order_in_which_a_webhook_writes_them(engine: Engine, till: Till) -> None:
    till.pays()
    stripe_id = till.subscription.stripe_id
    till.session.commit()
    till.stripe.control("renew", id=stripe_id)
    till.sync(stripe_id)
    attempt_id = till.subscription.attempt_id
    till.session.commit()
    first, second = sorted(till.session.scalars(select(Payment.id)))
    with transaction(till.session):  # what Stripe lists first is not what was paid first
        till.session.execute(update(Payment).where(Payment.id == second).values(occurred_at=NOW - timedelta(days=1)))
    a_payment = select(Payment).with_for_update()

    with meeting(engine) as begin, transaction(till.session):
        till.session.execute(a_payment.where(Payment.id == first)).all()
        withdrawn = begin(lambda own: services.withdraw(own, till.gateway, attempt_id=attempt_id, now=NOW))
        till.session.execute(a_payment.where(Payment.id == second)).all()

    withdrawn.result()
    assert len(till.table(RefundOrder, "id")) == 2


@ON_POSTGRESQL
def test_old_tries_are_forgotten_in_the_order_in_which_links_are_revoked(engine: Engine, session: Session) -> None:
    plan, member = make_plan(session), make_member(session)
    low, high = sorted((uuid4(), uuid4()))
    for attempt_id in (high, low):
        with transaction(session):
            session.add(
                CheckoutAttempt(
                    id=attempt_id, plan_id=plan.id, interval="month", amount_minor=500, currency="eur", language="en",
                    member_id=member.id, browser_hash=b"b" * 32, created_at=NOW - timedelta(days=91), completed_at=NOW,
                )
            )  # fmt: skip

    with meeting(engine) as begin, transaction(session):
        ledger.lock_attempt(session, low)
        forgotten = begin(lambda own: services.forget_attempts(own, now=NOW))
        ledger.lock_attempt(session, high)

    assert forgotten.result() == 2


@ON_POSTGRESQL
def test_a_question_about_an_account_is_answered_while_the_account_is_emptied(engine: Engine, till: Till) -> None:
    _, later = twins_of(till)
    services.notice_twins(till.session, now=till.clock.now())
    joins = _joins(till)
    till.stripe.control("cancel", id=_subscription_of(till, later))
    till.sync(_subscription_of(till, later))
    with transaction(till.session):
        till.session.add(AccountClosure(member_id=later, asked_at=NOW, due_at=NOW, begun_at=NOW, confirmed_at=NOW))
        till.session.execute(update(Member).where(Member.id == later).values(typed_email=None, closed_at=NOW))
    attempt = "SELECT FROM checkout_attempt WHERE member_id = :id FOR UPDATE"

    emptied, answered = meet(
        engine, attempt, {"id": later}, lambda own: services.redact_closed(own, till.gateway, now=till.clock.now()), joins
    )

    assert emptied.result() == 1
    assert closures.closures_without(till.session, "money") == []
    assert isinstance(answered.exception(), NotFound)
    assert till.table(TwinNotice, "member_id") == []


@ON_POSTGRESQL
def test_a_buyer_who_redeemed_their_own_gift_is_forgotten_while_its_money_goes_back(engine: Engine, session: Session) -> None:
    attempt_id, code = make_paid_gift(session)
    member = make_member(session, "buyer@example.org")
    redeem(session, code, member.id)

    def forgets(own: Session) -> None:
        with transaction(own):
            redact(own, member.id, mailbox="buyer@example.org")

    with meeting(engine) as begin, transaction(session):
        ledger.lock_attempt(session, attempt_id)
        forgotten = begin(forgets)
        follow_gift_money(session, attempt_id=attempt_id, reversed_at=NOW, disputed_at=None)

    assert forgotten.exception() is None
    assert table(session, Gift, "redeemed_by", "reversed_at") == [(None, NOW)]


@ON_POSTGRESQL
def test_two_questions_of_which_one_is_about_the_others_account_are_answered_at_once(engine: Engine, session: Session) -> None:
    owner, middle, latest = make_member(session), *(make_typed_member(session, "reader@example.org") for _ in range(2))
    keys = [uuid4(), uuid4()]
    with transaction(session):
        for key, later, earlier in zip(keys, (middle, latest), (owner, middle), strict=True):
            session.add(TwinNotice(key=key, member_id=later.id, earlier_member_id=earlier.id, noticed_at=NOW))

    def joins(key: UUID) -> Any:
        return lambda own: services.decide_twin(own, key=key, decision=JOINED, now=NOW)

    both = meet(engine, THE_MEMBER, {"id": middle.id}, *map(joins, keys))

    assert [one.result() for one in both] == [JOINED, JOINED]
    assert table(session, TwinNotice, "member_id", "earlier_member_id") == [(middle.id, owner.id), (latest.id, owner.id)]


@ON_POSTGRESQL
def test_a_patreon_list_is_applied_while_one_on_it_joins_another_one_on_it(engine: Engine, till: Till) -> None:
    earlier, later = twins_of(till)
    services.notice_twins(till.session, now=till.clock.now())
    staff = make_member(till.session, "staff@example.org")
    until = NOW + timedelta(days=60)
    with transaction(till.session):
        made = PatreonImport(uploaded_by=staff.id, uploaded_at=NOW, applied_at=NOW)
        till.session.add(made)
        till.session.flush()
        for number, member_id in (("100", later), ("200", earlier)):
            till.session.add(PatreonMember(patreon_id=number, member_id=member_id, paid_until=NOW, last_import_id=made.id))
    rows = (PatreonRow("100", "", until), PatreonRow("200", "", until))
    list_id = services.upload_patreon(till.session, sheet=PatreonSheet(rows, 0, ()), actor_id=staff.id, now=NOW)

    joined, applied = meet(
        engine,
        THE_MEMBER,
        {"id": earlier},
        _joins(till),
        lambda own: services.apply_patreon(own, import_id=list_id, actor_id=staff.id, now=till.clock.now()),
    )

    assert (joined.result(), applied.result().prolonged) == (JOINED, 2)
    given = select(PaidPeriod.member_id).where(PaidPeriod.source == "patreon")
    assert list(till.session.scalars(given)) == [earlier, earlier]


@ON_POSTGRESQL
def test_a_statement_books_for_its_members_in_the_order_in_which_others_lock_two(engine: Engine, session: Session) -> None:
    make_plan(session)
    first, second = make_member(session, "first@example.org"), make_member(session, "second@example.org")
    references = {member.id: reference_of(session, member) for member in (first, second)}
    imports(session, f"2026-03-10;3,00;EUR;{references[first.id]};Ann Payer")
    ((transfer_id,),) = table(session, BankTransfer, "id")
    days = {second.id: date(2026, 3, 11), first.id: date(2026, 3, 12)}
    lines = (f"{on};3,00;EUR;{references[member_id]};Ann Payer" for member_id, on in days.items())
    read = statement(*lines)

    def moves(own: Session) -> Any:
        return services.move_transfer(own, transfer_id=transfer_id, member_id=second.id, actor_id=first.id, now=NOW)

    both = meet(
        engine,
        THE_MEMBER,
        {"id": first.id},
        moves,
        lambda own: services.import_statement(own, statement=read, actor_id=None, now=NOW),
    )

    assert [one.exception() for one in both] == [None, None]
    assert [row[0] for row in table(session, BankTransfer, "member_id")] == [first.id, second.id, second.id]


@ON_POSTGRESQL
def test_two_statements_with_new_addresses_in_another_order_wait_for_each_other_in_turn(engine: Engine, session: Session) -> None:
    make_plan(session)
    references = [reference_of(session, email=f"{name}@example.org") for name in "ab"]
    texts = [statement(f"2026-03-{10 + n};3,00;EUR;{ref};A", f"2026-03-{11 + n};3,00;EUR;{other};B") for n, (ref, other) in
             enumerate((references, references[::-1]))]  # fmt: skip
    advisory = "SELECT pg_advisory_xact_lock(hashtextextended('a@example.org', 0))"

    def imported(number: int) -> Any:
        return lambda own: services.import_statement(own, statement=texts[number], actor_id=None, now=NOW)

    both = meet(engine, advisory, {}, imported(0), imported(1))

    assert [one.exception() for one in both] == [None, None]
    assert len(table(session, Member, "id")) == 2


def _joins(till: Till) -> Any:
    key, now = notice_of(till).key, till.clock.now()
    till.session.commit()
    return lambda own: services.decide_twin(own, key=key, decision=JOINED, now=now)


def _subscription_of(till: Till, member_id: int) -> str:
    found = till.session.scalars(select(Subscription.stripe_id).where(Subscription.member_id == member_id)).one()
    till.session.commit()
    return found
