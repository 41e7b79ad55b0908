"""docs/security.md says of every number of the standard how it is met, and names tests that exist."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest

from membership.accounts import address_rules, passkey_views, sign_in_rules
from membership.accounts.ceremonies import PROVED_FOR
from membership.accounts.services import recovery
from membership.paths import ROOT
from membership.patronage import checkout_pages, giving_views, link_views, transfer_views
from membership.patronage.services import links, seats
from membership.patronage.sheets import MOST_BYTES
from membership.voting import topic_views
from membership.voting.services import suggesting
from membership.web.clean_requests import MOST_ADDRESS_BYTES, MOST_HEADER_BYTES
from membership.web.security import MAX_BODY_BYTES

DOCUMENT = ROOT / "docs" / "security.md"
# The numbers of OWASP ASVS 5.0.0 at level 1.
LEVEL_1 = """
1.2.1 1.2.2 1.2.3 1.2.4 1.2.5 1.3.1 1.3.2 1.5.1
2.1.1 2.2.1 2.2.2 2.3.1
3.2.1 3.2.2 3.3.1 3.4.1 3.4.2 3.5.1 3.5.2 3.5.3
4.1.1 4.4.1
5.2.1 5.2.2 5.3.1 5.3.2
6.1.1 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.3.1 6.3.2 6.4.1 6.4.2
7.2.1 7.2.2 7.2.3 7.2.4 7.4.1 7.4.2
8.1.1 8.2.1 8.2.2 8.3.1
9.1.1 9.1.2 9.1.3 9.2.1
10.4.1 10.4.2 10.4.3 10.4.4 10.4.5
11.3.1 11.3.2 11.4.1
12.1.1 12.2.1 12.2.2
13.4.1
14.2.1 14.3.1
15.1.1 15.2.1 15.3.1
""".split()
LINE = re.compile(r"^\| (\d+\.\d+\.\d+) \| (.+) \| (.+) \|$", flags=re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
SECTION = re.compile(r"documented: \[([^\]]+)\]\(#([\w-]+)\)")
WITHOUT_TEST = ("does not apply", "operations")


@dataclass(frozen=True)
class Line:
    """One number: how it is met, and what shows it."""

    number: str
    how: str
    shown_by: str


def lines() -> list[Line]:
    return [Line(*found) for found in LINE.findall(DOCUMENT.read_text(encoding="utf-8"))]


def section(heading: str) -> str:
    """Return a section's text."""
    return DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def is_shown(line: Line) -> bool:
    """Return whether a line says what shows it: a test, a section, or in fixed words why there is neither."""
    if line.shown_by in WITHOUT_TEST:
        return True
    if SECTION.fullmatch(line.shown_by):
        return True
    return re.fullmatch(r"(exception: |\*\*not met\*\* in part: )?`[^`]+`(, `[^`]+`)*|\*\*not met\*\*", line.shown_by) is not None


def test_every_number_of_level_1_stands_there_once() -> None:
    numbers = [line.number for line in lines()]

    assert [number for number in LEVEL_1 if number not in numbers] == []
    assert sorted({number for number in numbers if numbers.count(number) > 1}) == []
    assert len(LEVEL_1) == 70


def test_every_line_says_what_shows_it() -> None:
    assert [line for line in lines() if not is_shown(line)] == []


def test_every_named_test_is_there() -> None:
    named = {(path, name) for line in lines() for path, name in TEST.findall(line.shown_by)}
    missing = []
    for path, name in sorted(named):
        file = ROOT / path
        if not file.exists() or not re.search(rf"^def {name}\(", file.read_text(encoding="utf-8"), flags=re.MULTILINE):
            missing.append(f"{path}::{name}")

    assert missing == []


def test_every_named_section_and_file_is_there() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    named = {anchor for _, anchor in SECTION.findall(text)}
    files = re.findall(r"`((?:membership|tests|docs)/[\w/]+\.\w+)(?:::\w+)?`", text)

    assert named - headings == set()
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_every_exception_has_its_reasons() -> None:
    reasons = section("Exceptions")
    exceptions = [line.number for line in lines() if line.shown_by.startswith("exception")]

    assert [number for number in exceptions if number not in reasons] == []


def test_the_limits_are_those_of_the_code() -> None:
    limits = section("Limits")
    mails, codes = sign_in_rules.MAILS_AN_HOUR_OF_NETWORK, sign_in_rules.CODES_AN_HOUR_OF_NETWORK
    said = [
        f"{sign_in_rules.MAILS_PER_HOUR} an hour to a mailbox, {mails} an hour from a network",
        f"{sign_in_rules.MAX_TRIES} for a mail and way, {sign_in_rules.CODES_A_DAY} a day for an address without the link, "
        f"{sign_in_rules.CODES_AN_HOUR_OF_BROWSER} an hour from a browser, {codes} an hour from a network",
        f"{recovery.TRIES_OF_ADDRESS} an hour for an address, {recovery.TRIES_OF_NETWORK} an hour from a network",
        f"{passkey_views.BEGUN_BY_BROWSER} an hour from a browser, {passkey_views.BEGUN_BY_NETWORK} an hour from a network",
        f"{address_rules.CHANGES_A_DAY} a day of a member, {address_rules.MAILS_AN_HOUR} an hour to a mailbox",
        f"{checkout_pages.STARTS_AN_HOUR} an hour, {checkout_pages.STARTS_AN_HOUR_OF_NETWORK} from a network",
        f"{giving_views.CODES_AN_HOUR} an hour, {giving_views.CODES_AN_HOUR_OF_NETWORK} from a network",
        f"{giving_views.SEATS_A_DAY} a day, {giving_views.SEATS_A_DAY_OF_NETWORK} from a network; {seats.POOL_SEATS_A_DAY} a day",
        f"{transfer_views.REFERENCES_A_DAY} a day, {transfer_views.REFERENCES_A_DAY_OF_NETWORK} from a network",
        f"{link_views.MAILS_AN_HOUR} an hour, {link_views.MAILS_AN_HOUR_OF_NETWORK} from a network; {links.MAILS_PER_HOUR} an hour",
        f"{topic_views.SUGGESTIONS_A_DAY} a day of a patron, and {suggesting.MOST_WAITING} that still wait",
        f"{MAX_BODY_BYTES // 1024} KB ({MOST_BYTES // 10**6} MB",
        f"{MOST_HEADER_BYTES // 1024} KB, {MOST_ADDRESS_BYTES // 1024} KB",
    ]

    assert [line for line in said if line not in limits] == []


def test_the_lifetimes_are_those_of_the_code() -> None:
    sessions = " ".join(section("Sessions").split())
    lifetime, idle = sign_in_rules.session_lifetime, sign_in_rules.idle_lifetime
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    said = [
        f"Members: {lifetime('mail').days} days at most, {idle('mail').days} days idle",
        f"Staff: {lifetime('passkey') // hour} hours at most, {idle('passkey') // hour} hours idle",
        f"shown more than {PROVED_FOR // minute} minutes ago",
        f"Enrolment: {lifetime('enrolment') // minute} minutes",
    ]

    assert [line for line in said if line not in sessions] == []


@pytest.mark.parametrize("shown_by", ["", "yes", "see the code", "does not apply?", "tests/a.py", "documented"])
def test_a_line_that_shows_nothing_is_noticed(shown_by: str) -> None:
    assert not is_shown(Line("1.2.1", "somehow", shown_by))
