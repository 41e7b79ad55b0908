"""Changing an address in browsers: the member's page, and the pages behind the mails."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.accounts.queries import find_member_by_email
from membership.clock import FixedClock
from tests.accounts.conftest import Mail, new_browser
from tests.accounts.test_asking_address import addresses_of
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, make_typed_member, sign_in
from tests.factories.addresses import order_change, the_change

Mails = Callable[[], list[Mail]]
PAGE = "/account/address"
LINK = re.compile(r"http://localhost(/address/\S+)")
OWN = re.compile(r"[a-z]+@(?:gazette\.example|example\.org)")


def path_in(mail: Mail) -> str:
    return LINK.findall(mail.text)[0]


def to(mails: list[Mail], address: str, subject: str = "") -> Mail:
    """Return the mail to this address; mails of the same instant have no order."""
    return next(mail for mail in mails if mail.to == address and subject in mail.subject)


def answer(client: FlaskClient, path: str, said: str = "yes") -> int:
    return client.post(path, data={"answer": said}).status_code


def is_signed_in(client: FlaskClient) -> bool:
    return client.get(PAGE).status_code == 200


@pytest.fixture
def reader(app: Flask, client: FlaskClient, session: Session) -> FlaskClient:
    """A signed-in browser of reader@example.org."""
    sign_in(app, client, make_member(session).id)
    return client


@pytest.mark.parametrize("typed", ["", "nobody", "new@example.org, b@example.org", "reader@example.org"])
def test_what_can_not_be_the_new_address_comes_back_as_it_was_typed(reader: FlaskClient, mails: Mails, typed: str) -> None:
    page = reader.post(PAGE, data={"email": typed})

    assert (page.status_code, mails()) == (422, [])
    assert "There is a problem" in page.text
    assert f'value="{typed}"' in page.text


def test_too_many_questions_say_when_to_try_again_and_keep_what_was_typed(reader: FlaskClient) -> None:
    for _ in range(3):
        assert reader.post(PAGE, data={"email": "new@example.org"}).status_code == 303

    page = reader.post(PAGE, data={"email": "new@example.org"})

    assert (page.status_code, page.headers["Retry-After"]) == (429, "3600")
    assert 'value="new@example.org"' in page.text
    assert "Try again after" in page.text


def test_a_known_address_and_an_unknown_one_get_the_same_page_and_the_same_mail_to_the_old_mailbox(
    app: Flask, session: Session, mails: Mails
) -> None:
    make_member(session, "known@example.org")
    shown = []
    for name in ("known", "stranger"):
        client = new_browser(app)
        sign_in(app, client, make_member(session, f"r{name}@example.org").id)
        asked = client.post(PAGE, data={"email": f"{name}@example.org"})
        sent = to(mails(), f"r{name}@example.org")
        page = client.get(PAGE).text + sent.subject + LINK.sub("LINK", sent.text)
        shown.append((asked.status_code, asked.location, re.sub(r"known|stranger|[ks]…@…|/\d+/", "…", page)))

    assert shown[0] == shown[1]
    assert to(mails(), "known@example.org").subject == "This address already has an account here"
    assert LINK.findall(to(mails(), "known@example.org").text) == []


def test_looking_changes_nothing_and_neither_does_a_button_without_a_choice(
    app: Flask, reader: FlaskClient, session: Session, mails: Mails
) -> None:
    reader.post(PAGE, data={"email": "new@example.org"})
    paths = [path_in(mail) for mail in mails()]
    scanner = new_browser(app)

    looked = [scanner.get(path).status_code for path in paths]
    pressed = [scanner.post(path).status_code for path in paths]

    assert (looked, pressed) == ([200, 200], [422, 422])
    assert (the_change(session).old_confirmed_at, the_change(session).new_confirmed_at) == (None, None)


def test_both_mailboxes_say_yes_and_the_browser_that_asked_stays_signed_in(
    app: Flask, reader: FlaskClient, session: Session, mails: Mails
) -> None:
    elsewhere = new_browser(app)
    sign_in(app, elsewhere, the_member(session))
    reader.post(PAGE, data={"email": "new@example.org"})
    sent = mails()
    old, new = path_in(to(sent, "reader@example.org")), path_in(to(sent, "new@example.org"))
    before = reader.get_cookie("session")

    assert answer(new_browser(app), old) == 303
    assert "has said yes" in reader.get(PAGE).text
    assert answer(reader, new) == 303

    assert addresses_of(session) == [("new@example.org", None)]
    assert (is_signed_in(reader), is_signed_in(elsewhere)) == (True, False)
    assert before is not None
    assert before.value != getattr(reader.get_cookie("session"), "value", None)
    assert {(mail.to, mail.subject) for mail in mails()} == {
        ("reader@example.org", "Shall your address change?"),
        ("new@example.org", "Is this your new address?"),
        ("reader@example.org", "Your address has changed"),
        ("new@example.org", "Your new address is in use"),
    }


def the_member(session: Session) -> int:
    found = find_member_by_email(session, "reader@example.org")
    session.commit()
    assert found is not None
    return found.id


def test_a_no_of_the_old_mailbox_signs_the_asking_browser_out(
    app: Flask, reader: FlaskClient, session: Session, mails: Mails
) -> None:
    reader.post(PAGE, data={"email": "new@example.org"})

    assert answer(new_browser(app), path_in(to(mails(), "reader@example.org")), "no") == 303

    assert (addresses_of(session), is_signed_in(reader)) == ([("reader@example.org", None)], False)


def test_the_pages_behind_the_mails_name_nobody_and_no_address(
    app: Flask, reader: FlaskClient, mails: Mails, clock: FixedClock
) -> None:
    reader.post(PAGE, data={"email": "new@example.org"})
    sent = mails()
    stranger, texts = new_browser(app), []
    for mail in (to(sent, "reader@example.org"), to(sent, "new@example.org")):
        texts.append(stranger.get(path_in(mail)).text)
        answer(stranger, path_in(mail))
        texts.append(stranger.get(path_in(mail)).text)
    undo = path_in(to(mails(), "reader@example.org", "has changed"))
    texts.append(stranger.get(undo).text)
    clock.instant = NOW + timedelta(days=8)
    late = stranger.get(undo)

    assert late.status_code == 410
    assert {address for text in [*texts, late.text] for address in OWN.findall(text)} == {"desk@gazette.example"}


def test_the_old_mailbox_takes_its_account_back(app: Flask, reader: FlaskClient, session: Session, mails: Mails) -> None:
    reader.post(PAGE, data={"email": "new@example.org"})
    sent = mails()
    for address in ("reader@example.org", "new@example.org"):
        answer(reader, path_in(to(sent, address)))
    undo = path_in(to(mails(), "reader@example.org", "has changed"))
    stranger = new_browser(app)

    said = [stranger.post(undo).status_code, answer(stranger, undo, "no"), answer(stranger, undo), answer(stranger, undo)]

    assert said == [422, 303, 303, 200]
    assert (addresses_of(session), is_signed_in(reader)) == ([("reader@example.org", None)], False)
    assert "Everybody is signed out" in stranger.get(undo).text


@pytest.mark.parametrize("path", ["/address/x", "/address/" + "a" * 43, "/address/undo/x", "/address/%C3%A9"])
def test_an_unknown_link_says_so(client: FlaskClient, path: str) -> None:
    assert [client.get(path).status_code, answer(client, path)] == [410, 410]


def test_what_was_asked_for_is_taken_back_by_its_owner_only(app: Flask, reader: FlaskClient, session: Session) -> None:
    reader.post(PAGE, data={"email": "new@example.org"})
    path = f"{PAGE}/{the_change(session).id}/take-back"
    other = new_browser(app)
    sign_in(app, other, make_member(session, "other@example.org").id)

    assert [other.post(path).status_code, reader.post(path).status_code] == [404, 303]
    assert "is to be your new address" not in reader.get(PAGE).text


def test_a_typed_address_is_shown_and_corrected_on_the_same_page(
    app: Flask, client: FlaskClient, session: Session, mails: Mails
) -> None:
    sign_in(app, client, make_typed_member(session).id)
    assert 'value="typed@example.org"' in client.get(PAGE).text

    corrected = client.post(PAGE, data={"email": "right@example.org"})

    assert (corrected.status_code, addresses_of(session)) == (303, [(None, "right@example.org")])
    assert [(mail.to, mail.subject) for mail in mails()] == [("right@example.org", "Your address here")]
    assert "right@example.org" in client.get("/account").text


def test_typing_somebody_elses_address_shows_and_opens_nothing_of_theirs(
    app: Flask, client: FlaskClient, session: Session, mails: Mails
) -> None:
    make_member(session, "owner@example.org", display_name="Olena Owner")
    sign_in(app, client, make_typed_member(session).id)
    pages = []
    for typed in ("nobody@example.org", "owner@example.org"):
        client.post(PAGE, data={"email": typed})
        pages.append(client.get(PAGE).text.replace(typed, "TYPED"))

    assert pages[0] == pages[1]
    assert "Olena" not in client.get("/account").text
    assert [mail.to for mail in mails()] == []  # the first one was corrected since, the second lets somebody else in


def test_an_owner_sees_what_staff_ordered_and_stops_it(reader: FlaskClient, session: Session) -> None:
    order_change(session, the_member(session), make_staff(session, "treasurer").id)

    assert "your old mailbox is lost" in reader.get(PAGE).text
    assert reader.post(f"{PAGE}/{the_change(session).id}/take-back").status_code == 303
    assert the_change(session).refused_at == NOW


def test_what_staff_ordered_is_shown_and_stopped_where_no_mailbox_has_proved_the_address_too(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    typed = make_typed_member(session)
    sign_in(app, client, typed.id)
    order_change(session, typed.id, make_staff(session, "treasurer").id)

    assert "your old mailbox is lost" in client.get(PAGE).text
    assert client.post(f"{PAGE}/{the_change(session).id}/take-back").status_code == 303
    assert "your old mailbox is lost" not in client.get(PAGE).text
