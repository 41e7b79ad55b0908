"""A payer's bank takes a charge back: while it lasts, when it is won, when it is lost; whoever tells us."""

from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

from membership.accounts.models import Member
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage.entitlement import Standing
from membership.patronage.models import Dispute, Gift, PaidPeriod, Payment, SeatPoolEntry
from tests.conftest import NOW
from tests.patronage.conftest import Shop, Till

MONTH = timedelta(days=31)  # from 22 March
MONEY = ("kind", "amount_minor", "fee_minor", "net_minor")


def dispute(till: Till) -> str:
    """Let the payer dispute the only charge, and hear of it; return the dispute's id."""
    opened = till.stripe.control("dispute", id=till.charge_id)
    assert till.hears("charge.dispute.created") == "written"
    return str(opened["id"])


def close(till: Till, dispute_id: str, status: str) -> None:
    till.stripe.control("close-dispute", id=dispute_id, status=status)
    till.hears("charge.dispute.closed")


def test_while_a_dispute_is_open_nothing_is_given_and_staff_are_told_once(till: Till) -> None:
    till.pays()

    dispute_id = dispute(till)
    till.hears("charge.dispute.funds_withdrawn")

    assert till.standing == Standing(False, "disputed")
    assert [row[:2] for row in till.table(Payment, *MONEY)] == [("charge", 500), ("dispute", -500)]
    assert till.table(PaidPeriod, "disputed_at", "reversed_at") == [(NOW, None)]
    assert till.mails == ["welcome", "dispute_opened"]
    (row,) = till.table(Dispute, "stripe_id", "charge_reference", "amount_minor", "currency", "status", "closed_at")
    assert row == (dispute_id, till.charge_id, 500, "eur", "needs_response", None)
    ((opened_at, due_at),) = till.table(Dispute, "opened_at", "evidence_due_at")
    assert (opened_at, due_at.date()) == (NOW, (NOW + timedelta(days=20)).date())


def test_a_dispute_costs_a_fee_that_winning_does_not_bring_back(till: Till) -> None:
    till.pays()
    close(till, dispute(till), "won")

    rows = till.table(Payment, *MONEY)
    _, withdrawn, reinstated = rows
    assert [row[:2] for row in rows] == [("charge", 500), ("dispute", -500), ("dispute_reversal", 500)]
    assert withdrawn[2] > 0
    assert (withdrawn[3], reinstated[2:]) == (-500 - withdrawn[2], (0, 500))


def test_won_it_is_as_if_nothing_had_been(till: Till) -> None:
    till.pays()
    dispute_id = dispute(till)
    till.stripe.control("answer-dispute", id=dispute_id)
    till.hears("charge.dispute.updated")
    answered = till.standing.code
    close(till, dispute_id, "won")

    assert (answered, till.standing) == ("disputed", Standing(True, "patron", NOW + MONTH))
    assert till.table(PaidPeriod, "disputed_at", "reversed_at") == [(None, None)]
    assert till.table(Dispute, "status", "closed_at") == [("won", NOW)]


def test_lost_the_money_went_back_on_the_day_it_was_taken(till: Till) -> None:
    till.pays()
    dispute_id = dispute(till)
    till.clock.instant = NOW + timedelta(days=3)
    close(till, dispute_id, "lost")

    assert till.standing == Standing(False, "refunded")
    assert till.table(PaidPeriod, "disputed_at", "reversed_at") == [(None, NOW)]
    assert till.table(Dispute, "status", "closed_at") == [("lost", NOW + timedelta(days=3))]
    assert len(till.table(Payment, "id")) == 2


def test_a_part_of_a_charge_lost_takes_no_right_away(till: Till) -> None:
    till.pays()
    opened = till.stripe.control("dispute", id=till.charge_id, amount="200")
    till.hears("charge.dispute.created")
    disputed = till.standing.code
    close(till, opened["id"], "lost")

    assert (disputed, till.standing.code) == ("disputed", "patron")


def test_a_disputed_single_payment_gives_nothing_either(till: Till) -> None:
    till.pays("once", 2000)
    dispute_id = dispute(till)
    disputed = till.standing
    close(till, dispute_id, "lost")

    assert (disputed, till.standing) == (Standing(False, "disputed"), Standing(False, "refunded"))


def test_a_disputed_gift_opens_nothing_until_it_is_won(till: Till) -> None:
    till.pays("once", 900, purpose="gift")
    dispute_id = dispute(till)
    disputed = till.table(Gift, "reversed_at")
    close(till, dispute_id, "won")

    assert (disputed, till.table(Gift, "months", "reversed_at")) == ([(NOW,)], [(3, None)])
    assert till.table(Member, "id") == []  # who buys for somebody else is no member


def test_free_seats_whose_money_was_lost_are_given_to_nobody(till: Till) -> None:
    till.pays("once", 6000, purpose="seats")
    filled = till.table(SeatPoolEntry, "months", "reversed_at")
    close(till, dispute(till), "lost")

    assert (filled, till.table(SeatPoolEntry, "months", "reversed_at")) == ([(20, None)], [(20, NOW)])


def test_a_dispute_over_a_renewal_that_we_never_heard_of_brings_both(till: Till) -> None:
    till.pays()
    till.stripe.control("renew", id=till.subscription.stripe_id)
    till.stripe.control("dispute", id=till.subscription.stripe_id)  # of the renewal's charge

    assert till.hears("charge.dispute.created") == "written"
    assert till.table(Payment, "kind", "amount_minor") == [("charge", 500), ("charge", 500), ("dispute", -500)]
    assert sorted(till.table(PaidPeriod, "starts_at", "disputed_at")) == [(NOW, None), (NOW + MONTH, NOW)]


def test_a_dispute_over_something_foreign_is_nobodys(till: Till) -> None:
    client = till.stripe.client()
    price = client.v1.prices.create({"currency": "eur", "unit_amount": 900, "product_data": {"name": "Mugs"}})
    foreign = client.v1.checkout.sessions.create(
        {"mode": "payment", "line_items": [{"price": price.id, "quantity": 1}], "success_url": "http://localhost/"}
    )
    till.stripe.pay(foreign.url or "")
    till.stripe.control("dispute", id=client.v1.charges.list().data[0].id)

    assert till.hears("charge.dispute.created") == "ignored"
    assert till.table(Dispute, "stripe_id") == []


def test_a_member_who_left_takes_no_money_out_of_the_books(till: Till) -> None:
    till.pays()
    with transaction(till.session):
        till.session.delete(till.session.query(Member).one())
    till.session.expire_all()

    dispute(till)

    assert till.table(Payment, "kind", "member_id") == [("charge", None), ("dispute", None)]
    assert till.table(Dispute, "member_id") == [(None,)]


def test_the_alert_names_the_deadline_and_no_person(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose().location)
    shop.webhooks_arrive()
    shop.stripe.control("dispute", id=shop.rows(Payment, "reference")[0][0], reason="fraudulent")
    shop.webhooks_arrive()
    with shop.session() as session, transaction(session):
        session.query(OutboxItem).filter(OutboxItem.kind != "dispute_opened").delete()

    shop.app.extensions["kernel"].queue.run("mails")

    folder = Path(shop.app.extensions["kernel"].settings.mail_url.removeprefix("maildir://"))
    (mail,) = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in (folder / "new").iterdir()]
    text = mail.get_content()
    assert mail["To"] == "desk@gazette.example"
    assert "asks for a payment back: €5. Stripe" in text
    assert "until Sunday 12 April 2026, 02:59 in Kyiv; without" in text
    assert "reader@example.org" not in text
