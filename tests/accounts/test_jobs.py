"""What is mailed to whom, and what is forgotten."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts import services
from membership.accounts.jobs import forget_proofs, prepare_sign_in
from membership.accounts.models import SignInRequest, StaffLink
from membership.db import transaction
from membership.outbox import Letter
from tests.conftest import NOW, SECRET_KEY
from tests.factories.accounts import BROWSER, ask_for_mail, make_member, make_staff, make_typed_member


def letter_to(session: Session, email: str, *, now=NOW) -> Letter | None:
    services.ask_sign_in(session, email=email, browser_hash=BROWSER, language="en", now=NOW)
    request = session.scalars(select(SignInRequest).order_by(SignInRequest.id.desc())).first()
    assert request is not None
    with transaction(session):
        return prepare_sign_in(session, request.id, secret_key=SECRET_KEY, now=now)


def test_a_request_that_is_gone_sends_nothing(session: Session) -> None:
    with transaction(session):
        assert prepare_sign_in(session, 404, secret_key=SECRET_KEY, now=NOW) is None


def test_a_mail_that_was_stuck_for_an_hour_is_not_sent_any_more(session: Session) -> None:
    make_member(session)

    assert letter_to(session, "reader@example.org", now=NOW + timedelta(hours=1, seconds=1)) is None


def test_a_replaced_request_sends_nothing(session: Session) -> None:
    make_member(session)
    services.ask_sign_in(session, email="reader@example.org", browser_hash=BROWSER, language="en", now=NOW)
    first = session.scalars(select(SignInRequest.id)).one()
    services.ask_sign_in(session, email="reader@example.org", browser_hash=BROWSER, language="en", now=NOW)

    with transaction(session):
        assert prepare_sign_in(session, first, secret_key=SECRET_KEY, now=NOW) is None


def test_a_stranger_is_told_in_the_language_of_the_page_and_staff_get_no_code(session: Session) -> None:
    make_staff(session, email="staff@example.org")

    letters = [letter_to(session, email) for email in ("stranger@example.org", "staff@example.org")]

    assert letters == [
        Letter("stranger@example.org", "sign_in_unknown", "en", {}),
        Letter("staff@example.org", "sign_in_staff", "en", {"address": "staff@example.org"}),
    ]


def test_a_member_is_written_to_in_their_language_at_the_stored_address(session: Session) -> None:
    make_member(session, "reader@example.org", language="uk")
    make_typed_member(session, "typed@example.org")

    letters = [letter_to(session, email) for email in (" READER@example.org", "typed@example.org")]

    assert [(letter.to, letter.template, letter.language, sorted(letter.context)) for letter in letters if letter] == [
        ("reader@example.org", "sign_in", "uk", ["code", "minutes", "token"]),
        ("typed@example.org", "sign_in", "en", ["code", "minutes", "token"]),
    ]


def test_what_was_asked_a_day_ago_is_forgotten_address_and_all(session: Session) -> None:
    ask_for_mail(session, "old@example.org")
    services.make_staff_link(session, member_id=make_staff(session).id, now=NOW)
    later = NOW + timedelta(days=1, seconds=1)
    ask_for_mail(session, "new@example.org", now=later)

    deleted = forget_proofs(session, now=later), forget_proofs(session, now=later)

    assert deleted == (2, 0)
    assert session.scalars(select(SignInRequest.email)).all() == ["new@example.org"]
    assert session.scalars(select(StaffLink)).all() == []
