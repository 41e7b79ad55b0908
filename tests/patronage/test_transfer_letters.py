"""The mails about support that comes another way: the receipt of a contribution, the welcome to who pays at Patreon."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.clock import FixedClock
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage import services
from membership.patronage.models import PaidPeriod
from membership.patronage.patreon_sheet import PatreonRow, PatreonSheet
from membership.patronage.services.contributions import book_contribution
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, make_typed_member
from tests.factories.patronage import give_seat, make_plan
from tests.factories.voting import make_round, open_vote
from tests.patronage.conftest import ON_SQLITE
from tests.patronage.test_money_letters import mail, prepared

pytestmark = ON_SQLITE

UNTIL = NOW + timedelta(days=17)
LATER = FixedClock(NOW + timedelta(days=9))


def contributes(session: Session, member: Member, *, months: int = 5, source: str = "bank") -> dict[str, Any]:
    """Book a contribution; return what the outbox knows of it."""
    with transaction(session):
        book_contribution(
            session,
            member_id=member.id,
            money=(1500, "eur"),
            months=months,
            source=source,
            reference="transfer-1",
            received_at=NOW,
            now=NOW,
        )
    return payload(session)


def joins(session: Session, email: str = "ann@example.org", *, language: str = "en") -> dict[str, Any]:
    """Let somebody be on Patreon's list; return what the outbox knows of it."""
    sheet = PatreonSheet((PatreonRow("100", email, UNTIL),), 0, ())
    staff = make_staff(session, "treasurer", email="treasurer@example.org")
    import_id = services.upload_patreon(session, sheet=sheet, actor_id=staff.id, now=NOW)
    services.apply_patreon(session, import_id=import_id, language=language, actor_id=staff.id, now=NOW)
    return payload(session)


def payload(session: Session) -> dict[str, Any]:
    found = session.scalars(select(OutboxItem.payload).order_by(OutboxItem.id.desc()).limit(1)).one()
    session.commit()
    return found


@pytest.mark.parametrize("kind", ["contribution", "patreon_welcome"])
def test_who_is_no_longer_here_is_written_nothing(app: Flask, session: Session, kind: str) -> None:
    make_plan(session)
    known = contributes(session, make_member(session)) if kind == "contribution" else joins(session)
    with transaction(session):
        for member in session.scalars(select(Member)):
            session.delete(member)
    session.expire_all()

    assert prepared(app, session, kind, known) is None


def test_a_receipt_says_what_came_and_until_when(app: Flask, session: Session) -> None:
    make_plan(session)

    subject, text = mail(app, session, "contribution", contributes(session, make_member(session)))

    assert subject == "Thank you, and your receipt: €15"
    for said in (
        "Came by bank on 22 March 2026: €15",
        "Receipt number: transfer-1",
        "It makes you a patron until: 22 August 2026",
        "sign in with this address (reader@example.org)",
        "http://localhost/sign-in?next=/account",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("source", "said"), [("paypal", "Came by PayPal on"), ("cash", "Came in cash on"), ("bank", "Came by bank on")]
)
def test_a_receipt_says_how_it_came(app: Flask, session: Session, source: str, said: str) -> None:
    make_plan(session)

    assert said in mail(app, session, "contribution", contributes(session, make_typed_member(session), source=source))[1]


def test_a_receipt_of_less_than_a_month_promises_nothing(app: Flask, session: Session) -> None:
    make_plan(session)

    _, text = mail(app, session, "contribution", contributes(session, make_member(session), months=0))

    assert "less than what makes somebody a patron for a month" in text
    assert "choose with us" not in text


def test_a_receipt_to_a_second_account_of_an_address_does_not_say_sign_in(app: Flask, session: Session) -> None:
    make_plan(session)
    make_member(session, "both@example.org")

    _, text = mail(app, session, "contribution", contributes(session, make_typed_member(session, "both@example.org")))

    assert "Another account here has this address" in text
    assert "sign in with this address" not in text


def test_who_pays_at_patreon_is_told_of_the_open_vote(app: Flask, session: Session, clock: FixedClock) -> None:
    open_vote(session, keys=app.extensions["round_keys"], clock=clock)

    subject, text = mail(app, session, "patreon_welcome", joins(session))

    assert subject == "You can vote now"
    for said in (
        "Nothing changes for your money: it stays at Patreon.",
        "The March vote is open, and you have one vote.",
        "until Sunday 29 March 2026, 15:00 in Kyiv",
        "http://localhost/sign-in?next=/votes/march",
        "You are a patron here until 8 April 2026",
    ):
        assert said in text


def test_without_an_open_vote_the_mail_says_when_the_next_one_opens(app: Flask, session: Session) -> None:
    known = joins(session)
    none, _ = mail(app, session, "patreon_welcome", known)[1], make_round(session, clock=LATER)
    announced = mail(app, session, "patreon_welcome", known)[1]

    assert "When the next one opens, it stands here:\nhttp://localhost/sign-in?next=/votes" in none
    assert "The next one opens on Tuesday 31 March 2026, 15:00 in Kyiv." in announced


def test_the_mail_speaks_the_language_that_staff_chose(app: Flask, session: Session) -> None:
    letter = prepared(app, session, "patreon_welcome", joins(session, language="uk"))

    assert letter is not None
    assert (letter.to, letter.language) == ("ann@example.org", "uk")


def test_who_can_vote_already_or_never_may_is_not_told_so(app: Flask, session: Session) -> None:
    seat = make_member(session, "seat@example.org")
    give_seat(session, seat.id)

    assert prepared(app, session, "patreon_welcome", joins(session, "seat@example.org")) is None


def test_staff_are_not_invited_to_vote(app: Flask, session: Session) -> None:
    assert prepared(app, session, "patreon_welcome", joins(session, "treasurer@example.org")) is None


def test_whose_time_has_run_out_before_the_mail_was_sent_is_not_told_they_can_vote(app: Flask, session: Session) -> None:
    known = joins(session)
    with transaction(session):
        period = session.scalars(select(PaidPeriod)).one()
        period.starts_at, period.ends_at = datetime(2026, 1, 1, tzinfo=NOW.tzinfo), NOW
    session.expire_all()

    assert prepared(app, session, "patreon_welcome", known) is None
