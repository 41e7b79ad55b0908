"""The mails about topics."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.accounts.services import switch_mails
from membership.clock import FixedClock
from membership.db import transaction
from membership.jobs import JobContext
from membership.outbox import Letter, OutboxItem
from membership.voting import services
from membership.voting.topic_letters import letters
from membership.web.languages import speak
from membership.web.mail_rendering import render_letter
from tests.factories.voting import make_patron, make_staff, make_supporters, make_topics, suggest

ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
pytestmark = ON_SQLITE
FOOTER = " -- The Test Gazette · http://localhost Questions? Write to desk@gazette.example."
OFF = " No more mails like this one: http://localhost/mails/off/TOKEN" + FOOTER


@pytest.fixture
def letters_due(app: Flask, session: Session) -> Callable[[], list[Letter]]:
    """Return what the outbox would send now."""
    kernel = app.extensions["kernel"]
    handlers = letters(JobContext(kernel.sessions, kernel.clock, kernel.settings))

    def prepare() -> list[Letter]:
        items = session.scalars(select(OutboxItem).order_by(OutboxItem.id)).all()
        made = [handlers[item.kind](session, item.payload, kernel.clock.now()) for item in items]
        return [letter for letter in made if letter]

    return prepare


def written(app: Flask, letter: Letter) -> tuple[str, str]:
    with app.test_request_context(base_url="http://localhost"):
        speak(letter.language)
        subject, text = render_letter(letter)
    return subject, re.sub(r"(?<=/off/)\S+", "TOKEN", " ".join(text.split()))


def test_nobody_is_written_to_who_does_not_want_it_or_has_no_address(
    session: Session, clock: FixedClock, letters_due: Callable[[], list[Letter]]
) -> None:
    editor, [street] = make_staff(session, clock=clock, role="editor"), make_topics(session, ["street"], clock=clock)
    silent, gone = make_patron(session, clock=clock), make_patron(session, clock=clock)
    topics = [suggest(session, who, f"Who repairs road {who}?", clock=clock) for who in (silent, gone)]
    services.decide_topic(session, topic_id=topics[0], state="approved", actor_id=editor, now=clock.now())
    services.merge_topic(session, topic_id=topics[1], into_id=street, actor_id=editor, now=clock.now())
    assert len(letters_due()) == 2

    switch_mails(session, member_id=silent, group="votes", on=False, now=clock.now())
    with transaction(session):
        session.get_one(Member, gone).email = None

    assert letters_due() == []


def test_only_the_last_of_several_answers_is_sent(
    app: Flask, session: Session, clock: FixedClock, letters_due: Callable[[], list[Letter]]
) -> None:
    editor, author = make_staff(session, clock=clock, role="editor"), make_patron(session, clock=clock)
    topic_id = suggest(session, author, clock=clock)
    for state in ("approved", "shortlisted"):
        services.decide_topic(session, topic_id=topic_id, state=state, actor_id=editor, now=clock.now())

    [letter] = letters_due()

    assert sorted(letter.headers) == ["List-Unsubscribe", "List-Unsubscribe-Post"]
    assert (letter.to, *written(app, letter)) == (
        session.get_one(Member, author).email,
        "Our answer to your suggestion",
        "You suggested: Who repairs the road? "
        "Thank you. We have put it on the shortlist: it may stand on one of the next ballots. "
        "http://localhost/topics/who-repairs-the-road" + OFF,
    )


def test_a_declined_suggestion_is_answered_with_the_reason_and_its_authors_own_words(
    app: Flask, session: Session, clock: FixedClock, letters_due: Callable[[], list[Letter]]
) -> None:
    editor = make_staff(session, clock=clock, role="editor")
    topic_id = suggest(session, make_patron(session, clock=clock), clock=clock)
    words = {"title": "Who pays for roads?", "why": "", "sources": []}
    services.reword_topic(session, topic_id=topic_id, **words, actor_id=editor, now=clock.now())
    services.decide_topic(session, topic_id=topic_id, state="declined", reason="Done in May.", actor_id=editor, now=clock.now())

    assert [written(app, letter)[1] for letter in letters_due()] == [
        "You suggested: Who repairs the road? "
        "We have read it, and we will not take it up. Why not: Done in May. "
        "Thank you for it all the same. You can suggest something else whenever you like. "
        "It says now: Who pays for roads? "
        "http://localhost/topics/who-repairs-the-road" + OFF
    ]


def test_who_supports_and_who_suggested_hear_that_two_topics_became_one(
    app: Flask, session: Session, clock: FixedClock, letters_due: Callable[[], list[Letter]]
) -> None:
    editor, author = make_staff(session, clock=clock, role="editor"), make_patron(session, clock=clock)
    road, [street] = suggest(session, author, clock=clock), make_topics(session, ["street"], clock=clock)
    services.decide_topic(session, topic_id=road, state="approved", actor_id=editor, now=clock.now())
    make_supporters(session, road, 1, clock=clock)
    services.merge_topic(session, topic_id=road, into_id=street, actor_id=editor, now=clock.now())

    together = (
        "Who repairs the road? It asks for the same as another topic, so we have put the two together: "
        "About street http://localhost/topics/street "
    )
    assert [written(app, letter) for letter in letters_due()] == [
        ("Two topics became one", f"You suggested: {together}Everybody who supported yours supports that one now.{OFF}"),
        (
            "Two topics became one",
            f"You support this topic: {together}Your support counts there now. "
            f"If that is not what you want, take it back on its page.{OFF}",
        ),
    ]
    services.unmerge_topic(session, topic_id=road, actor_id=editor, now=clock.now())
    assert [written(app, letter) for letter in letters_due()] == [
        (
            "Our answer to your suggestion",
            "You suggested: Who repairs the road? We had put it together with another topic, and have taken it out again. "
            "Everybody can see it on its own now, and patrons can support it. "
            "http://localhost/topics/who-repairs-the-road" + OFF,
        )
    ]
