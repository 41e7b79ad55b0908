"""Where somebody is signed in, and that voting leaves no trace there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session

from membership.accounts import queries, services
from membership.accounts.models import LoginSession
from membership.app import create_app
from membership.clock import FixedClock
from tests.accounts.conftest import new_browser
from tests.conftest import NOW, SettingsMaker
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.factories.voting import make_patron, open_vote

HOUR = timedelta(hours=1)


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account/settings").status_code == 200


def last_seen(session: Session) -> list[datetime]:
    session.rollback()
    return list(session.scalars(select(LoginSession.last_seen_at).order_by(LoginSession.id)))


@contextmanager
def writes_to(table: str, engine: Engine) -> Iterator[list[str]]:
    """Collect what is sent to the database about this table and is no SELECT."""
    written: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if table in statement and not statement.lstrip().upper().startswith("SELECT"):
            written.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield written
    event.remove(engine, "before_cursor_execute", note)


def test_showing_and_casting_a_ballot_writes_nothing_about_the_session(
    app: Flask, client: FlaskClient, session: Session, clock: FixedClock
) -> None:
    """PostgreSQL's row versions and SQLite's order of pages would lay the voter beside the ballot."""
    patron = make_patron(session, clock=clock)
    open_vote(session, keys=app.extensions["round_keys"], clock=clock)
    sign_in(app, client, patron)
    clock.instant += 3 * HOUR

    with writes_to("login_session", app.extensions["kernel"].engine) as written:
        shown = [client.get(path).status_code for path in ("/votes", "/votes/march", "/uk/votes/march")]
        cast = client.post("/votes/march/ballot", data={"topics": ["water"]})
        back = client.get(cast.location)
        taken_back = client.post("/votes/march/withdrawal")

    assert (shown, cast.status_code, back.status_code, taken_back.status_code) == ([200, 200, 200], 303, 200, 303)
    assert written == []
    assert last_seen(session) == [NOW]


def test_use_is_noted_once_an_hour_and_by_pages_that_know_the_reader_only(
    app: Flask, client: FlaskClient, session: Session, clock: FixedClock
) -> None:
    sign_in(app, client, make_member(session).id)
    clock.instant += HOUR + timedelta(minutes=30)
    with writes_to("login_session", app.extensions["kernel"].engine) as before:
        client.get("/account/nowhere")
        client.post("/account/settings", data={"display_name": "x" * 81, "language": "en"})
    assert (before, last_seen(session)) == ([], [NOW])

    with writes_to("login_session", app.extensions["kernel"].engine) as noted:
        for path in ("/account/settings", "/account/devices", "/sign-in"):
            client.get(path)
            clock.instant += timedelta(minutes=9)

    assert (len(noted), last_seen(session)) == (1, [NOW + HOUR])


def test_a_page_that_could_not_be_noted_is_shown_all_the_same(
    app: Flask, client: FlaskClient, session: Session, clock: FixedClock
) -> None:
    sign_in(app, client, make_member(session).id)
    clock.instant += HOUR
    engine = app.extensions["kernel"].engine

    def fail(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("UPDATE login_session"):
            session.execute(text("no such statement"))

    event.listen(engine, "before_cursor_execute", fail)
    shown = client.get("/account/settings").status_code
    event.remove(engine, "before_cursor_execute", fail)

    assert (shown, last_seen(session)) == (200, [NOW])


def test_who_comes_back_each_week_stays_signed_in_and_after_a_month_away_not(
    app: Flask, client: FlaskClient, session: Session, clock: FixedClock
) -> None:
    sign_in(app, client, make_member(session).id)
    weekly = []
    for _ in range(6):
        clock.instant += timedelta(days=7)
        weekly.append(is_signed_in(client))
    clock.instant += timedelta(days=30)

    assert (weekly, is_signed_in(client)) == ([True] * 6, False)


def test_a_browser_can_be_signed_out_from_another(app: Flask, client: FlaskClient, session: Session, clock: FixedClock) -> None:
    member = make_member(session)
    phone = new_browser(app)
    phone_token = sign_in(app, phone, member.id)
    clock.instant += timedelta(hours=26, minutes=30)
    sign_in(app, client, member.id)
    phone.get("/account/settings")
    clock.instant += 2 * HOUR
    login = queries.find_login_session(session, token=phone_token, now=clock.now())
    assert login is not None
    page = client.get("/account/devices").text

    client.post(f"/account/devices/{login.id}/end")

    for said in (
        "Signed in with a mail",
        "22 March 2026, 14:00 in Kyiv",
        "23 March 2026, 16:30 in Kyiv",
        "23 March 2026, 16:00 in Kyiv",
    ):
        assert said in page
    assert page.count("this browser") == 1
    assert (is_signed_in(client), is_signed_in(phone)) == (True, False)


def test_nobody_signs_somebody_else_out(app: Flask, client: FlaskClient, session: Session) -> None:
    theirs = services.start_session(session, member_id=make_member(session, "b@example.org").id, method="mail", now=NOW)
    sign_in(app, client, make_member(session, "a@example.org").id)
    login = queries.find_login_session(session, token=theirs, now=NOW)
    assert login is not None

    client.post(f"/account/devices/{login.id}/end")

    session.expire_all()
    assert queries.find_login_session(session, token=theirs, now=NOW) is not None


def test_all_other_browsers_can_be_signed_out_at_once(app: Flask, client: FlaskClient, session: Session) -> None:
    member = make_member(session)
    others = [new_browser(app), new_browser(app)]
    for each in (client, *others):
        sign_in(app, each, member.id)

    client.post("/account/devices/end-others")

    assert [is_signed_in(each) for each in (client, *others)] == [True, False, False]


def test_the_staff_link_of_the_demo_says_which_browser_opened_the_desk(app: Flask, client: FlaskClient, session: Session) -> None:
    token = services.make_staff_link(session, member_id=make_staff(session).id, now=NOW)

    client.post(f"/demo/staff/{token}")

    session.rollback()
    assert session.scalars(select(LoginSession.browser_hash)).one() is not None


def test_over_https_the_sessions_cookie_is_bound_to_this_host(make_settings: SettingsMaker, clock: FixedClock) -> None:
    settings = make_settings(MEMBERSHIP_ENV="staging", SITE_URL="https://news.example", MAIL_URL="smtp://localhost")
    app = create_app(settings, clock=clock)
    client = app.test_client()

    refused = client.get("/account/devices", base_url="https://news.example")  # it leaves a message in the session
    app.extensions["kernel"].engine.dispose()

    (cookie,) = refused.headers.getlist("Set-Cookie")
    name, _, traits = cookie.partition("=")
    assert (refused.status_code, name) == (303, "__Host-session")
    assert sorted(traits.split("; ")[1:]) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]
