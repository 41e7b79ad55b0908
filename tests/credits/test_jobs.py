"""The jobs as the runner runs them, and the mail that voters get."""

import re
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.accounts.models import MailChoice, Member
from membership.accounts.services import switch_mails
from membership.credits import services
from membership.credits.models import Award, Commission, SiteFigures
from membership.db import transaction
from membership.demo.views import read_mails
from membership.outbox import OutboxItem, dead_letters
from tests.conftest import NOW
from tests.factories.credits import make_article, make_published_vote

JOBS = ("commissions", "awards", "story_letters", "figures", "mails")


def test_with_nothing_to_do_nothing_is_written_but_the_first_figures(app: Flask, session: Session) -> None:
    run_all(app)

    assert counts(session) == {"commission": 0, "award": 0, "outbox_item": 0, "site_figures": 1}


def test_running_everything_twice_is_the_same_as_once(app: Flask, session: Session) -> None:
    make_published_vote(session)
    run_all(app)
    publish(session)
    run_all(app)
    once = counts(session)

    run_all(app)

    assert counts(session) == once == {"commission": 1, "award": 25, "outbox_item": 25, "site_figures": 1}
    assert dead_letters(session) == []


def test_each_counted_voter_gets_one_mail_that_names_no_choice(app: Flask, session: Session) -> None:
    make_published_vote(session)
    run_all(app)
    publish(session)
    run_all(app)
    run_all(app)

    mails = mails_of(app)

    assert sorted(to for to, _subject, _text in mails) == sorted(f"march-2026-{number}@example.org" for number in range(25))
    assert {(subject, re.sub(r"(?<=/off/)\S+", "TOKEN", text)) for _to, subject, text in mails} == {
        (
            "Here is the story: Who repairs the mains",
            "You voted in the March vote. Here is the story. Who repairs the mains "
            "http://localhost/articles/who-repairs-the-mains 25 readers voted. "
            "What you chose, and what became of it: http://localhost/chosen "
            "No more mails like this one: http://localhost/mails/off/TOKEN "
            "-- The Test Gazette · http://localhost Questions? Write to desk@gazette.example.",
        ),
    }


def test_who_has_switched_these_mails_off_gets_none(app: Flask, session: Session) -> None:
    make_published_vote(session)
    run_all(app)
    publish(session)
    app.extensions["kernel"].queue.run("story_letters")
    quiet = session.scalars(select(Member.id).order_by(Member.id).limit(1)).one()
    switch_mails(session, member_id=quiet, group="stories", on=False, now=NOW)

    run_all(app)

    assert len(mails_of(app)) == 24


def test_the_button_that_mail_programs_show_stops_these_mails(app: Flask, session: Session) -> None:
    make_published_vote(session)
    run_all(app)
    publish(session)
    run_all(app)
    folder = Path(urlsplit(app.extensions["kernel"].settings.mail_url).path)
    mail = message_from_bytes(next((folder / "new").iterdir()).read_bytes(), policy=policy.default)
    link, body = str(mail["List-Unsubscribe"]).strip("<>"), str(mail["List-Unsubscribe-Post"])

    pressed = app.test_client(use_cookies=False).post(link, data=body, content_type="application/x-www-form-urlencoded")

    off = list(session.scalars(select(Member.email).join(MailChoice, MailChoice.member_id == Member.id)))
    assert (pressed.status_code, off) == (200, [str(mail["To"])])


def test_a_mail_whose_story_was_taken_back_is_not_sent(app: Flask, session: Session) -> None:
    make_published_vote(session)
    run_all(app)
    publish(session)
    app.extensions["kernel"].queue.run("story_letters")
    with transaction(session):  # a worker holds one of them when the editor takes the link back
        held = session.scalars(select(OutboxItem).order_by(OutboxItem.id)).first()
        assert held is not None
        held.claimed_until = NOW.replace(hour=13)
    commission = session.scalars(select(Commission)).one()
    services.unlink_commission(session, commission_id=commission.id, actor_id=None, now=NOW)
    with transaction(session):
        held.claimed_until = None

    run_all(app)

    assert mails_of(app) == []
    assert session.scalar(select(func.count()).select_from(OutboxItem).where(OutboxItem.done_at.is_not(None))) == 1


def test_a_mail_speaks_its_readers_language(app: Flask, session: Session) -> None:
    make_published_vote(session, name_uk="Березневе голосування")
    run_all(app)
    with transaction(session):
        for voter in session.scalars(select(Member)):
            voter.language = "uk"
    publish(session)
    run_all(app)

    assert {"Березневе голосування" in text for _to, _subject, text in mails_of(app)} == {True}


def test_the_command_runs_every_job_once(app: Flask, session: Session) -> None:
    make_published_vote(session)

    said = [app.test_cli_runner().invoke(args=["credits", "draw"]).output for _ in range(2)]

    assert said == [
        "closed_badges: 0 new\ncommissions: 1 new\nawards: 25 new\nstory_letters: 0 new\nfigures: 5 new\n",
        "closed_badges: 0 new\ncommissions: 0 new\nawards: 0 new\nstory_letters: 0 new\nfigures: 0 new\n",
    ]


def run_all(app: Flask) -> None:
    for job in JOBS:
        app.extensions["kernel"].queue.run(job)


def publish(session: Session) -> None:
    """The story of the only vote is out."""
    commission = session.scalars(select(Commission)).one()
    article = make_article(session)
    services.publish_commission(session, commission_id=commission.id, article_id=article.id, actor_id=None, now=NOW)


def counts(session: Session) -> dict[str, int]:
    session.rollback()  # a new look at the database
    tables = (Commission, Award, OutboxItem, SiteFigures)
    return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def mails_of(app: Flask) -> list[tuple[str, str, str]]:
    """Return what the demo's mailbox holds: to, subject, text with single spaces."""
    settings = app.extensions["kernel"].settings
    shown = read_mails(Path(urlsplit(settings.mail_url).path), site_url=settings.site_url)
    return [(mail.to, mail.subject, " ".join("".join(text for text, _address in mail.parts).split())) for mail in shown]
