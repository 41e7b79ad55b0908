"""The mails about money: each says what happened, until when nothing changes and what to do; to staff, no name."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from membership.db import transaction
from membership.jobs import JobContext
from membership.outbox import Letter, OutboxItem
from membership.patronage.jobs import letters
from membership.patronage.models import CheckoutAttempt, Dispute, Payment, Subscription
from membership.web.languages import speak
from membership.web.mail_rendering import render_letter
from tests.conftest import NOW
from tests.factories.accounts import make_member
from tests.factories.patronage import make_plan, period, store, subscription
from tests.patronage.conftest import ON_SQLITE

pytestmark = ON_SQLITE

GRACE_ENDS = "Saturday 4 April 2026, 15:00 in Kyiv"
ATTEMPT = UUID(int=1)


def prepared(app: Flask, session: Session, kind: str, payload: dict[str, Any]) -> Letter | None:
    """Prepare a mail as the job does."""
    kernel = app.extensions["kernel"]
    context = JobContext(kernel.sessions, kernel.clock, kernel.settings)
    return letters(context)[kind](session, payload, kernel.clock.now())


def mail(app: Flask, session: Session, kind: str, payload: dict[str, Any]) -> tuple[str, str]:
    """Return a mail's subject and text."""
    letter = prepared(app, session, kind, payload)
    assert letter is not None
    with app.test_request_context(base_url="http://localhost"):
        speak(letter.language)
        return render_letter(letter)


def fails(session: Session, attention: str, **more: object) -> dict[str, Any]:
    """Store somebody whose renewal failed yesterday; return what the outbox knows of it."""
    member, plan = make_member(session), make_plan(session)
    with transaction(session):
        attempt = CheckoutAttempt(
            id=ATTEMPT,
            plan_id=plan.id,
            interval="month",
            amount_minor=500,
            currency="eur",
            language="en",
            browser_hash=b"b" * 32,
            member_id=member.id,
            created_at=NOW,
        )
        session.add(attempt)
    row = subscription("past_due", past_due_for_days=1, member_id=member.id, attention=attention, attempt_id=ATTEMPT, **more)
    store(session, row, period(-31, -1, member_id=member.id))
    return {"subscription_id": "sub_1", "invoice_id": "in_1", "attention": attention}


def change(session: Session, **values: object) -> None:
    """Let the subscription have become something else."""
    with transaction(session):
        for name, value in values.items():
            setattr(session.get_one(Subscription, "sub_1"), name, value)


def moves(session: Session, member_id: int, *movements: tuple[str, int]) -> list[int]:
    """Store movements of one charge, a minute apart; return their ids."""
    with transaction(session):
        rows = [
            Payment(
                kind=kind,
                source="stripe",
                reference="ch_1" if kind == "charge" else f"{kind}_{number}",
                charge_reference=None if kind == "charge" else "ch_1",
                member_id=member_id,
                subscription_id="sub_1",
                amount_minor=amount,
                currency="eur",
                occurred_at=NOW + timedelta(minutes=number),
            )
            for number, (kind, amount) in enumerate(movements)
        ]
        session.add_all(rows)
    return [row.id for row in rows]


@pytest.mark.parametrize(
    ("attention", "subject", "said"),
    [
        ("declined", "Your bank declined a payment", "did not go through: your bank declined it."),
        ("expired", "Your card has expired", "because your card has expired."),
        ("authentication", "Your bank wants you to confirm a payment", "Confirm it here, on Stripe’s page:\nhttps://pay.example"),
    ],
)
def test_what_failed_is_told_apart_with_its_link(app: Flask, session: Session, attention: str, subject: str, said: str) -> None:
    payload = fails(session, attention, open_invoice_url="https://pay.example", next_attempt_at=NOW + timedelta(days=2))

    found, text = mail(app, session, "payment_failed", payload)

    assert found == subject
    assert said in text
    assert f"Nothing changes until {GRACE_ENDS}." in text
    assert ("We try the card again on 24 March 2026." in text) == (attention == "declined")
    assert "Give another card:\nhttp://localhost/links/card/" in text
    assert "Stop:\nhttp://localhost/links/stop/" in text


def test_what_is_mended_meanwhile_is_not_told(app: Flask, session: Session) -> None:
    payload = fails(session, "declined")

    assert prepared(app, session, "payment_failed", payload | {"attention": "expired"}) is None


def test_a_payment_after_all_says_that_everything_is_in_order(app: Flask, session: Session) -> None:
    payload = fails(session, "declined")
    member = make_member(session, "other@example.org")
    (first,) = moves(session, member.id, ("charge", 500))
    with transaction(session):
        session.get_one(Payment, first).occurred_at = NOW - timedelta(days=31)
        told = OutboxItem(key="k", kind="payment_failed", payload=payload, member_id=member.id, created_at=NOW, due_at=NOW)
        again = Payment(
            kind="charge", source="stripe", reference="ch_2", member_id=member.id, subscription_id="sub_1", currency="eur"
        )
        again.amount_minor, again.occurred_at = 500, NOW + timedelta(hours=1)
        session.add_all([told, again])
    before = mail(app, session, "welcome", {"payment_id": again.id})[0]
    change(session, status="active", attention=None)

    subject, text = mail(app, session, "welcome", {"payment_id": again.id})

    assert before == "Your receipt: €5"
    assert subject == "Everything is in order again, and your receipt: €5"
    assert "Your payment has gone through after all." in text


def test_an_end_says_what_ended_and_leads_to_the_same_choice(app: Flask, session: Session) -> None:
    payload = fails(session, "declined")
    change(session, status="canceled", ended_at=NOW)

    text = mail(app, session, "support_ended", payload)[1]

    assert "your support of €5 a month has ended on 22 March 2026." in text
    assert "You are no patron any more." in text
    assert "http://localhost/support?interval=month&amount=500" in text


def test_a_part_given_back_says_that_nothing_else_changes(app: Flask, session: Session) -> None:
    member = make_member(session)
    store(session, subscription("active", member_id=member.id), period(-10, 20, member_id=member.id))
    part, whole = moves(session, member.id, ("charge", 500), ("refund", -200), ("refund", -500))[1:]

    partly, fully = (mail(app, session, "refunded", {"payment_id": each}) for each in (part, whole))

    assert partly[0] == "We give a part back: €2"
    assert "a part of your payment back: €2 of €5." in partly[1]
    assert "You stay a patron until Saturday 11 April 2026, 15:00 in Kyiv." in partly[1]
    assert "Your support goes on: the next payment is on 11 April 2026." in partly[1]
    assert fully[0] == "We give €5 back"
    assert "gave your payment back: €5." in fully[1]


def test_staff_learn_the_deadline_and_the_charge_and_no_name(app: Flask, session: Session) -> None:
    member = make_member(session, "payer@example.org", display_name="Payer")
    store(session, subscription("active", member_id=member.id))
    (failure,) = moves(session, member.id, ("refund_failure", 500))
    with transaction(session):
        dispute = Dispute(stripe_id="dp_1", charge_reference="ch_1", member_id=member.id, amount_minor=500, currency="eur")
        dispute.status, dispute.reason, dispute.opened_at = "needs_response", "fraudulent", NOW
        dispute.evidence_due_at = NOW + timedelta(days=7)
        session.add(dispute)

    disputed = prepared(app, session, "dispute_opened", {"dispute_id": "dp_1"})
    texts = [
        mail(app, session, "dispute_opened", {"dispute_id": "dp_1"})[1],
        mail(app, session, "refund_failed", {"payment_id": failure})[1],
    ]

    assert disputed is not None
    assert disputed.to == "desk@gazette.example"
    assert "until Sunday 29 March 2026, 15:00 in Kyiv" in texts[0]
    assert all("ch_1" in text for text in texts)
    assert not any("payer@example.org" in text or "Payer" in text for text in texts)
