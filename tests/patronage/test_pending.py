"""First payments of which Stripe's word never reached us are asked about; and what is kept of a card."""

import pytest
from sqlalchemy import select, update

from membership.accounts.models import Member
from membership.db import transaction
from membership.patronage import services
from membership.patronage.models import Payment
from membership.patronage.services.redacting import redact
from tests.conftest import NOW
from tests.patronage.conftest import Till
from tests.patronage.test_delayed_methods import LATER, pays_by_bank


def asks(till: Till, *member_ids: int) -> int:
    return services.sync_first_payments(till.session, till.gateway, member_ids=member_ids, now=till.clock.now())


@pytest.mark.parametrize(("interval", "amount"), [("once", 2000), ("month", 500)])
@pytest.mark.parametrize(("succeeded", "becomes"), [(True, "patron"), (False, "payment_failed")])
def test_a_payment_whose_webhook_was_lost_comes_in_by_asking(
    till: Till, interval: str, amount: int, succeeded: bool, becomes: str
) -> None:
    till.stripe.control("first-debit", then="active")
    url = pays_by_bank(till, interval, amount)
    ((member_id,),) = till.table(Member, "id")
    assert (asks(till, member_id), till.standing.code) == (1, "pending")
    till.clock.instant = LATER
    till.stripe.settle(url, succeeded=succeeded)

    assert (asks(till, member_id + 1), till.standing.code) == (0, "pending")
    assert (asks(till, member_id), till.standing.code) == (1, becomes)
    assert asks(till, member_id) == (0 if succeeded or interval == "once" else 1)


def test_of_a_card_its_name_at_stripe_is_kept_until_the_account_is_deleted(till: Till) -> None:
    till.pays()
    ((member_id,),) = till.table(Member, "id")
    with transaction(till.session):
        till.session.execute(update(Payment).values(card_fingerprint=""))  # of a payment from before it was kept
    till.sync(till.subscription.stripe_id)
    kept = till.session.scalar(select(Payment.card_fingerprint))

    with transaction(till.session):
        redact(till.session, member_id, mailbox=None)
        till.session.execute(update(Member).values(closed_at=NOW, email=None, typed_email=None))
    till.sync(till.subscription.stripe_id)

    assert (kept, till.table(Payment, "card_fingerprint")) == ("standin4242", [("",)])


def test_of_money_that_nobody_owns_no_card_is_kept(till: Till) -> None:
    till.pays("once", 2000, purpose="gift")

    assert till.table(Payment, "member_id", "card_fingerprint") == [(None, "")]
