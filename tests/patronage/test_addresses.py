"""Stripe hears of a changed address, once, and until it has heard."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.accounts.services import correct_typed_address
from membership.db import transaction
from membership.errors import Unavailable
from membership.patronage import services
from membership.patronage.gateway import Gateway
from membership.patronage.models import StripeCustomer, TwinNotice
from tests.conftest import NOW, SECRET_KEY, SettingsMaker, make_sessions
from tests.factories.accounts import make_member
from tests.patronage.conftest import Shop, Till

MINUTE = timedelta(minutes=1)


def correct(till: Till, address: str) -> None:
    """The only unproved member corrects what was typed."""
    member_id = till.session.scalars(select(Member.id).where(Member.email.is_(None))).one()
    correct_typed_address(till.session, member_id=member_id, new_email=address, secret_key=SECRET_KEY, now=till.clock.now())


def at_stripe(till: Till) -> list[str | None]:
    found = till.stripe.client().v1.customers.list().data
    return [customer.email for customer in found]


def push(till: Till) -> int:
    return services.push_addresses(till.session, till.gateway)


def heard_at(till: Till) -> object:
    return till.table(StripeCustomer, "address_pushed_at")


def test_without_a_change_nothing_is_told(till: Till) -> None:
    till.pays()

    assert (push(till), at_stripe(till), heard_at(till)) == (0, ["reader@example.org"], [(None,)])


def test_a_changed_address_is_told_once(till: Till) -> None:
    till.pays()
    correct(till, "right@example.org")

    assert (push(till), push(till)) == (1, 0)
    assert (at_stripe(till), heard_at(till)) == (["right@example.org"], [(NOW,)])


def test_each_change_is_told_also_back_to_what_it_was(till: Till) -> None:
    till.pays()
    for address in ("right@example.org", "reader@example.org", "right@example.org"):
        till.clock.instant += MINUTE
        correct(till, address)
        assert push(till) == 1
        assert at_stripe(till) == [address]


def test_while_stripe_does_not_answer_it_waits(till: Till, make_settings: SettingsMaker) -> None:
    till.pays()
    correct(till, "right@example.org")
    nowhere = Gateway(make_settings(STRIPE_API_BASE="http://127.0.0.1:1"), timeout=1, retries=0)

    assert services.push_addresses(till.session, nowhere) == 0
    assert heard_at(till) == [(None,)]
    assert (push(till), at_stripe(till)) == (1, ["right@example.org"])


def test_a_customer_that_is_deleted_is_left_alone_whether_we_know_it_or_not(till: Till) -> None:
    till.pays()
    correct(till, "right@example.org")
    till.stripe.client().v1.customers.delete(till.subscription.stripe_customer_id or "")

    assert (push(till), push(till)) == (1, 0)  # asked, refused, and not asked for ever

    till.clock.instant += MINUTE
    till.hears("customer.deleted")
    correct(till, "other@example.org")
    assert push(till) == 0


class Picky(Gateway):
    """A gateway behind which Stripe always fails for one customer."""

    fails_for = ""

    def update_customer_email(self, customer_id: str, email: str, *, key: str) -> None:
        if customer_id == self.fails_for:
            raise Unavailable("Payments can’t be reached just now.")
        super().update_customer_email(customer_id, email, key=key)


def test_one_customer_whom_stripe_can_not_change_stops_none_behind_it(till: Till, make_settings: SettingsMaker) -> None:
    for number, browser in enumerate((b"1" * 32, b"2" * 32), 1):
        till.pays(email=f"old{number}@example.org", browser=browser)
    for number, member_id in enumerate(till.session.scalars(select(Member.id).order_by(Member.id)).all(), 1):
        till.clock.instant += MINUTE
        new = f"new{number}@example.org"
        correct_typed_address(till.session, member_id=member_id, new_email=new, secret_key=SECRET_KEY, now=till.clock.now())
    first = till.session.scalars(select(StripeCustomer.stripe_id).order_by(StripeCustomer.member_id)).first()
    picky = Picky(make_settings(STRIPE_API_BASE=till.stripe.url))
    picky.fails_for = first or ""

    assert [services.push_addresses(till.session, picky) for _ in range(2)] == [1, 0]
    assert set(at_stripe(till)) == {"old1@example.org", "new2@example.org"}
    assert (push(till), set(at_stripe(till))) == (1, {"new1@example.org", "new2@example.org"})


class Busy(Gateway):
    """A gateway whose key somebody else has just used."""

    def update_customer_email(self, customer_id: str, email: str, *, key: str) -> None:
        self._stripe.v1.customers.update(customer_id, {"name": "other"}, {"idempotency_key": key})
        super().update_customer_email(customer_id, email, key=key)


def test_a_key_that_is_in_use_is_not_taken_for_an_answer(till: Till, make_settings: SettingsMaker) -> None:
    till.pays()
    correct(till, "right@example.org")

    assert services.push_addresses(till.session, Busy(make_settings(STRIPE_API_BASE=till.stripe.url))) == 0
    assert (at_stripe(till), heard_at(till)) == (["reader@example.org"], [(None,)])


class Overtaken(Gateway):
    """A gateway whose first call arrives at Stripe after all that another worker does meanwhile."""

    def meanwhile(self, till: Till) -> "Overtaken":
        self.till: Till | None = till
        return self

    def update_customer_email(self, customer_id: str, email: str, *, key: str) -> None:
        till, self.till = self.till, None
        if till is not None:
            till.clock.instant += MINUTE
            with make_sessions(till.session.get_bind())() as other:  # type: ignore[arg-type]
                fresh = Till(other, till.gateway, till.stripe, till.clock)
                correct(fresh, "newest@example.org")
                push(fresh)
        super().update_customer_email(customer_id, email, key=key)


def test_a_worker_that_is_overtaken_does_not_leave_the_older_address_there(till: Till, make_settings: SettingsMaker) -> None:
    till.pays()
    correct(till, "right@example.org")
    slow = Overtaken(make_settings(STRIPE_API_BASE=till.stripe.url)).meanwhile(till)

    services.push_addresses(till.session, slow)

    assert at_stripe(till) == ["right@example.org"]
    assert (push(till), at_stripe(till), push(till)) == (1, ["newest@example.org"], 0)


# Whose mailbox is asked, after somebody has corrected what they typed.


def notices(session: Session) -> list[tuple[int, int, str | None]]:
    rows = session.scalars(select(TwinNotice).execution_options(populate_existing=True))
    found = [(row.member_id, row.earlier_member_id, row.decision) for row in rows]
    session.commit()
    return found


def test_a_corrected_address_that_somebody_has_is_asked_about_anew_and_the_first_mailbox_has_no_say(till: Till) -> None:
    first, second = make_member(till.session), make_member(till.session, "second@example.org")
    till.pays(email="reader@example.org")
    services.notice_twins(till.session, now=till.clock.now())
    payer = till.session.scalars(select(Member.id).where(Member.email.is_(None))).one()
    assert notices(till.session) == [(payer, first.id, None)]
    key = till.session.scalars(select(TwinNotice.key)).one()

    till.clock.instant += MINUTE
    correct(till, "second@example.org")

    refused = said(till, key)
    till.clock.instant += MINUTE
    asked = [services.notice_twins(till.session, now=till.clock.now()) for _ in range(2)]
    assert (refused, asked, notices(till.session)) == ("Conflict", [1, 0], [(payer, second.id, None)])
    assert said(till, key) == "NotFound"


def test_an_older_membership_that_takes_a_newer_ones_address_is_the_one_that_is_asked_about(till: Till) -> None:
    till.pays(email="other@example.org")
    older = till.session.scalars(select(Member.id)).one()
    till.clock.instant += MINUTE
    till.pays(email="reader@example.org", browser=b"n" * 32)
    newer = till.session.scalars(select(Member.id).where(Member.id != older)).one()
    till.clock.instant += MINUTE
    correct_typed_address(
        till.session, member_id=older, new_email="reader@example.org", secret_key=SECRET_KEY, now=till.clock.now()
    )

    assert [services.notice_twins(till.session, now=till.clock.now() + MINUTE) for _ in range(2)] == [1, 0]
    assert notices(till.session) == [(older, newer, None)]


def test_who_has_said_not_me_is_asked_again_only_about_another_correction(till: Till) -> None:
    owner = make_member(till.session)
    till.pays(email="reader@example.org")
    services.notice_twins(till.session, now=till.clock.now())
    services.decide_twin(till.session, key=till.session.scalars(select(TwinNotice.key)).one(), decision="not_me", now=NOW)
    assert services.notice_twins(till.session, now=NOW) == 0

    till.clock.instant += MINUTE
    correct(till, "reader@example.org")
    till.clock.instant += MINUTE

    assert services.notice_twins(till.session, now=till.clock.now()) == 1
    payer = till.session.scalars(select(Member.id).where(Member.email.is_(None))).one()
    assert notices(till.session) == [(payer, owner.id, None)]


def said(till: Till, key: object) -> str:
    try:
        services.decide_twin(till.session, key=key, decision="joined", now=till.clock.now())  # type: ignore[arg-type]
    except Exception as refused:
        till.session.rollback()
        return type(refused).__name__
    return "joined"


def test_a_closed_account_is_told_of_no_more(till: Till) -> None:
    till.pays()
    correct(till, "right@example.org")
    with transaction(till.session):
        till.session.scalars(select(Member)).one().typed_email = None

    assert push(till) == 0


# In a browser: who has paid sees what they typed, corrects it, and Stripe hears of it.


def test_who_has_paid_sees_the_address_corrects_it_and_stripe_hears_of_it(shop: Shop) -> None:
    browser = shop.browser()
    welcome = browser.get(browser.get(shop.stripe.pay(browser.choose().location, email="raeder@example.org")).location).text

    corrected = browser.post("/account/address", {"email": "reader@example.org"})
    shop.app.extensions["kernel"].queue.run("addresses")

    assert "raeder@example.org" in welcome
    assert 'href="/account/address"' in welcome
    assert (corrected.status_code, shop.rows(Member, "email", "typed_email")) == (303, [(None, "reader@example.org")])
    assert [customer.email for customer in shop.stripe.client().v1.customers.list().data] == ["reader@example.org"]
