"""Everything that people may meet is said in Ukrainian too, with nothing lost on the way."""

import re
from collections.abc import Sequence
from functools import cache
from html import escape, unescape

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.outbox import Letter
from membership.paths import ROOT
from membership.voting.keys import RoundKeys
from membership.web.languages import speak
from membership.web.mail_rendering import render_letter
from tests.conftest import NOW
from tests.factories.accounts import SAME_ORIGIN, make_staff, sign_in
from tests.factories.articles import make_article
from tests.factories.patronage import make_plan
from tests.factories.voting import make_patron, open_vote
from tests.template_reading import bare_words

TRANSLATIONS = ROOT / "membership" / "translations"
UKRAINIAN = TRANSLATIONS / "uk" / "LC_MESSAGES" / "messages.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|\{\w+\}")
UNTRANSLATABLE = frozenset({"CSV", "JSON", "Patreon", "PayPal", "Stripe"})  # names, the same everywhere
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
# What stays as it is on a Ukrainian page: names, what readers wrote, and the link to the other language.
NAMES = ("The Test Gazette", "TEST GAZETTE", "desk@gazette.example", "About water", "About schools", "About port", "English")
WORDS = re.compile(r"[A-Za-z’']+(?:[ ,]+[A-Za-z’']+)+")


@cache
def extracted() -> frozenset[str | tuple[str, ...]]:
    """Return every string that `make messages` finds now."""
    words = re.search(r"^KEYWORDS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert words
    with (TRANSLATIONS / "babel.cfg").open(encoding="utf-8") as mapping:
        methods, options = parse_mapping_cfg(mapping)
    found = extract_from_dir(ROOT, methods, options, DEFAULT_KEYWORDS | parse_keywords(words[1].split()))
    return frozenset(message for _file, _line, message, _comments, _context in found)


@cache
def catalogue() -> Catalog:
    """Return the committed Ukrainian catalogue."""
    with UKRAINIAN.open("rb") as file:
        return read_po(file, locale="uk", abort_invalid=True)


def messages() -> list[Message]:
    return [message for message in catalogue() if message.id]


def texts(written: str | Sequence[str] | None) -> list[str]:
    """Return the English or the Ukrainian of a message as a list: one text, or one for each form of a plural."""
    return [written] if isinstance(written, str) else list(written or ())


def forms(message: Message) -> list[tuple[str, str]]:
    """Return each translated form with the English that it stands for: the first has the singular's."""
    english, ukrainian = texts(message.id), texts(message.string)
    return list(zip([english[0], *[english[-1]] * (len(ukrainian) - 1)], ukrainian, strict=True))


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile the catalogue as the Makefile does, where somebody runs the tests without it."""
    binary = UKRAINIAN.with_suffix(".mo")
    if not binary.exists() or binary.stat().st_mtime < UKRAINIAN.stat().st_mtime:
        with binary.open("wb") as file:
            write_mo(file, catalogue())


def test_every_string_is_in_the_catalogue_and_no_other() -> None:
    assert {message.id for message in messages()} == extracted()


def test_every_string_is_translated_by_a_person() -> None:
    unfinished = [message.id for message in messages() if message.fuzzy or not all(texts(message.string))]

    assert unfinished == []
    assert catalogue().num_plurals == 3


def test_every_plural_has_its_three_forms() -> None:
    assert [message.id for message in messages() if message.pluralizable and len(texts(message.string)) != 3] == []


def test_no_placeholder_is_lost_or_invented() -> None:
    pairs = [pair for message in messages() for pair in forms(message)]

    assert [pair for pair in pairs if sorted(PLACEHOLDER.findall(pair[0])) != sorted(PLACEHOLDER.findall(pair[1]))] == []


def test_nothing_was_left_in_english() -> None:
    said = [(english, string) for message in messages() for english, string in forms(message)]

    same = {english for english, string in said if english == string and re.search(r"[^\W\d_]", PLACEHOLDER.sub("", english))}

    assert same == UNTRANSLATABLE


def test_the_typography_is_ukrainian() -> None:
    strings = [string for message in messages() for _english, string in forms(message)]

    assert [string for string in strings if re.search(r"[“”\"'ыэъё]", string)] == []


@pytest.fixture
def reader(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> FlaskClient:
    """Somebody who is not signed in, where there is something to read, to buy and to vote on."""
    make_plan(session)
    make_article(
        session, language="uk", headline="Пором", standfirst="Про що це.", byline="Олена", tags=("вода",), body_html="<p>Так.</p>"
    )
    round_ = open_vote(session, keys=keys, clock=clock)
    with transaction(session):
        round_.name_uk = "Березневе голосування"
        for entry in round_.topics:
            entry.topic.why = ""
    return app.test_client()


def english_on(page: str) -> list[str]:
    """Return what is left in English: two Latin words in a row, and whole strings of the catalogue in any attribute."""
    said = [unescape(text) for text in bare_words(page)]
    for name in NAMES:
        said = [text.replace(name, "") for text in said]
    keys = {text for message in messages() for text in texts(message.id)}
    hidden = [key for key in keys if " " in key and not PLACEHOLDER.search(key) and escape(key) in page]
    return [found for text in said for found in WORDS.findall(text)] + hidden


@ON_SQLITE
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/uk/", 200),
        ("/articles/a-story", 200),
        ("/uk/support", 200),
        ("/uk/support/other", 200),
        ("/uk/votes", 200),
        ("/uk/votes/march", 200),  # with why this reader can't vote
        ("/uk/votes/who-can-see-what", 200),
        ("/uk/topics", 200),
        ("/uk/chosen", 200),
        ("/uk/sign-in", 200),
        ("/uk/votes/no-such-vote", 404),
        ("/uk/page/9", 404),
    ],
)
def test_an_open_page_is_ukrainian_throughout(reader: FlaskClient, path: str, status: int) -> None:
    answer = reader.get(path)

    assert answer.status_code == status
    assert '<html lang="uk">' in answer.text
    assert english_on(answer.text) == []


@ON_SQLITE
def test_a_ballot_and_its_refusal_are_ukrainian(app: Flask, reader: FlaskClient, session: Session, clock: FixedClock) -> None:
    sign_in(app, reader, make_patron(session, clock=clock))

    ballot = reader.get("/uk/votes/march")
    empty = reader.post("/uk/votes/march/ballot", headers=SAME_ORIGIN)
    sent = reader.post("/uk/votes/march/ballot", data={"topics": "water"}, headers=SAME_ORIGIN)
    confirmed = reader.get(sent.location)

    assert [answer.status_code for answer in (ballot, empty, sent, confirmed)] == [200, 422, 303, 200]
    assert english_on(ballot.text) + english_on(empty.text) + english_on(confirmed.text) == []
    assert "Ваш бюлетень у скриньці." in confirmed.text


@ON_SQLITE
def test_a_private_page_and_the_desk_are_ukrainian(app: Flask, reader: FlaskClient, session: Session) -> None:
    person = make_staff(session, "editor", "counter", "treasurer", "admin")
    with transaction(session):
        person.language = "uk"
    sign_in(app, reader, person.id)

    pages = [
        reader.get(path) for path in ("/account", "/staff", "/staff/votes", "/staff/votes/march", "/staff/figures", "/staff/roles")
    ]

    assert [(page.status_code, english_on(page.text)) for page in pages] == [(200, [])] * 6


def test_a_mail_is_ukrainian(app: Flask) -> None:
    vote = {"round_name": "Березневе голосування", "voted": 22, "next_opens_at": NOW}
    context = vote | {"headline": "Пором", "article_slug": "a", "mails_off": "token"}
    with app.test_request_context("/"):
        speak("uk")
        subject, text = render_letter(Letter("a@example.org", "story_out", "uk", context))

    assert subject == "Ось цей матеріал: Пором"
    assert "Проголосували 22 читачі." in text
    assert "Наступне голосування: 22 березня 2026." in text
