"""Everybody gets everything of theirs, nothing of anybody else's, and no secret."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.accounts.personal import personal_data as of_accounts
from membership.accounts.services import ask_closure
from membership.clock import FixedClock
from membership.credits.personal import personal_data as of_credits
from membership.data_classes import TABLES, exported_of
from membership.patronage.models import Payment
from membership.patronage.personal import personal_data as of_support
from membership.personal_rows import PersonalData, plain
from membership.voting.keys import RoundKeys
from membership.voting.personal import personal_data as of_votes
from tests.accounts.conftest import new_browser
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, sign_in
from tests.factories.articles import make_article
from tests.factories.everything import Made, make_everything
from tests.factories.patronage import make_plan
from tests.factories.voting import cast, make_patron, open_vote

ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def everything(session: Session, member_id: int) -> PersonalData:
    return {
        table: rows for read in (of_accounts, of_support, of_votes, of_credits) for table, rows in read(session, member_id).items()
    }


@pytest.fixture
def mine(session: Session, clock: FixedClock, tmp_path: Path) -> tuple[int, Made]:
    """One of everything of mine, beside one of everything of somebody else's."""
    keys = RoundKeys(tmp_path / "keys")
    plan, round_ = make_plan(session), open_vote(session, keys=keys, clock=clock)
    make_everything(session, "theirs", plan_id=plan.id, round_id=round_.id)
    member_id, made = make_everything(session, "mine", plan_id=plan.id, round_id=round_.id)
    made["account_closure"] = [ask_closure(session, member_id=member_id, now=NOW)]
    return member_id, made


def test_whatever_is_declared_to_be_in_the_download_is_in_it(session: Session, mine: tuple[int, Made]) -> None:
    member_id, made = mine
    found = everything(session, member_id)
    staff_only = {"staff_role"}  # who works here is nobody's patron: below

    for table in TABLES:
        if names := exported_of(table):
            rows = [row for row in made.get(table, []) if table != "member" or row.id == member_id]  # type: ignore[attr-defined]
            assert rows or table in staff_only, table
            expected = [{name: plain(getattr(row, name)) for name in names} for row in rows]
            own = [{name: row[name] for name in names} for row in found[table] if row.get("kind") != "closure_asked"]
            assert sorted(own, key=repr) == sorted(expected, key=repr), table
    assert set(found) == {table for table in TABLES if exported_of(table)}


def test_nothing_of_anybody_else_is_in_it(session: Session, mine: tuple[int, Made]) -> None:
    assert "theirs" not in json.dumps(everything(session, mine[0]))


def test_what_lies_under_a_typed_address_is_nobodys_until_a_mailbox_has_proved_it(session: Session, mine: tuple[int, Made]) -> None:
    stranger = make_member(session, "stranger@example.org")
    stranger.email, stranger.typed_email = None, "mine@example.org"
    session.flush()

    found = everything(session, stranger.id)

    assert {table: rows for table, rows in found.items() if rows and table != "member"} == {}
    session.rollback()


def test_who_works_here_sees_their_roles(session: Session) -> None:
    member = make_staff(session, "counter")

    assert everything(session, member.id)["staff_role"] == [{"role": "counter", "granted_at": NOW.isoformat()}]


@ON_SQLITE
def test_pages_and_file_show_a_member_their_own(app: Flask, client: FlaskClient, app_session: Session, clock: FixedClock) -> None:
    plan = make_plan(app_session)
    keys: RoundKeys = app.extensions["round_keys"]
    round_ = open_vote(app_session, keys=keys, clock=clock)
    for who in ("theirs", "mine"):
        member_id, _made = make_everything(app_session, who, plan_id=plan.id, round_id=round_.id)
    sign_in(app, client, member_id)

    page, file = client.get("/account/data"), client.get("/account/data.json")
    data: dict[str, Any] = file.get_json()

    assert [page.status_code, file.status_code] == [200, 200]
    assert [page.headers["Cache-Control"], file.headers["Cache-Control"]] == ["private, no-store"] * 2
    assert "attachment" in file.headers["Content-Disposition"]
    assert ("mine note" in page.text, "What mine read" in page.text, "theirs" in page.text + file.text) == (True, True, False)
    assert data["support"]["payment"][0]["reference"] == "ch_mine"
    assert [data["account"]["member"][0]["email"], data["votes"]["participation"][0]["vote"]] == [
        "mine@example.org",
        "The March vote",
    ]


@ON_SQLITE
def test_the_page_names_articles_also_where_the_first_row_has_none(app: Flask, client: FlaskClient, app_session: Session) -> None:
    plan, article, member = make_plan(app_session), make_article(app_session, "harvest"), make_member(app_session)
    for article_id in (None, article.id):
        money = {"amount_minor": 500, "net_minor": 500, "fee_minor": 0, "currency": plan.currency, "occurred_at": NOW}
        about = {"kind": "manual", "source": "bank", "reference": str(article_id), "member_id": member.id, "article_id": article_id}
        app_session.add(Payment(**money, **about))
    app_session.commit()
    sign_in(app, client, member.id)

    assert article.headline in client.get("/account/data").text


@ON_SQLITE
def test_no_page_and_no_file_says_what_somebody_ticked(
    app: Flask, client: FlaskClient, app_session: Session, clock: FixedClock
) -> None:
    keys: RoundKeys = app.extensions["round_keys"]
    patron = make_patron(app_session, clock=clock)
    round_ = open_vote(app_session, keys=keys, clock=clock)
    cast(app_session, round_, patron, "water", keys=keys, clock=clock)
    sign_in(app, client, patron)

    page, file = client.get("/account/data"), client.get("/account/data.json")

    assert "/votes/march" in page.text
    assert [word in page.text + file.text for word in ("water", "About water")] == [False, False]


@ON_SQLITE
def test_strangers_are_led_to_the_sign_in(app: Flask) -> None:
    browser = new_browser(app)

    assert [browser.get(path).status_code for path in ("/account/data", "/account/data.json", "/account/delete")] == [303] * 3


@ON_SQLITE
@pytest.mark.parametrize("prefix", ["", "/uk"])
def test_everybody_can_read_what_we_keep(app: Flask, client: FlaskClient, prefix: str) -> None:
    page = client.get(f"{prefix}/privacy/data")
    short = client.get(f"{prefix}/votes/who-can-see-what")

    assert (page.status_code, page.text.count("<h2")) == (200, 13)
    assert f"{prefix}/privacy/data" in short.text
