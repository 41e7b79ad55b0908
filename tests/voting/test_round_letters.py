"""The mails about a vote as they arrive: to whom, what they say, and what nobody can read from them."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from membership.accounts.models import Member
from membership.accounts.services import switch_mails
from membership.clock import FixedClock
from membership.db import transaction
from membership.demo.views import read_mails
from membership.outbox import OutboxItem
from membership.patronage.models import PaidPeriod
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import ClosingChange, Round, TopicWithdrawal, Voiding
from membership.voting.receipts import voter_tag
from tests.conftest import NOW
from tests.factories.voting import cast, make_patrons, open_vote, publish_vote

BALLOT = "Open my ballot: http://localhost/votes/march"
FOOT = (
    "No more mails like this one: http://localhost/mails/off/TOKEN -- The Test Gazette · http://localhost "
    "Questions? Write to desk@gazette.example."
)
REMINDED = NOW + timedelta(days=6)


def test_the_reminder_reaches_exactly_those_who_have_not_voted(
    app: Flask, session: Session, keys: RoundKeys, clock: FixedClock
) -> None:
    patrons = make_patrons(session, 8, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    voted, took_back, closed, nowhere, quiet, ended, *waiting = patrons
    cast(session, round_, voted, "water", keys=keys, clock=clock)
    cast(session, round_, took_back, "water", keys=keys, clock=clock)
    tag = voter_tag(keys.read(round_.id), took_back)
    services.withdraw_ballot(session, round_id=round_.id, tag=tag, clock=clock)
    clock.instant = REMINDED
    app.extensions["kernel"].queue.run("vote_notices")
    nobody = {"email": None, "closed_at": REMINDED}
    with transaction(session):
        session.execute(update(Member).where(Member.id == closed).values(**nobody))
        session.execute(update(Member).where(Member.id == nowhere).values(email=None))
        session.execute(update(PaidPeriod).where(PaidPeriod.member_id == ended).values(ends_at=REMINDED))
    switch_mails(session, member_id=quiet, group="votes", on=False, now=REMINDED)
    expected = addresses(session, took_back, *waiting)

    run_jobs(app)
    run_jobs(app)

    assert sorted(to for to, subject, _ in mails_of(app) if "soon" in subject) == expected


def test_rows_and_log_are_the_same_whoever_has_voted(app: Flask, session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    patrons = make_patrons(session, 6, clock=clock)
    seen = []
    for slug, voters in (("nobody", 0), ("some", 3), ("all", 6)):
        round_ = open_vote(session, keys=keys, clock=clock, slug=slug, topics=(f"{slug}-one", f"{slug}-two", f"{slug}-three"))
        for patron in patrons[:voters]:
            cast(session, round_, patron, f"{slug}-one", keys=keys, clock=clock)
        run_jobs(app)
        clock.instant += timedelta(days=6)
        with capture_logs() as logs:
            run_jobs(app)
        seen.append((reminder_rows(session, round_, since=clock.now()), logs))
        clock.instant += timedelta(days=2)

    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0][0]) == 6
    assert len([mail for mail in mails_of(app) if "soon" in mail[1]]) == 6 + 3 + 0


def test_who_votes_between_the_writing_and_the_sending_is_not_reminded(
    app: Flask, session: Session, keys: RoundKeys, clock: FixedClock
) -> None:
    [voter] = make_patrons(session, 1, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    run_jobs(app)
    clock.instant = REMINDED
    app.extensions["kernel"].queue.run("vote_notices")
    cast(session, round_, voter, "water", keys=keys, clock=clock)

    run_jobs(app)

    assert [subject for _, subject, _ in mails_of(app)] == ["The March vote is open"]


def test_without_its_key_nobody_is_reminded_of_a_vote_that_takes_no_ballot(
    app: Flask, session: Session, keys: RoundKeys, clock: FixedClock
) -> None:
    make_patrons(session, 2, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    keys.destroy(round_.id)
    clock.instant = REMINDED

    run_jobs(app)

    assert mails_of(app) == []


def test_a_key_that_cannot_be_read_just_now_puts_the_reminder_off(
    app: Flask, session: Session, keys: RoundKeys, clock: FixedClock
) -> None:
    make_patrons(session, 2, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    path, aside = keys.directory / f"round-{round_.id}.key", keys.directory / "aside"
    path.rename(aside)
    path.mkdir()
    clock.instant = REMINDED
    run_jobs(app)
    before = len(mails_of(app))
    path.rmdir()
    aside.rename(path)

    run_jobs(app)

    assert (before, len(mails_of(app))) == (0, 2)


def test_what_was_written_and_is_not_true_any_more_is_not_sent(
    app: Flask, session: Session, keys: RoundKeys, clock: FixedClock
) -> None:
    make_patrons(session, 1, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    app.extensions["kernel"].queue.run("vote_notices")
    clock.instant = round_.closes_at

    run_jobs(app)

    assert mails_of(app) == []


def test_no_mail_of_a_whole_vote_differs_by_what_its_reader_ticked(
    app: Flask, session: Session, keys: RoundKeys, clock: FixedClock
) -> None:
    patrons = make_patrons(session, 3, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    run_jobs(app)
    for voter, ticks in zip(patrons, ("water", "schools", "water,port"), strict=True):
        cast(session, round_, voter, ticks, keys=keys, clock=clock)
    take_off_and_extend(session, round_)
    run_jobs(app)
    publish_vote(session, queries.get_round(session, round_.id), keys=keys, clock=clock)
    run_jobs(app)

    mails = mails_of(app)
    by_reader = {reader: sorted(mail[1:] for mail in mails if mail[0] == reader) for reader, _, _ in mails}
    first, *others = by_reader.values()

    assert list(by_reader) != []
    assert [len(first), *map(len, others)] == [4, 4, 4]
    assert all(each == first for each in others)


def test_what_the_mails_say(app: Flask, session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    [patron] = make_patrons(session, 1, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    run_jobs(app)
    clock.instant = REMINDED
    run_jobs(app)
    take_off_and_extend(session, round_)
    run_jobs(app)
    cast(session, round_, patron, "water", keys=keys, clock=clock)
    publish_vote(session, queries.get_round(session, round_.id), keys=keys, clock=clock)
    run_jobs(app)

    assert {subject: text for _, subject, text in mails_of(app)} == {
        "The March vote is open": (
            "You have one vote in the March vote, whatever you pay. It closes on Sunday 29 March 2026, 15:00 in Kyiv. "
            "3 topics stand on your ballot. You can tick up to 3. We will report 2. "
            f"{BALLOT} Nobody sees what you tick. Who can see what: http://localhost/votes/who-can-see-what {FOOT}"
        ),
        "The March vote closes soon": (
            "The March vote closes on Sunday 29 March 2026, 15:00 in Kyiv. Until then you can vote. "
            f"{BALLOT} We remind you once in each vote, and only if no ballot of yours is in the box. {FOOT}"
        ),
        "A topic was taken off the ballot of the March vote": (
            "“About port” can’t be ticked any more in the March vote, and can’t win. Why: It was answered. "
            "Every ballot stands, and every other tick on it counts as before. This mail goes to everybody who can vote. "
            "You can vote, or change your ballot, until Monday 30 March 2026, 15:00 in Kyiv: "
            f"http://localhost/votes/march {FOOT}"
        ),
        "The March vote stays open longer": (
            "You can vote in the March vote until Monday 30 March 2026, 15:00 in Kyiv. "
            "It was to close on Sunday 29 March 2026, 15:00 in Kyiv. Why: Power cuts. "
            "Every ballot that was sent stands. Until the end it can be changed or taken back: "
            f"http://localhost/votes/march {FOOT}"
        ),
        "The result of the March vote": (
            "Readers chose: - About water 1 of 1 patrons voted. How it was counted, step by step: http://localhost/votes/march "
            f"What you chose, and what became of it: http://localhost/chosen {FOOT}"
        ),
    }


@pytest.mark.parametrize("speaks", ["en", "uk"])
def test_a_voided_vote_is_told_with_its_reason_in_the_readers_language(
    app: Flask, session: Session, keys: RoundKeys, clock: FixedClock, speaks: str
) -> None:
    make_patrons(session, 1, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    with transaction(session):
        session.execute(update(Member).values(language=speaks))
        session.execute(update(Round).values(name_uk="Березневе голосування"))
        session.add(Voiding(round_id=round_.id, reason="A topic was invented.", after_count=False, asked_at=NOW, voided_at=NOW))

    run_jobs(app)

    [(_, subject, text)] = mails_of(app)
    address = {"en": "http://localhost/votes/march", "uk": "http://localhost/uk/votes/march"}[speaks]
    assert {"en": "The March vote", "uk": "Березневе голосування"}[speaks] in subject
    assert ("A topic was invented." in text, address in text) == (True, True)


def run_jobs(app: Flask) -> None:
    for job in ("vote_notices", "mails"):
        app.extensions["kernel"].queue.run(job)


def take_off_and_extend(session: Session, round_: Round) -> None:
    """Take the port off the ballot and let the vote end a day later."""
    port = next(entry.topic_id for entry in round_.topics if entry.topic.slug == "port")
    before, later = round_.closes_at, round_.closes_at + timedelta(days=1)
    with transaction(session):
        session.add(TopicWithdrawal(round_id=round_.id, topic_id=port, withdrawn_at=REMINDED, reason="It was answered."))
        session.add(
            ClosingChange(round_id=round_.id, changed_at=REMINDED, closed_before=before, closes_at=later, note="Power cuts.")
        )
        changed = update(Round).where(Round.id == round_.id).values(closes_at=later)
        session.execute(changed.execution_options(synchronize_session=False))


def reminder_rows(session: Session, round_: Round, *, since: Any) -> list[tuple[object, ...]]:
    """What each row of a reminder tells beside whose it is, times told from when it was written."""
    session.rollback()
    rows = select(OutboxItem).where(OutboxItem.kind == "vote_reminder", OutboxItem.created_at == since)
    items = session.scalars(rows.order_by(OutboxItem.id).execution_options(populate_existing=True))
    return [
        (item.created_at == since, item.due_at == since, item.done_at == since, item.claimed_until, item.tries, item.last_error)
        for item in items
        if item.payload["round_id"] == round_.id
    ]


def addresses(session: Session, *member_ids: int) -> list[str]:
    return sorted(str(email) for email in session.scalars(select(Member.email).where(Member.id.in_(member_ids))))


def mails_of(app: Flask) -> list[tuple[str, str, str]]:
    """Return what the demo's mailbox holds: to, subject, text with single spaces and without the token."""
    settings = app.extensions["kernel"].settings
    shown = read_mails(Path(urlsplit(settings.mail_url).path), site_url=settings.site_url)
    texts = [(mail.to, mail.subject, " ".join("".join(text for text, _address in mail.parts).split())) for mail in shown]
    return [(to, subject, re.sub(r"(?<=/off/)\S+", "TOKEN", text)) for to, subject, text in texts]
