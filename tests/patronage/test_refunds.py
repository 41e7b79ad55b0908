"""Money goes back by our order: once, never more than there was, and whatever Stripe says is known."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.audit import AuditEntry
from membership.db import transaction
from membership.errors import Conflict, NotFound
from membership.patronage import queries, refundable, services
from membership.patronage.gateway import Gateway
from membership.patronage.models import PaidPeriod, Payment, RefundOrder
from membership.patronage.refundable import RefundTrouble
from membership.patronage.services import refunds
from tests.conftest import NOW, SettingsMaker
from tests.factories.accounts import make_staff, race
from tests.patronage.conftest import Till
from tests.patronage.dying import DyingGateway, Killed


def charge_of(till: Till) -> str:
    return till.session.scalars(select(Payment.reference).where(Payment.kind == "charge")).one()


def order(till: Till, amount_minor: int | None = None, **more: Any) -> Any:
    values = {"charge_reference": charge_of(till), "now": till.clock.now()} | more
    return services.order_refund(till.session, amount_minor=amount_minor, **values)


def carry_out(till: Till, gateway: Gateway | None = None) -> int:
    return services.carry_out_refunds(till.session, gateway or till.gateway, now=till.clock.now())


def orders(till: Till) -> list[tuple[Any, ...]]:
    return till.table(RefundOrder, "amount_minor", "refused", "done_at")


def left(till: Till) -> int:
    charge = till.session.scalars(select(Payment).where(Payment.kind == "charge").execution_options(populate_existing=True)).one()
    found = refundable.left_of(till.session, charge)
    till.session.commit()
    return found


def note(till: Till) -> None:
    treasurer = make_staff(till.session, "treasurer")
    ((member_id,),) = till.table(Payment, "member_id")[:1]
    till.clock.instant += timedelta(minutes=1)
    services.write_note(till.session, member_id=member_id, text="Sent by bank", author_id=treasurer.id, now=till.clock.now())


def test_more_than_is_left_or_nothing_at_all_is_refused(till: Till) -> None:
    till.pays()

    for amount in (501, 0, -1, 10**15):
        with pytest.raises(Conflict, match="more than is left"):
            order(till, amount)
    assert orders(till) == []


def test_what_was_ordered_already_is_not_left(till: Till) -> None:
    till.pays()
    order(till, 200)

    with pytest.raises(Conflict, match="more than is left"):
        order(till, 301)
    order(till)
    with pytest.raises(Conflict, match="Nothing is left"):
        order(till)

    assert [amount for amount, *_ in orders(till)] == [200, 300]


def test_what_is_no_card_payment_is_refused(till: Till) -> None:
    till.pays()

    for reference in ("ch_unknown", "", "ch_" + "x" * 5000):
        with pytest.raises(NotFound):
            order(till, charge_reference=reference)


def test_a_payment_that_its_payers_bank_asks_for_is_not_given_back_twice(till: Till) -> None:
    till.pays()
    till.stripe.control("dispute", id=charge_of(till))
    services.sync_charge(till.session, till.gateway, charge_id=charge_of(till), now=NOW)

    with pytest.raises(Conflict, match="bank asks for this payment back"):
        order(till)


def test_the_same_button_pressed_twice_gives_back_once(till: Till) -> None:
    till.pays()
    key = uuid4()

    pressed = [order(till, 200, order_id=key), order(till, 200, order_id=key)]
    carry_out(till)

    assert pressed == [key, key]
    assert till.table(Payment, "kind", "amount_minor") == [("charge", 500), ("refund", -200)]


def test_an_order_of_one_payment_is_not_taken_for_another(till: Till) -> None:
    till.pays()
    key = order(till, 200)
    till.pays(browser=b"c" * 32)
    other = [ref for (ref,) in till.table(Payment, "reference") if ref != till.table(RefundOrder, "charge_reference")[0][0]]

    with pytest.raises(Conflict, match="another payment"):
        services.order_refund(till.session, charge_reference=other[0], order_id=key, now=NOW)


def test_two_treasurers_at_once_give_back_no_more_than_there_was(till: Till, engine: Engine) -> None:
    till.pays()
    reference = charge_of(till)
    till.session.commit()

    def treasurer(session: Session) -> str:
        try:
            services.order_refund(session, charge_reference=reference, amount_minor=300, now=NOW)
        except Conflict:
            return "refused"
        return "ordered"

    assert sorted(race(engine, treasurer, racers=4)) == ["ordered", "refused", "refused", "refused"]


def test_an_automatic_cause_orders_once_for_each_payment(till: Till) -> None:
    till.pays()

    def order_for(cause: str) -> UUID:
        with transaction(till.session):
            return refunds.order(till.session, charge_reference=charge_of(till), cause=cause, now=NOW)

    assert order_for("duplicate") == order_for("duplicate")
    assert order_for("withdrawal") != order_for("duplicate")


def test_a_part_takes_no_right_away_and_the_rest_does(till: Till) -> None:
    till.pays()
    ((member_id,),) = till.table(Member, "id")
    treasurer = make_staff(till.session, "treasurer")

    order(till, 200, note="Asked for it", ordered_by=treasurer.id)
    first = [carry_out(till), left(till), queries.standing_of(till.session, member_id, at=NOW).may_vote]
    order(till)
    second = [carry_out(till), left(till), queries.standing_of(till.session, member_id, at=NOW).may_vote]

    assert (first, second) == ([1, 300, True], [1, 0, False])
    assert till.table(Payment, "kind", "amount_minor") == [("charge", 500), ("refund", -200), ("refund", -300)]
    assert till.table(PaidPeriod, "reversed_at") == [(NOW,)]
    acts = till.table(AuditEntry, "act", "actor_id", "reason")
    assert {row for row in acts if row[0] == "refund.ordered"} == {
        ("refund.ordered", None, ""),
        ("refund.ordered", treasurer.id, "Asked for it"),
    }


def test_what_stripe_refuses_is_noted_and_shown_until_somebody_has_looked_after_it(till: Till) -> None:
    till.pays()
    order(till, 200)
    till.stripe.control("refund", id=charge_of(till))  # in the dashboard, meanwhile

    done = [carry_out(till), carry_out(till)]
    troubles = refundable.refund_troubles(till.session)
    till.session.commit()
    note(till)

    assert done == [0, 0]
    assert orders(till) == [(200, "charge_already_refunded", None)]
    ((member_id,),) = till.table(Payment, "member_id")[:1]
    assert troubles == [RefundTrouble(charge_of(till), member_id, 200, "eur", NOW, "charge_already_refunded")]
    assert refundable.refund_troubles(till.session) == []


def test_without_stripe_an_order_waits(till: Till, make_settings: SettingsMaker) -> None:
    till.pays()
    order(till)
    nowhere = Gateway(make_settings(STRIPE_API_BASE="http://127.0.0.1:1"), timeout=1, retries=0)

    waited = [carry_out(till, nowhere), *orders(till)]

    assert waited == [0, (500, "", None)]
    assert (carry_out(till), orders(till)) == (1, [(500, "", NOW)])


def test_an_answer_that_was_lost_gives_back_once(till: Till) -> None:
    till.pays()
    order(till, 200)
    till.stripe.chaos(lose_answer={"next": 5, "path": "/v1/refunds", "method": "POST"})
    carry_out(till)
    till.stripe.calm()

    carry_out(till)

    assert [refund.amount for refund in till.stripe.client().v1.refunds.list().data] == [200]
    assert [(amount, refused) for amount, refused, _ in orders(till)] == [(200, "")]


@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_dies_at_the_refund_gives_back_once(till: Till, *, after: bool) -> None:
    till.pays()
    order(till, 200)
    with pytest.raises(Killed):
        carry_out(till, DyingGateway(till.gateway, "refund", after))  # type: ignore[arg-type]
    till.clock.instant += timedelta(days=3)  # Stripe has forgotten the idempotency key by then

    assert carry_out(till) == 1
    assert till.table(Payment, "kind", "amount_minor") == [("charge", 500), ("refund", -200)]


def test_two_workers_at_once_give_back_once(till: Till, engine: Engine) -> None:
    till.pays()
    order(till, 200)

    race(engine, lambda session: services.carry_out_refunds(session, till.gateway, now=NOW), racers=3)
    carry_out(till)

    assert till.table(Payment, "kind", "amount_minor") == [("charge", 500), ("refund", -200)]
    assert orders(till) == [(200, "", NOW)]


def test_a_refund_that_comes_back_from_the_bank_is_shown_and_can_be_ordered_again(till: Till) -> None:
    till.pays()
    order(till)
    carry_out(till)
    ((refund_id,),) = till.table(RefundOrder, "stripe_refund_id")
    till.clock.instant += timedelta(days=2)
    till.stripe.control("fail-refund", id=refund_id)
    services.sync_charge(till.session, till.gateway, charge_id=charge_of(till), now=till.clock.now())

    troubles = [(trouble.amount_minor, trouble.code) for trouble in refundable.refund_troubles(till.session)]
    till.session.commit()
    till.clock.instant += timedelta(minutes=1)
    order(till)
    carry_out(till)

    assert troubles == [(500, "")]
    assert refundable.refund_troubles(till.session) == []
    assert sum(amount for (amount,) in till.table(Payment, "amount_minor")) == 0
