"""Which mails somebody gets, and the link that stops some of them (RFC 8058)."""

import re
from datetime import timedelta

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.mail_links import mails_off_path, make_mails_token, one_click_headers, read_mails_token
from membership.accounts.models import MAIL_GROUPS, MailChoice
from membership.accounts.queries import wants
from membership.clock import FixedClock
from membership.signed_links import make_token
from tests.conftest import NOW, SECRET_KEY
from tests.factories.accounts import make_member, sign_in

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def token_of(member_id: int, group: str = "stories") -> str:
    return make_mails_token(SECRET_KEY, member_id=member_id, group=group, now=NOW)


def switched_off(session: Session) -> list[tuple[int, str]]:
    rows = session.execute(select(MailChoice.member_id, MailChoice.mail_group).order_by(MailChoice.mail_group))
    found = [(member_id, group) for member_id, group in rows]
    session.commit()
    return found


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        token_of(1)[:-1],
        make_token("another secret key of 32 characters or more", "mails", "stories:1", now=NOW),
        make_token(SECRET_KEY, "stop", "stories:1", now=NOW),
        make_token(SECRET_KEY, "mails", "everything:1", now=NOW),
        make_token(SECRET_KEY, "mails", "stories:many", now=NOW),
        make_token(SECRET_KEY, "mails", "stories:1", now=NOW - timedelta(days=366)),
    ],
)
def test_what_is_no_link_of_ours_names_nobody(token: str) -> None:
    with pytest.raises(ValueError):
        read_mails_token(SECRET_KEY, token, now=NOW)


def test_a_link_works_for_a_year(app: Flask, client: FlaskClient, session: Session, clock: FixedClock) -> None:
    path = mails_off_path(token_of(make_member(session).id))
    clock.instant = NOW + timedelta(days=365)
    kept = client.get(path).status_code
    clock.instant = NOW + timedelta(days=365, seconds=1)

    assert (kept, client.get(path).status_code, client.post(path, data=ONE_CLICK).status_code) == (200, 410, 410)
    assert switched_off(session) == []


def test_looking_switches_nothing_off_and_neither_does_another_body(client: FlaskClient, session: Session) -> None:
    path = mails_off_path(token_of(make_member(session).id))

    seen = [client.get(path), client.post(path), client.post(path, data={"List-Unsubscribe": "Two-Clicks"})]

    assert [each.status_code for each in seen] == [200, 422, 422]
    assert switched_off(session) == []
    assert "reader@" not in seen[0].text


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://mail.example"}])
def test_a_mail_program_stops_them_without_cookies_and_from_elsewhere(
    app: Flask, session: Session, headers: dict[str, str]
) -> None:
    member = make_member(session)
    program = app.test_client(use_cookies=False)  # and no Sec-Fetch-Site of our own

    said = [program.post(mails_off_path(token_of(member.id)), data=ONE_CLICK, headers=headers) for _ in range(2)]

    assert [(each.status_code, each.headers.get("Set-Cookie")) for each in said] == [(200, None), (200, None)]
    assert switched_off(session) == [(member.id, "stories")]


def test_switching_on_again_is_our_own_pages_alone(app: Flask, client: FlaskClient, session: Session) -> None:
    member = make_member(session)
    token = token_of(member.id)
    page = client.post(mails_off_path(token), data=ONE_CLICK).text
    on = re.findall(r'action="(/mails/on/[^"]+)"', page)[0]

    foreign = app.test_client().post(on, headers={"Sec-Fetch-Site": "cross-site"}).status_code
    looked = client.get(on).status_code
    before = switched_off(session)

    assert (foreign, looked, before) == (403, 200, [(member.id, "stories")])
    assert (client.post(on).status_code, switched_off(session)) == (200, [])


def test_a_link_of_somebody_who_is_gone_does_nothing_and_says_nothing(client: FlaskClient) -> None:
    assert client.post(mails_off_path(token_of(999)), data=ONE_CLICK).status_code == 200


def test_the_header_names_the_path_that_there_is(app: Flask) -> None:
    with app.test_request_context():
        path = url_for("accounts_mails.mails_off", token="TOKEN")

    assert one_click_headers("https://gazette.example", "TOKEN") == {
        "List-Unsubscribe": f"<https://gazette.example{path}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_a_member_chooses_on_a_page_and_no_other_member_is_touched(app: Flask, client: FlaskClient, session: Session) -> None:
    member, other = make_member(session), make_member(session, "other@example.org")
    sign_in(app, client, member.id)
    everything = client.get("/account/mails").text.count("checked")

    kept = client.post("/account/mails", data={"groups": ["votes"]})

    assert (everything, kept.status_code) == (len(MAIL_GROUPS), 303)
    assert switched_off(session) == [(member.id, "stories")]
    assert client.get("/account/mails").text.count("checked") == 1
    assert [wants(session, who.id, "stories") for who in (member, other)] == [False, True]


def test_what_is_no_group_is_refused(app: Flask, client: FlaskClient, session: Session) -> None:
    sign_in(app, client, make_member(session).id)

    page = client.post("/account/mails", data={"groups": ["votes", "receipts"]})

    assert (page.status_code, switched_off(session)) == (422, [])
    assert "There is a problem" in page.text
