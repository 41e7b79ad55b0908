"""The desk's pages of promises: who may, what is confirmed, what can be undone."""

from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.audit import AuditEntry
from membership.credits.models import Commission
from membership.db import transaction
from membership.outbox import OutboxItem
from tests.credits.test_views import words_of
from tests.factories.credits import make_article, make_commission

PAGES = ("/staff/stories", "/staff/stories/1", "/staff/stories/1/link/1")
ACTS = ("link/1", "unlink", "drop", "resume", "due")


def test_who_is_no_editor_sees_nothing(outsider: FlaskClient, session: Session) -> None:
    make_commission(session)
    make_article(session)

    pages = [outsider.get(path) for path in PAGES]

    assert {page.status_code for page in pages} in ({303}, {403})
    assert [page for page in pages if "Water" in page.text] == []


def test_who_is_no_editor_does_nothing(outsider: FlaskClient, session: Session) -> None:
    commission = make_commission(session)
    make_article(session)

    answers = [outsider.post(f"/staff/stories/{commission.id}/{act}", data={"reason": "No", "month": "2026-08"}) for act in ACTS]

    assert {answer.status_code for answer in answers} in ({303}, {403})
    session.rollback()  # a new look at the database
    assert (commission.state, commission.due_on) == ("in_progress", date(2026, 5, 1))
    assert session.scalars(select(AuditEntry).where(AuditEntry.subject_type == "commission")).all() == []


@pytest.mark.parametrize("path", ["/staff/stories/404", "/staff/stories/404/link/1"])
def test_an_unknown_story_is_a_page_that_says_so(editor: FlaskClient, path: str) -> None:
    assert editor.get(path).status_code == 404


def test_without_promises_the_list_says_when_the_next_come(editor: FlaskClient) -> None:
    assert "No chosen topic waits for its story." in editor.get("/staff/stories").text


def test_the_list_marks_what_is_late_before_what_is_due_later(editor: FlaskClient, session: Session) -> None:
    later, late = make_commission(session), make_commission(session, "april-2026", name="The April vote")
    set_due(session, late, "2026-01-01")

    text = words_of(editor.get("/staff/stories").text)

    assert text.index("The April vote · promised for January 2026 late by 50 days") < text.index("promised for May 2026 in time")
    assert later.state == "in_progress"


def test_the_search_finds_headline_and_address_and_says_when_nothing_fits(editor: FlaskClient, session: Session) -> None:
    commission = make_commission(session)
    make_article(session, "who-repairs-the-mains")
    make_article(session, "the-twelve-buses")

    every = editor.get(f"/staff/stories/{commission.id}").text
    some = editor.get(f"/staff/stories/{commission.id}?q=BUSES").text
    none = editor.get(f"/staff/stories/{commission.id}?q=<nothing>").text

    assert "Who repairs" in every
    assert "The twelve" in every
    assert "Who repairs" not in some
    assert "The twelve" in some
    assert "No published article has this" in none
    assert 'value="&lt;nothing&gt;"' in none


def test_before_linking_the_editor_sees_what_readers_will_see(editor: FlaskClient, session: Session) -> None:
    commission, article = make_commission(session), make_article(session)

    text = words_of(editor.get(f"/staff/stories/{commission.id}/link/{article.id}").text)

    assert "The article says that readers chose it in the March vote. 25 readers voted; 15 wanted this story." in text
    assert "25 mails “here is the story” go out" in text
    session.refresh(commission)
    assert commission.state == "in_progress"


def test_linking_and_undoing(editor: FlaskClient, session: Session, app: Flask) -> None:
    commission, article = make_commission(session), make_article(session)

    linked = editor.post(f"/staff/stories/{commission.id}/link/{article.id}", follow_redirects=True)
    app.extensions["kernel"].queue.run("story_letters")
    letters = len(session.scalars(select(OutboxItem)).all())
    undone = editor.post(f"/staff/stories/{commission.id}/unlink", follow_redirects=True)

    assert "those who voted get their mail" in linked.text
    assert "Undo the link" in linked.text
    assert letters == 25
    assert "The link is undone." in undone.text
    session.rollback()  # a new look at the database
    assert session.scalars(select(OutboxItem)).all() == []
    assert commission.state == "in_progress"


def test_a_second_editor_who_comes_too_late_is_told_so(editor: FlaskClient, session: Session) -> None:
    commission, article = make_commission(session), make_article(session)
    editor.post(f"/staff/stories/{commission.id}/link/{article.id}")

    late = editor.post(f"/staff/stories/{commission.id}/link/{article.id}")

    assert late.status_code == 409
    assert "no longer in progress" in late.text


def test_dropping_without_a_reason_is_refused_beside_the_field(editor: FlaskClient, session: Session) -> None:
    commission = make_commission(session)

    page = editor.post(f"/staff/stories/{commission.id}/drop", data={"reason": "  "})

    assert page.status_code == 422
    assert "There is a problem" in page.text
    assert 'href="#reason"' in page.text
    assert "<title>Error:" in page.text


def test_dropping_and_taking_up_again(editor: FlaskClient, session: Session) -> None:
    commission = make_commission(session)

    dropped = editor.post(f"/staff/stories/{commission.id}/drop", data={"reason": "The source withdrew."}, follow_redirects=True)
    public = editor.get("/chosen").text
    resumed = editor.post(f"/staff/stories/{commission.id}/resume", follow_redirects=True)

    assert "The reason stands on the public page." in dropped.text
    assert "The source withdrew." in public
    assert "This story is in progress again." in resumed.text


@pytest.mark.parametrize(
    ("month", "said"),
    [("", "Enter a month"), ("May", "Enter a month, such as 2026-05."), ("2026-02", "Choose this month or a later one.")],
)
def test_a_month_that_cannot_be_promised_is_refused_beside_the_field(
    editor: FlaskClient, session: Session, month: str, said: str
) -> None:
    commission = make_commission(session)

    page = editor.post(f"/staff/stories/{commission.id}/due", data={"month": month})

    assert page.status_code == 422
    assert 'href="#month"' in page.text
    assert said in page.text


def test_moving_the_month(editor: FlaskClient, session: Session) -> None:
    commission = make_commission(session)

    page = editor.post(f"/staff/stories/{commission.id}/due", data={"month": "2026-08"}, follow_redirects=True)

    assert "August 2026 (at first for May 2026)" in words_of(page.text)


def set_due(session: Session, commission: Commission, day: str) -> None:
    with transaction(session):
        commission.due_on = commission.promised_on = date.fromisoformat(day)
