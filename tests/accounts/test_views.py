"""Signing in and out in browsers."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts import queries
from membership.accounts.models import LoginSession, Member, SignInRequest
from membership.clock import FixedClock
from membership.db import transaction
from membership.limits import LimitedAct, keyed
from tests.accounts.conftest import Mail, new_browser
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, sign_in

Mails = Callable[[], list[Mail]]


def ask(client: FlaskClient, email: str = "reader@example.org", **fields: str) -> None:
    assert client.post("/sign-in", data={"email": email, **fields}).status_code == 303


def live_sessions(session: Session) -> list[int]:
    return list(session.scalars(select(LoginSession.id).where(LoginSession.ended_at.is_(None))))


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account/settings").status_code == 200


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.mark.parametrize("typed", ["", "nobody", "a@b", "reader@example.org, b@example.org"])
def test_what_is_no_address_comes_back_with_what_was_typed(client: FlaskClient, mails: Mails, typed: str) -> None:
    page = client.post("/sign-in", data={"email": typed, "next": "/votes"})

    assert page.status_code == 422
    assert "There is a problem" in page.text
    assert f'value="{typed}"' in page.text
    assert 'value="/votes"' in page.text
    assert mails() == []


def test_known_unknown_and_staff_addresses_get_the_same_answer_and_each_a_mail(
    app: Flask, session: Session, mails: Mails, clock: FixedClock
) -> None:
    make_member(session, "known@example.org")
    make_staff(session, email="staff@example.org")
    answers = []
    for email in ("known@example.org", "other@example.org", "staff@example.org"):
        client = new_browser(app)
        asked = client.post("/sign-in", data={"email": email})
        page = client.get(asked.location)
        tried = client.post("/sign-in/code", data={"code": "000000"})
        bodies = [response.text.replace(email, "ADDRESS") for response in (asked, page, tried)]
        answers.append((asked.status_code, asked.location, page.status_code, tried.status_code, bodies))
        clock.instant += timedelta(seconds=1)
        mails()

    assert answers[0] == answers[1] == answers[2]
    assert [(mail.to, mail.subject) for mail in mails()] == [
        ("known@example.org", "Your way in to The Test Gazette"),
        ("other@example.org", "Nobody here has this address"),
        ("staff@example.org", "Staff sign in differently"),
    ]


def test_past_the_limit_the_page_is_the_same_for_everybody_and_says_how_to_get_in(
    app: Flask, session: Session, mails: Mails, clock: FixedClock
) -> None:
    make_member(session, "known@example.org")
    make_staff(session, email="staff@example.org")
    pages = {}
    for email in ("known@example.org", "other@example.org", "staff@example.org"):
        stranger, asker = new_browser(app), new_browser(app)
        for _ in range(5):
            ask(stranger, email)
        mails()
        page = asker.post("/sign-in", data={"email": email})
        pages[page.text.replace(email, "ADDRESS")] = (page.status_code, page.headers["Retry-After"])

    assert list(pages.values()) == [(429, "3600")]
    (text,) = pages
    assert "Five mails went to this address within the hour: ADDRESS" in text
    assert "its link and code work again for ten minutes. A new one can be sent after 15:00 in Kyiv." in text
    assert 'name="code"' not in text
    assert len(session.scalars(select(SignInRequest)).all()) == 15


def test_past_the_limit_the_newest_mail_works_again_in_any_browser_and_leads_back(
    app: Flask, client: FlaskClient, session: Session, mails: Mails, clock: FixedClock
) -> None:
    make_member(session)
    stranger = new_browser(app)
    for _ in range(5):
        ask(stranger, next="/votes/march")
        clock.instant += timedelta(minutes=1)
    newest = mails()[-1]
    clock.instant += timedelta(minutes=20)
    assert client.get(newest.link).status_code == 410

    asked = client.post("/sign-in", data={"email": "reader@example.org"})
    done = client.post(newest.link, data={"code": newest.code})

    assert (asked.status_code, done.status_code, done.location) == (429, 303, "/votes/march")


def test_past_the_limit_the_browser_that_asked_before_may_type_its_code(
    client: FlaskClient, session: Session, mails: Mails
) -> None:
    make_member(session)
    for _ in range(5):
        ask(client)

    page = client.post("/sign-in", data={"email": "Reader@example.org"})
    done = client.post("/sign-in/code", data={"code": mails()[-1].code})

    assert ('name="code"' in page.text, done.status_code) == (True, 303)


def test_a_network_that_asks_too_often_is_told_when_to_come_back_and_what_was_typed_is_kept(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    network = keyed(app.extensions["kernel"].settings.secret_key, "network", "127.0.0.0/24")
    with transaction(session):
        session.add_all(LimitedAct(act=act, who=network, at=NOW) for act in ("sign_in_mail", "sign_in_code") for _ in range(59))
    ask(client)
    client.post("/sign-in/code", data={"code": "000000"})

    refused = client.post("/sign-in", data={"email": "other@example.org", "next": "/votes"})
    guessed = client.post("/sign-in/code", data={"code": "000000"})

    for page in (refused, guessed):
        assert (page.status_code, page.headers["Retry-After"]) == (429, "3600")
        assert page.text.count("Try again after 15:00 in Kyiv.") == 2  # above, and beside the field
    assert 'value="other@example.org"' in refused.text
    assert 'value="/votes"' in refused.text


def test_a_code_typed_too_often_beside_the_link_is_refused_there_too(
    app: Flask, client: FlaskClient, session: Session, mails: Mails
) -> None:
    make_member(session)
    ask(client)
    (mail,) = mails()
    network = keyed(app.extensions["kernel"].settings.secret_key, "network", "127.0.0.0/24")
    with transaction(session):
        session.add_all(LimitedAct(act="sign_in_code", who=network, at=NOW) for _ in range(60))

    refused = new_browser(app).post(mail.link, data={"code": mail.code})
    here = client.post(mail.link)

    assert (refused.status_code, "Try again after 15:00 in Kyiv." in refused.text) == (429, True)
    assert here.status_code == 303


def test_looking_at_a_link_uses_nothing_up(client: FlaskClient, session: Session, mails: Mails) -> None:
    make_member(session)
    ask(client)
    (mail,) = mails()

    seen = [client.open(mail.link, method=method).status_code for method in ("GET", "HEAD", "GET")]

    assert seen == [200, 200, 200]
    assert live_sessions(session) == []
    assert not is_signed_in(client)


def test_in_the_browser_that_asked_the_link_needs_a_button_only(client: FlaskClient, session: Session, mails: Mails) -> None:
    make_member(session)
    ask(client)
    (mail,) = mails()

    assert 'name="code"' not in client.get(mail.link).text
    done = client.post(mail.link)

    assert (done.status_code, done.location) == (303, "/account")
    assert is_signed_in(client)


def test_in_any_other_browser_the_link_wants_the_code_too(app: Flask, client: FlaskClient, session: Session, mails: Mails) -> None:
    make_member(session)
    ask(client)
    (mail,) = mails()
    phone = new_browser(app)
    shown = phone.get(mail.link)

    tried = [phone.post(mail.link, data={"code": code}).status_code for code in ("", "12345", wrong(mail.code))]
    done = phone.post(mail.link, data={"code": mail.code})

    assert 'name="code"' in shown.text
    assert "Set-Cookie" not in shown.headers
    assert mail.to not in shown.text
    assert (tried, done.status_code) == ([422, 422, 422], 303)
    assert (is_signed_in(phone), is_signed_in(client)) == (True, False)


def test_the_code_signs_in_where_it_was_asked_for_and_leads_back(client: FlaskClient, session: Session, mails: Mails) -> None:
    make_member(session)
    ask(client, next="/votes/march?from=mail")
    (mail,) = mails()

    done = client.post("/sign-in/code", data={"code": f" {mail.code[:3]} {mail.code[3:]} "})

    assert (done.status_code, done.location) == (303, "/votes/march?from=mail")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "/" + "a" * 1001])
def test_nobody_is_led_off_the_site(client: FlaskClient, session: Session, mails: Mails, target: str) -> None:
    make_member(session)
    ask(client, next=target)
    (mail,) = mails()

    assert client.post("/sign-in/code", data={"code": mail.code}).location == "/account"


def test_a_wrong_code_says_so_and_the_sixth_says_it_is_over(client: FlaskClient, session: Session, mails: Mails) -> None:
    make_member(session)
    ask(client)
    (mail,) = mails()

    pages = [client.post("/sign-in/code", data={"code": wrong(mail.code)}) for _ in range(5)]
    last = client.post("/sign-in/code", data={"code": mail.code})

    assert [page.status_code for page in (*pages, last)] == [422] * 6
    assert ["This code is not right" in page.text for page in pages] == [True] * 4 + [False]
    assert "typed too often" in last.text


def test_what_cant_be_a_code_costs_no_try(client: FlaskClient, session: Session, mails: Mails) -> None:
    make_member(session)
    ask(client)
    mails()

    codes = ("", "12345", "1234567", "abcdef", "１２３４５６")
    assert [client.post("/sign-in/code", data={"code": code}).status_code for code in codes] == [422] * 5
    assert session.scalars(select(SignInRequest.tries)).one() == 0


def test_a_dead_link_says_why_and_offers_a_new_one(client: FlaskClient, session: Session, mails: Mails, clock: FixedClock) -> None:
    make_member(session)
    ask(client)
    (used,) = mails()
    client.post(used.link)
    client.post("/sign-out")
    clock.instant += timedelta(seconds=1)
    ask(client)
    replaced = mails()[-1]
    clock.instant += timedelta(seconds=1)
    ask(client)
    expired = mails()[-1]
    clock.instant += timedelta(minutes=10)
    links = (used.link, replaced.link, expired.link, "/sign-in/link/" + "x" * 43)

    for method in ("GET", "POST"):
        pages = [client.open(link, method=method) for link in links]

        assert [page.status_code for page in pages] == [410, 410, 410, 404]
        words = ("used already", "newer mail has replaced", "run out", "know this link")
        assert [word in page.text for word, page in zip(words, pages, strict=True)] == [True] * 4
        assert all('action="/sign-in"' in page.text for page in pages)


def test_a_dead_link_keeps_the_address_and_the_way_back_only_where_they_were_typed(
    app: Flask, client: FlaskClient, session: Session, mails: Mails, clock: FixedClock
) -> None:
    make_member(session)
    ask(client, next="/votes/march")
    (mail,) = mails()
    clock.instant += timedelta(minutes=10)

    here, elsewhere = client.get(mail.link).text, new_browser(app).get(mail.link).text

    assert [('value="reader@example.org"' in page, 'value="/votes/march"' in page) for page in (here, elsewhere)] == [
        (True, True),
        (False, False),
    ]


def test_another_browser_than_the_asking_one_is_told_what_to_do(
    app: Flask, client: FlaskClient, session: Session, mails: Mails
) -> None:
    make_member(session)
    ask(client, next="/votes/march")
    (mail,) = mails()
    in_app = new_browser(app)
    page = in_app.get(mail.link).text

    done = in_app.post(mail.link, data={"code": mail.code})

    assert "You opened this in another browser than the one you asked in." in page
    assert "go back there and type the code" in page
    assert done.location == "/votes/march"


def test_each_sign_in_makes_a_new_session_and_ends_the_browsers_old_one(
    client: FlaskClient, session: Session, mails: Mails, clock: FixedClock
) -> None:
    make_member(session)
    tokens = []
    for _ in range(2):
        ask(client)
        client.post("/sign-in/code", data={"code": mails()[-1].code})
        clock.instant += timedelta(seconds=1)
        with client.session_transaction() as cookie:
            tokens.append(cookie["_user_id"])

    assert tokens[0] != tokens[1]
    assert [queries.find_login_session(session, token=token, now=clock.now()) is not None for token in tokens] == [False, True]


def test_the_cookies_of_a_sign_in(client: FlaskClient, session: Session, mails: Mails) -> None:
    make_member(session)
    asked = client.post("/sign-in", data={"email": "reader@example.org"})
    done = client.post("/sign-in/code", data={"code": mails()[0].code})
    out = client.post("/sign-out")

    (given,) = asked.headers.getlist("Set-Cookie")
    assert given.startswith("browser=")
    assert given.endswith("; HttpOnly; Path=/; SameSite=Lax")
    cookies = {cookie.partition("=")[0]: cookie for cookie in done.headers.getlist("Set-Cookie")}
    assert sorted(cookies) == ["browser", "m", "session"]
    assert "Max-Age=15552000" in cookies["browser"]  # half a year: its return is no news
    assert cookies["session"].endswith("; HttpOnly; Path=/; SameSite=Lax")
    assert "Expires=Sat, 20 Jun 2026" in cookies["m"] or "Max-Age=7776000" in cookies["m"]
    assert cookies["m"].startswith("m=1;")
    assert cookies["m"].endswith("; Path=/; SameSite=Lax")
    assert "HttpOnly" not in cookies["m"]
    assert any(cookie.startswith("m=;") and "Max-Age=0" in cookie for cookie in out.headers.getlist("Set-Cookie"))


def test_signing_out_kills_a_copied_cookie(app: Flask, client: FlaskClient, session: Session) -> None:
    sign_in(app, client, make_member(session).id)
    thief = new_browser(app)
    stolen = client.get_cookie("session")
    assert stolen is not None
    thief.set_cookie("session", stolen.value)
    assert is_signed_in(thief)

    client.post("/sign-out")

    assert (is_signed_in(client), is_signed_in(thief)) == (False, False)


def test_signing_out_twice_is_harmless(client: FlaskClient) -> None:
    assert [client.post("/sign-out").status_code for _ in range(2)] == [303, 303]


def test_a_session_that_has_run_out_is_dead(app: Flask, client: FlaskClient, session: Session, clock: FixedClock) -> None:
    sign_in(app, client, make_member(session).id)
    clock.instant += timedelta(days=90)

    refused = client.get("/account/settings")

    assert (refused.status_code, refused.location) == (303, "/sign-in?next=/account/settings")


def test_a_made_up_or_odd_cookie_signs_nobody_in(app: Flask, client: FlaskClient) -> None:
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "ж\ud800"
    first = client.get("/account/settings").status_code
    client.set_cookie("session", "nonsense")

    assert (first, client.get("/account/settings").status_code) == (303, 303)


def test_who_is_signed_in_is_not_asked_again(app: Flask, client: FlaskClient, session: Session) -> None:
    sign_in(app, client, make_member(session).id)

    went = [client.get(path).location for path in ("/sign-in", "/sign-in?next=/votes", "/sign-in?next=//evil.example")]

    assert went == ["/account", "/votes", "/account"]


def test_the_owner_is_told_of_a_new_browser_by_mail_and_not_of_one_that_came_back(
    app: Flask, client: FlaskClient, session: Session, mails: Mails, clock: FixedClock
) -> None:
    make_member(session)
    for browser in (client, client, new_browser(app)):
        clock.instant += timedelta(hours=1)
        ask(browser)
        browser.post("/sign-in/code", data={"code": mails()[-1].code})

    clock.instant += timedelta(minutes=1)
    (notice,) = [mail for mail in mails() if "New sign-in" in mail.subject]
    assert notice.to == "reader@example.org"
    assert "When: Sunday 22 March 2026, 17:00 in Kyiv" in notice.text
    assert "How: with a mail to this address" in notice.text
    assert "http://localhost/account/devices" in notice.text
    assert "127.0.0.1" not in notice.text


def test_signing_in_as_somebody_else_ends_the_session_before_and_empties_the_cookie(
    app: Flask, client: FlaskClient, session: Session, mails: Mails
) -> None:
    first = sign_in(app, client, make_member(session, "first@example.org").id)
    with client.session_transaction() as cookie:
        cookie["left_behind"] = "something"
    make_member(session, "second@example.org")
    ask(client, "second@example.org")

    client.post("/sign-in/code", data={"code": mails()[0].code})

    with client.session_transaction() as cookie:
        assert "left_behind" not in cookie
        assert cookie["_user_id"] != first
    assert queries.find_login_session(session, token=first, now=NOW) is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"display_name": "x" * 81, "language": "uk"}, "80 characters or fewer"),
        ({"display_name": "Olena", "language": "tlh"}, "Choose a language"),
    ],
)
def test_settings_that_make_no_sense_are_not_saved(
    app: Flask, client: FlaskClient, session: Session, fields: dict[str, str], words: str
) -> None:
    sign_in(app, client, make_member(session, display_name="Before").id)

    page = client.post("/account/settings", data=fields)

    assert (page.status_code, words in page.text, page.text.count("Not a valid choice")) == (422, True, 0)
    assert f'value="{fields["display_name"]}"' in page.text
    session.expire_all()
    assert session.scalars(select(Member.display_name)).one() == "Before"


def test_a_name_and_a_language_are_saved_and_the_page_speaks_it(app: Flask, client: FlaskClient, session: Session) -> None:
    sign_in(app, client, make_member(session).id)

    saved = client.post("/account/settings", data={"display_name": " Олена <b> ", "language": "uk"})
    page = client.get("/account/settings").text

    assert (saved.status_code, saved.location) == (303, "/account/settings")
    assert '<html lang="uk">' in page
    assert 'value="Олена &lt;b&gt;"' in page
    assert session.execute(select(Member.display_name, Member.language)).one() == ("Олена <b>", "uk")


def test_the_sign_in_page_speaks_the_language_of_its_address(client: FlaskClient, session: Session) -> None:
    page = client.get("/uk/sign-in?next=/votes").text
    asked = client.post("/uk/sign-in", data={"email": "stranger@example.org"})

    assert '<html lang="uk">' in page
    assert 'action="/uk/sign-in"' in page
    assert '<a href="/sign-in?next=/votes" lang="en"' in page
    assert asked.location == "/uk/sign-in/code"
    assert session.scalars(select(SignInRequest.language)).one() == "uk"
