"""The desk in a browser: who may see which page, empty states, links only for those who may follow them."""

import csv
import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership import audit
from membership.audit import AuditEntry
from membership.audit_check import AuditCheck
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.refusal_counts import refusals_since
from membership.voting.models import Topic
from tests.conftest import NOW
from tests.credits.conftest import browser
from tests.credits.test_views import words_of
from tests.factories.accounts import make_member, make_staff
from tests.factories.credits import make_commission, make_round
from tests.staff.test_queries import stripe_event

MAY_OPEN = {
    "/staff": {"editor", "counter", "treasurer", "admin"},
    "/staff/audit": {"admin"},
    "/staff/audit-all.csv": {"admin"},
    "/staff/audit.csv": {"admin"},
    "/staff/figures": {"editor", "counter", "treasurer", "admin"},
    "/staff/seats": {"treasurer", "admin"},
    "/staff/money": {"treasurer", "admin"},
    "/staff/patreon": {"treasurer", "admin"},
    "/staff/roles": {"editor", "counter", "treasurer", "admin"},
    "/staff/dead-letters": {"admin"},
    "/staff/stripe-events": {"treasurer", "admin"},
}


def test_a_stranger_is_led_to_the_sign_in_page(app: Flask) -> None:
    assert {path: browser(app).get(path).status_code for path in MAY_OPEN} == dict.fromkeys(MAY_OPEN, 303)


def test_a_reader_is_refused(app: Flask, session: Session) -> None:
    reader = browser(app, make_member(session).id)

    assert {path: reader.get(path).status_code for path in MAY_OPEN} == dict.fromkeys(MAY_OPEN, 403)
    assert reader.post("/staff/dead-letters/1/retry").status_code == 403


@pytest.mark.parametrize("role", ["editor", "counter", "treasurer", "admin"])
def test_each_role_opens_its_own_pages(app: Flask, session: Session, role: str) -> None:
    person = browser(app, make_staff(session, role).id)

    assert {path: person.get(path).status_code for path in MAY_OPEN} == {
        path: 200 if role in roles else 403 for path, roles in MAY_OPEN.items()
    }


def test_a_quiet_desk_says_that_nothing_needs_anybody(app: Flask, session: Session) -> None:
    page = at_desk(app, session, "editor").get("/staff")

    assert "Nothing needs you right now." in page.text
    assert page.headers["Cache-Control"] == "private, no-store"


def test_the_desk_lists_what_waits_and_links_only_what_the_viewer_may_do(app: Flask, session: Session) -> None:
    make_round(session)
    with transaction(session):
        make_everything_wait(session)

    seen = at_desk(app, session, "editor").get("/staff").text

    text = words_of(seen)
    assert "The March vote Closed on Friday 20 March 2026" in text
    assert "Waits for somebody with the role “counter”." in text
    assert "1 suggestion waits for an answer the oldest since 22 March 2026 Answer them" in text
    assert "1 mail could not be sent Waits for somebody with the role “admin”." in text
    assert "1 message from Stripe could not be worked on Waits for somebody with the role “treasurer”." in text
    assert 'href="/staff/topics"' in seen
    assert 'href="/staff/votes/march-2026"' not in seen


def test_the_counter_is_led_to_the_box(app: Flask, session: Session) -> None:
    make_round(session)

    assert 'href="/staff/votes/march-2026"' in at_desk(app, session, "counter").get("/staff").text


def test_the_desk_says_which_story_is_due(app: Flask, session: Session) -> None:
    commission = make_commission(session)
    with transaction(session):
        commission.due_on = NOW.date().replace(day=1)

    page = at_desk(app, session, "editor").get("/staff")

    assert "Water Readers chose it; promised for March 2026. due this month Open the story" in words_of(page.text)
    assert f'href="/staff/stories/{commission.id}"' in page.text


def test_the_audit_trail_keeps_its_filter_and_its_csv_holds_the_same_lines(app: Flask, session: Session) -> None:
    admin = at_desk(app, session, "admin")
    with transaction(session):
        for number in range(60):
            audit.record(session, act="topic.declined", subject=("topic", number), actor_id=None, now=NOW, reason="=why", seats=2)

    page = admin.get("/staff/audit?act=topic.declined")
    rows = list(csv.reader(io.StringIO(admin.get("/staff/audit.csv?act=topic.declined").text.lstrip("\ufeff"))))

    assert "the system" in page.text
    assert "before=" in page.text
    assert "act=topic.declined" in page.text
    assert len(rows) == 51
    assert rows[0] == ["entry", "at", "who", "act", "subject", "id", "reason", "details"]
    assert rows[1] == ["61", NOW.isoformat(), "", "topic.declined", "topic", "59", "'=why", '{"seats": 2}']


def test_the_audit_trail_speaks_in_words_and_filters_by_person_and_day(app: Flask, session: Session) -> None:
    admin = make_staff(session, "admin")
    with transaction(session):
        for hours, actor_id in ((0, None), (24, admin.id), (48, admin.id)):
            at = NOW + timedelta(hours=hours)
            audit.record(session, act="round.opened", subject=("round", hours), actor_id=actor_id, now=at)
        audit.record(session, act="new.act", subject=("thing", 1), actor_id=None, now=NOW)

    def seen(query: str) -> list[str]:
        page = browser(app, admin.id).get(f"/staff/audit?{query}").text
        return re.findall(r"subject_id=(\d+)\">round", page)

    assert "opened a vote" in browser(app, admin.id).get("/staff/audit").text
    assert ">new.act<" in browser(app, admin.id).get("/staff/audit").text
    assert seen("act=round.opened") == ["48", "24", "0"]
    assert seen(f"act=round.opened&person={admin.id}") == ["48", "24"]
    assert seen("act=round.opened&person=system") == ["0"]
    assert seen("act=round.opened&since=2026-03-23&until=2026-03-23") == ["24"]
    assert seen("act=round.opened&until=2026-03-22&person=no-number") == []


def test_the_form_and_the_links_keep_the_filter(app: Flask, session: Session) -> None:
    page = at_desk(app, session, "admin").get("/staff/audit?person=system&since=2026-03-01&until=2026-03-31").text

    assert '<option value="system" selected>' in page
    assert 'value="2026-03-01"' in page
    assert "/staff/audit-all.csv?person=system&amp;since=2026-03-01&amp;until=2026-03-31" in page


def test_all_that_fits_is_more_than_a_page_and_taking_it_is_written_down(app: Flask, session: Session) -> None:
    admin = at_desk(app, session, "admin")
    with transaction(session):
        for number in range(1100):
            audit.record(session, act="topic.declined", subject=("topic", number), actor_id=None, now=NOW)

    lines = list(csv.reader(io.StringIO(admin.get("/staff/audit-all.csv?act=topic.declined").text.lstrip("\ufeff"))))
    taken = session.scalars(select(AuditEntry).where(AuditEntry.act == "audit.exported")).one()

    assert [line[5] for line in lines] == ["id", *[str(number) for number in reversed(range(1100))]]
    assert taken.details == {"filter": {"act": "topic.declined"}}


def test_the_audit_page_and_the_desk_tell_when_the_chain_does_not_hold(app: Flask, session: Session) -> None:
    with app.extensions["kernel"].sessions() as own:  # with the app's key
        admin = at_desk(app, own, "admin")
    never = admin.get("/staff/audit").text
    run_check(app)
    whole = admin.get("/staff/audit").text
    with transaction(session):
        session.add(AuditCheck(at=NOW + timedelta(days=1), last_id=1, head="", faults=[[1, "entry 1: it was taken out"]]))

    assert "it was not checked yet" in never
    assert "This record was whole when it was last checked, on Sunday 22 March 2026" in whole
    assert "entry 1: it was taken out" in admin.get("/staff/audit").text
    assert "The record of who did what was tampered with" in admin.get("/staff").text


def test_what_readers_were_refused_is_a_number_and_what_staff_were_refused_an_act(app: Flask, session: Session) -> None:
    editor, reader = make_staff(session, "editor"), make_member(session)
    secret = {"reason": "secret"}

    assert browser(app, editor.id).post("/staff/dead-letters/1/retry?q=secret", data=secret).status_code == 403
    assert browser(app, reader.id).get("/staff/audit").status_code == 403
    for _ in range(3):
        assert app.test_client().post("/sign-in", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser(app, editor.id).get("/no-such-page").status_code == 404
    app.extensions["refusals"].write()

    entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "refused")).one()
    assert (entry.actor_id, entry.subject_type, entry.subject_id) == (editor.id, "route", "staff.retry_letter")
    assert entry.details == {"method": "POST", "status": 403}
    assert [(each.on, each.kind, each.many) for each in refusals_since(session, NOW.date())] == [
        (NOW.date(), "foreign", 3),
        (NOW.date(), "role", 1),
    ]
    assert "sent by another site" in at_desk(app, session, "admin", email="admin@example.org").get("/staff/audit").text


@pytest.mark.parametrize(
    "query", ["act=nothing", "since=yesterday&until=9999-12-31", "person=" + "9" * 30, "before=1", "before=x", "subject_id=%00"]
)
def test_a_filter_that_finds_nothing_or_makes_no_sense_breaks_nothing(app: Flask, session: Session, query: str) -> None:
    assert at_desk(app, session, "admin").get(f"/staff/audit?{query}").status_code in (200, 400)


def test_numbers_come_with_their_meaning_even_when_there_are_none(app: Flask, session: Session) -> None:
    text = words_of(at_desk(app, session, "treasurer").get("/staff/figures").text)

    assert "0 people who may vote at this moment; staff are not among them" in text
    assert "There is nothing to buy yet" in text
    assert "No vote has been published yet." in text


def test_the_roles_name_who_holds_them(app: Flask, session: Session) -> None:
    olena = make_staff(session, "counter", email="olena@example.org")
    with transaction(session):
        olena.display_name = "Olena Test"

    text = words_of(at_desk(app, session, "editor").get("/staff/roles").text)

    assert "Olena Test" in text
    assert "olena@example.org" not in text
    assert "counter give an open vote more time, close it early or take a topic off it, with a public note void a vote" in text


def test_a_dead_letter_is_shown_without_address_and_can_be_tried_again(app: Flask, session: Session) -> None:
    admin = at_desk(app, session, "admin")
    with transaction(session):
        make_everything_wait(session)

    before = admin.get("/staff/dead-letters").text
    item = session.scalars(select(OutboxItem)).one()
    after = admin.post(f"/staff/dead-letters/{item.id}/retry", follow_redirects=True)

    assert "SMTPServerDisconnected" in before
    assert "secret@example.org" not in before
    assert "It will be tried again now." in after.text
    assert "Every mail has gone out." in after.text


def test_stuck_messages_of_stripe_are_shown(app: Flask, session: Session) -> None:
    with transaction(session):
        make_everything_wait(session)

    assert "evt_1 invoice.paid" in words_of(at_desk(app, session, "treasurer").get("/staff/stripe-events").text)


def at_desk(app: Flask, session: Session, role: str, *, email: str = "staff@example.org") -> FlaskClient:
    return browser(app, make_staff(session, role, email=email).id)


def run_check(app: Flask) -> None:
    """Do what is done each day."""
    app.extensions["kernel"].queue.jobs["audit_check"].run()


def make_everything_wait(session: Session) -> None:
    """Add a suggestion, a mail that was given up and an event that failed to the caller's transaction."""
    payload = {"email": "secret@example.org"}
    session.add(Topic(slug="suggested", title="Suggested", created_at=NOW))
    session.add(
        OutboxItem(
            key="dead",
            kind="sign_in",
            payload=payload,
            created_at=NOW,
            due_at=NOW,
            dead_at=NOW,
            last_error="SMTPServerDisconnected",
        ),
    )
    session.add(stripe_event("evt_1", tries=2))
