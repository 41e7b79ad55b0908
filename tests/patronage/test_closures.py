"""An account is deleted: Stripe ends what runs and forgets the payer first; the books stay under a number, whatever comes late."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select, update

from membership.accounts import services
from membership.accounts.models import Member
from membership.articles.models import Article
from membership.audit import AuditEntry
from membership.db import Base, make_engine, transaction
from membership.errors import Conflict
from membership.patronage import queries
from membership.patronage.delayed import has_payment_with_bank
from membership.patronage.entitlement import Standing
from membership.patronage.models import CheckoutAttempt, Gift, MemberNote, PaidPeriod, Payment, StripeCustomer, Subscription
from membership.patronage.people import Wanted, find_people
from membership.patronage.services import confirm_closures, rebuild, redact_closed, use_paid_checkout, write_note
from membership.patronage.services.closures import TRY_AGAIN_AFTER
from membership.staff.queries import Desk, desk
from tests.conftest import NOW, make_sessions
from tests.factories.accounts import make_member, make_staff
from tests.factories.articles import make_article
from tests.factories.closures import Sweep, closure_of
from tests.patronage.conftest import Till
from tests.patronage.dying import DyingGateway, Killed

DAY = timedelta(hours=24)


@pytest.fixture
def sweep(till: Till, engine: Engine, tmp_path: Path) -> Sweep:
    """The jobs that delete accounts, with the till's Stripe."""
    return Sweep(make_sessions(engine), till.gateway, till.clock, tmp_path / "keys")


@pytest.fixture
def payer(till: Till) -> int:
    """Somebody who pays each month and asked, a day ago, to be deleted."""
    till.pays(email="payer@example.org")
    ((member_id,),) = till.table(Member, "id")
    services.ask_closure(till.session, member_id=member_id, now=till.clock.now())
    till.clock.instant += DAY
    return int(member_id)


def at_stripe(till: Till) -> tuple[list[str], list[bool]]:
    """The subscriptions' states, and which customers are deleted."""
    client = till.stripe.client()
    subscriptions = [row.status for row in client.v1.subscriptions.list({"status": "all"}).data]
    customers = {row.stripe_customer_id for row in till.session.scalars(select(Subscription))}
    till.session.commit()
    return subscriptions, [till.gateway.is_customer_deleted(customer or "") for customer in customers]


def test_what_runs_is_ended_and_the_customer_deleted_and_the_books_stay(till: Till, sweep: Sweep, payer: int) -> None:
    sweep.run(times=4)

    assert at_stripe(till) == (["canceled"], [True])
    assert closure_of(till.session, payer).done_at is not None
    assert till.table(Subscription, "member_id", "status", "card_brand", "card_last4", "card_expires") == [
        (payer, "canceled", "", "", None)
    ]
    assert till.table(StripeCustomer, "stripe_id") == []
    assert till.table(Payment, "member_id", "amount_minor") == [(payer, 500)]
    assert till.table(PaidPeriod, "member_id", "source") == [(payer, "subscription")]
    assert till.table(Member, "id", "email", "typed_email") == [(payer, None, None)]


def test_nothing_is_noted_about_who_is_deleted(till: Till, sweep: Sweep, payer: int) -> None:
    staff = make_staff(till.session, "treasurer")
    sweep.run(times=4)

    with pytest.raises(Conflict, match="was deleted"):
        write_note(till.session, member_id=payer, text="Olena called", author_id=staff.id, now=till.clock.now())
    assert till.table(MemberNote, "id") == []


def test_who_is_deleted_has_no_vote_though_time_was_paid_for(till: Till, sweep: Sweep, payer: int) -> None:
    before = queries.patron_ids(till.session, at=till.clock.now())
    till.session.commit()
    sweep.run(times=4)
    now = till.clock.now()

    assert (before, queries.patron_ids(till.session, at=now)) == ([payer], [])
    assert queries.standing_of(till.session, payer, at=now) == Standing(False, "closed")
    assert [line.standing.code for line in find_people(till.session, Wanted(state="closed"), at=now).lines] == ["closed"]


def test_without_stripe_nothing_is_deleted_and_everybody_is_told_once(till: Till, sweep: Sweep, payer: int) -> None:
    till.stripe.chaos(server_error={"rate": 1, "retry": False})
    sweep.run(times=3, then=timedelta(minutes=11))
    held_up, seen = closure_of(till.session, payer), tasks(till)

    assert (held_up.held_up_at, held_up.confirmed_at) == (NOW + DAY, None)
    assert (seen.held_up_closures, seen.is_quiet) == (1, False)
    assert [letter.template for letter in sweep.sent] == ["closure_asked", "closure_held_up"]
    assert till.table(Member, "typed_email", "closed_at") == [("payer@example.org", None)]
    assert till.table(Subscription, "status") == [("active",)]
    assert list(till.session.scalars(select(AuditEntry.act).where(AuditEntry.act == "account.closure_held_up"))) != []

    till.stripe.calm()
    sweep.run(times=6, then=timedelta(minutes=11))

    assert (closure_of(till.session, payer).done_at is not None, at_stripe(till)) == (True, (["canceled"], [True]))
    assert tasks(till).held_up_closures == 0
    assert [letter.template for letter in sweep.sent] == ["closure_asked", "closure_held_up", "closed"]


def tasks(till: Till) -> Desk:
    found = desk(till.session, at=till.clock.now(), zone=ZoneInfo("Europe/Kyiv"))
    till.session.commit()
    return found


def test_it_is_not_asked_for_every_minute(till: Till, sweep: Sweep, payer: int) -> None:
    till.stripe.chaos(server_error={"rate": 1, "retry": False})
    sweep.run()
    till.stripe.calm()
    sweep.run()
    assert closure_of(till.session, payer).confirmed_at is None
    till.clock.instant += timedelta(minutes=10)
    sweep.run()

    assert closure_of(till.session, payer).confirmed_at is not None


def test_a_subscription_that_stripe_does_not_end_holds_it_up(till: Till, payer: int, sweep: Sweep) -> None:
    class Stubborn(DyingGateway):
        """A Stripe that says yes and goes on."""

        def __getattr__(self, name: str) -> Any:
            return (lambda _id: None) if name == self.call else getattr(self.gateway, name)

    sweep.gateway = Stubborn(till.gateway, "cancel_now", after=False)  # type: ignore[assignment]
    sweep.run()

    assert closure_of(till.session, payer).held_up_at is not None
    assert at_stripe(till) == (["active"], [False])


@pytest.mark.parametrize(("call", "after"), [("cancel_now", True), ("fetch_subscription", False), ("delete_customer", True)])
def test_a_worker_that_dies_leaves_nothing_half_done(till: Till, sweep: Sweep, payer: int, call: str, after: bool) -> None:
    sweep.gateway = DyingGateway(till.gateway, call, after)  # type: ignore[assignment]
    with pytest.raises(Killed):
        sweep.run()
    assert till.table(Member, "typed_email") == [("payer@example.org",)]
    sweep.gateway = till.gateway
    till.clock.instant += timedelta(minutes=11)
    sweep.run(times=4)

    assert (closure_of(till.session, payer).done_at is not None, at_stripe(till)) == (True, (["canceled"], [True]))
    assert [letter.template for letter in sweep.sent] == ["closure_asked", "closed"]


def test_what_comes_late_brings_nobody_back(till: Till, sweep: Sweep, payer: int) -> None:
    sweep.run(times=4)
    before = [till.table(model, "id") for model in (Member, Payment, PaidPeriod)]
    late = ("invoice.paid", "customer.subscription.deleted", "customer.deleted", "checkout.session.completed", "charge.updated")
    client = till.stripe.client()
    sent = [type_ for type_ in late if client.v1.events.list({"type": type_, "limit": 1}).data]

    said = {till.hears(type_) for type_ in sent}

    assert (said <= {"written", "ignored", "overtaken"}, len(sent) >= 4) == (True, True)
    assert [till.table(model, "id") for model in (Member, Payment, PaidPeriod)] == before
    assert till.table(Member, "email", "typed_email", "display_name") == [(None, None, "")]
    assert till.table(Subscription, "card_brand", "card_last4", "open_invoice_url") == [("", "", None)]
    assert till.table(StripeCustomer, "stripe_id") == []
    sweep.run()
    assert [letter.template for letter in sweep.sent] == ["closure_asked", "closed"]


def test_who_has_a_page_of_stripes_open_pays_as_a_newcomer_or_not_at_all(till: Till, sweep: Sweep) -> None:
    member = make_member(till.session)
    opened = till.opens(member_id=member.id)
    services.ask_closure(till.session, member_id=member.id, now=NOW)
    till.clock.instant += timedelta(hours=22)
    reopened = till.opens("once", 2000, member_id=member.id, browser=b"c" * 32)
    till.clock.instant += timedelta(hours=2)
    sweep.run(times=4)

    states = [till.gateway.fetch_checkout(each.attempt.stripe_session_id or "").status for each in (opened, reopened)]
    assert states == ["expired", "expired"]
    assert till.table(CheckoutAttempt, "member_id") == [(None,), (None,)]


def test_nothing_is_sold_to_an_account_that_is_being_deleted(till: Till, payer: int) -> None:
    services.begin_due_closures(till.session, now=till.clock.now())

    with pytest.raises(Conflict, match="is being deleted"):
        till.opens("once", 2000, member_id=payer)


def test_what_was_paid_in_the_last_moment_does_not_run_on_for_nobody(till: Till, sweep: Sweep, payer: int) -> None:
    sweep.run()  # Stripe has confirmed
    services.shut_accounts(till.session, now=till.clock.now())
    opened = till.opens(browser=b"d" * 32)
    till.stripe.pay(opened.url)
    till.sync_checkout(opened.attempt.stripe_session_id or "")
    for model in (CheckoutAttempt, Subscription, StripeCustomer):  # as when two memberships of one person are joined
        till.session.execute(update(model).values(member_id=payer))
    till.session.commit()

    assert redact_closed(till.session, till.gateway, now=till.clock.now()) == 1
    assert at_stripe(till) == (["canceled", "canceled"], [True, True])


def test_a_first_payment_that_is_with_a_bank_does_not_begin_a_support_for_nobody(till: Till, sweep: Sweep) -> None:
    till.stripe.control("first-debit", then="incomplete")
    member = make_member(till.session)
    debited(till, "month", 500, member_id=member.id)
    assert till.table(Subscription, "member_id", "status") == [(None, "incomplete")]
    asks(till, member.id)

    sweep.run(times=4)

    assert at_stripe(till) == (["incomplete_expired"], [True])
    assert till.table(Subscription, "status", "card_brand", "card_last4") == [("incomplete_expired", "", "")]
    assert closure_of(till.session, member.id).done_at is not None


def asks(till: Till, member_id: int) -> None:
    """Ask to be deleted, and let the day pass."""
    services.ask_closure(till.session, member_id=member_id, now=till.clock.now())
    till.clock.instant += DAY


def debited(till: Till, interval: str = "once", amount_minor: int = 2000, **who: Any) -> str:
    """Pay by a bank that takes days; return where."""
    opened = till.opens(interval, amount_minor, **who)
    till.stripe.pay_by_bank(opened.url)
    till.hears("checkout.session.completed")
    return opened.url


@pytest.mark.parametrize("succeeded", [True, False])
@pytest.mark.parametrize(("interval", "purpose"), [("once", "membership"), ("month", "membership"), ("once", "seats")])
def test_a_payment_that_is_with_the_bank_is_waited_for(
    till: Till, sweep: Sweep, interval: str, purpose: str, succeeded: bool
) -> None:
    member = make_member(till.session)
    url = debited(till, interval, member_id=member.id, purpose=purpose)
    asks(till, member.id)

    sweep.run(times=3, then=timedelta(minutes=11))
    waiting = closure_of(till.session, member.id)
    assert (waiting.held_up_at is not None, waiting.confirmed_at) == (True, None)
    assert has_payment_with_bank(till.session, member.id, mailbox=member.email)
    assert [letter.template for letter in sweep.sent] == ["closure_asked", "closure_held_up"]
    assert till.table(Member, "id", "email") == [(member.id, "reader@example.org")]

    till.stripe.settle(url, succeeded=succeeded)  # and no event of it reaches us
    sweep.run(times=4, then=timedelta(minutes=11))

    assert closure_of(till.session, member.id).done_at is not None
    assert till.table(Payment, "amount_minor") == [(2000,)] * succeeded
    assert set(at_stripe(till)[0]) <= {"canceled"}


def test_a_renewal_that_is_with_the_bank_is_waited_for(till: Till, sweep: Sweep) -> None:
    member = make_member(till.session)
    till.stripe.settle(debited(till, "month", 500, member_id=member.id))
    stripe_id = till.subscription.stripe_id
    till.stripe.control("renew", id=stripe_id)
    till.sync(stripe_id)
    asks(till, member.id)

    sweep.run(times=2, then=timedelta(minutes=11))
    assert (closure_of(till.session, member.id).confirmed_at, at_stripe(till)) == (None, (["canceled"], [False]))
    assert has_payment_with_bank(till.session, member.id, mailbox=None)
    till.stripe.settle(stripe_id)
    sweep.run(times=4, then=timedelta(minutes=11))

    assert closure_of(till.session, member.id).done_at is not None
    assert till.table(Payment, "amount_minor") == [(500,), (500,)]


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_gift_that_is_with_the_bank_still_gets_its_code(till: Till, sweep: Sweep, signed_in: bool) -> None:
    member = make_member(till.session)
    url = debited(till, member_id=member.id if signed_in else None, purpose="gift")
    asks(till, member.id)

    sweep.run(times=3, then=timedelta(minutes=11))
    assert till.table(CheckoutAttempt, "buyer_email") == [("reader@example.org",)]
    till.stripe.settle(url)
    till.hears("checkout.session.async_payment_succeeded")

    assert (len(till.table(Gift, "id")), "gift" in till.mails) == (1, True)


@pytest.mark.parametrize("model", [Subscription, StripeCustomer])
def test_what_runs_in_another_account_of_ours_at_stripe_is_never_taken_for_ended(
    till: Till, sweep: Sweep, payer: int, model: type[Base]
) -> None:
    old = {"account": "acct_before", "stripe_id": "gone", "member_id": payer, "created_at": NOW}
    with transaction(till.session):
        till.session.add(model(**old, **({"status": "active"} if model is Subscription else {})))

    sweep.run(times=3, then=timedelta(minutes=11))

    found = closure_of(till.session, payer)
    assert (found.held_up_at is not None, found.confirmed_at) == (True, None)
    assert till.table(Member, "typed_email") == [("payer@example.org",)]


class Poisoned(DyingGateway):
    """A gateway that one of two accounts breaks, with an error that is nobody's refusal."""

    def __init__(self, gateway: Any, customer_id: str) -> None:
        super().__init__(gateway, "delete_customer", after=False)
        self.customer_id = customer_id

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.gateway, name)

        def check(customer_id: str) -> Any:
            if customer_id == self.customer_id:
                raise ValueError("poison")
            return method(customer_id)

        return check if name == self.call else method


@pytest.fixture
def two(till: Till) -> tuple[int, int]:
    """Two payers who asked to be deleted."""
    for number in range(2):
        till.pays(email=f"payer{number}@example.org", browser=bytes([number]) * 32)
    first, second = sorted(member_id for (member_id,) in till.table(Member, "id"))
    for member_id in (first, second):
        services.ask_closure(till.session, member_id=member_id, now=till.clock.now())
    till.clock.instant += DAY
    services.begin_due_closures(till.session, now=till.clock.now())
    return first, second


def poisoned(till: Till, member_id: int) -> Any:
    own = select(StripeCustomer.stripe_id).where(StripeCustomer.member_id == member_id)
    customer_id = till.session.scalars(own).one()
    till.session.commit()
    return Poisoned(till.gateway, customer_id)


def test_one_that_breaks_does_not_stop_those_behind_it_from_being_confirmed(till: Till, two: tuple[int, int]) -> None:
    assert confirm_closures(till.session, poisoned(till, two[0]), now=till.clock.now()) == 1

    first, second = (closure_of(till.session, member_id) for member_id in two)
    assert (first.held_up_at is not None, first.confirmed_at, second.confirmed_at is not None) == (True, None, True)


def test_one_that_breaks_does_not_stop_those_behind_it_from_being_redacted(till: Till, two: tuple[int, int]) -> None:
    gateway = poisoned(till, two[0])
    confirm_closures(till.session, till.gateway, now=till.clock.now())
    services.shut_accounts(till.session, now=till.clock.now())

    assert redact_closed(till.session, gateway, now=till.clock.now()) == 1
    first, second = (closure_of(till.session, member_id) for member_id in two)
    assert (first.held_up_at is not None, second.held_up_at, tasks(till).held_up_closures) == (True, None, 1)
    assert till.table(StripeCustomer, "member_id") == [(two[0],)]
    assert redact_closed(till.session, till.gateway, now=till.clock.now()) == 0  # not every minute
    till.clock.instant += TRY_AGAIN_AFTER + timedelta(seconds=1)
    assert redact_closed(till.session, till.gateway, now=till.clock.now()) == 1
    assert tasks(till).held_up_closures == 0


def test_of_who_paid_at_patreon_no_period_says_the_number_there(till: Till, sweep: Sweep) -> None:
    leaving, staying = make_member(till.session), make_member(till.session, "staying@example.org")
    with transaction(till.session):
        for patreon_id, member in (("100", leaving), ("101", staying)):
            times = {"starts_at": NOW, "ends_at": NOW + DAY}
            till.session.add(PaidPeriod(member_id=member.id, source="patreon", reference=f"{patreon_id}:2026-04-22", **times))
    services.ask_closure(till.session, member_id=leaving.id, now=NOW)
    till.clock.instant += DAY
    sweep.run(times=4)

    found = dict(till.table(PaidPeriod, "member_id", "reference"))
    assert (found[leaving.id].startswith("closed:"), found[staying.id]) == (True, "101:2026-04-22")


def test_two_attempts_whose_browsers_were_forgotten_are_not_one_persons(till: Till) -> None:
    first, second = till.opens(browser=b"1" * 32), till.opens(amount_minor=1000, browser=b"2" * 32)
    till.session.execute(update(CheckoutAttempt).values(browser_hash=b""))
    till.session.commit()
    for opened in (first, second):
        till.stripe.pay(opened.url)
        till.sync_checkout(opened.attempt.stripe_session_id or "")

    assert len({member_id for (member_id,) in till.table(CheckoutAttempt, "member_id")}) == 2


def test_another_payment_in_the_same_browser_is_no_longer_theirs(till: Till, sweep: Sweep, payer: int) -> None:
    second = till.opens("once", 2000)  # begun in the same browser before it was deleted
    sweep.run(times=4)
    till.stripe.pay(second.url, email="somebody@example.org")
    till.sync_checkout(second.attempt.stripe_session_id or "")

    owners = dict(till.table(Payment, "amount_minor", "member_id"))
    assert (owners[500], owners[2000] not in (payer, None)) == (payer, True)
    assert (
        use_paid_checkout(till.session, attempt_id=second.attempt.id, browser_hash=b"b" * 32, now=till.clock.now()) == owners[2000]
    )


def test_the_browser_that_paid_is_signed_in_to_no_deleted_account(till: Till, sweep: Sweep, payer: int) -> None:
    ((attempt_id,),) = till.table(CheckoutAttempt, "id")
    sweep.run(times=4)

    assert use_paid_checkout(till.session, attempt_id=attempt_id, browser_hash=b"b" * 32, now=NOW) is None


def test_which_article_brought_them_is_only_a_number_of_its_month(till: Till, sweep: Sweep) -> None:
    article = make_article(till.session)
    till.pays(article_id=article.id)
    ((member_id,),) = till.table(Member, "id")
    services.ask_closure(till.session, member_id=member_id, now=NOW)
    till.clock.instant += DAY
    sweep.run(times=4)

    assert [till.table(model, "article_id") for model in (CheckoutAttempt, Subscription, Payment)] == [[(None,)]] * 3
    assert till.session.scalar(select(Article.id)) == article.id


def test_a_rebuilt_database_knows_as_little_of_them(till: Till, sweep: Sweep, payer: int, tmp_path: Path) -> None:
    sweep.run(times=4)
    engine = make_engine(f"sqlite:///{tmp_path / 'rebuilt.db'}")
    Base.metadata.create_all(engine)
    with make_sessions(engine)() as target:
        assert rebuild(till.session, target, till.gateway, now=till.clock.now) == []
    engine.dispose()
