"""Every route × method as everybody: the table is the test, and a route that is missing from it fails.

The site is crawled as it is served for real (https, staff with passkeys, no demo pages), in one small newsroom on SQLite: first
every address is opened, then an empty form is sent to each. HEAD is Flask's GET without a body.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from jinja2 import FileSystemBytecodeCache

from tests.log_reading import ADDRESS
from tests.web.crawl_table import TABLE
from tests.web.crawl_world import PEOPLE, ROLES, World, rules_of, served
from tests.web.test_audience import AUDIENCES

WAY_OUT = ('action="/sign-out"', 'href="/account"')  # the button itself, or the page that has it
TEXTS = ("text/", "application/xml", "application/rss+xml", "image/svg+xml")
# The newsroom's own address, and the one that a refused form gives as an example.
PUBLIC = frozenset({"desk@gazette.example", "name@example.org"})
# Whoever holds an invitation is whom it was sent to.
TO_ITS_HOLDER = {"/staff/invitation/": "invited@example.org"}
# What looking may write: who was refused, and what an authenticator is asked to sign.
WRITTEN_BY_LOOKING = frozenset({"audit_entry", "audit_head", "passkey_challenge", "refusal_count"})


@dataclass(frozen=True)
class Answer:
    """What one request got."""

    rule: str
    endpoint: str | None  # None: this method is not for this address
    method: str
    person: str
    status: int
    location: str
    addresses: frozenset[str]  # e-mail addresses in the page and its headers
    headers: dict[str, str]
    has_way_out: bool

    def __str__(self) -> str:
        return f"{self.method} {self.rule} as {self.person}: {self.status}"


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    _sqlite_template: Path,
    _compiled_templates: FileSystemBytecodeCache,
) -> Iterator[World]:
    """The newsroom and its people."""
    with served(tmp_path_factory.mktemp("crawl"), _sqlite_template, _compiled_templates) as built:
        yield built


@pytest.fixture(scope="module")
def opened(world: World) -> list[Answer]:
    """Every address, opened by everybody."""
    return list(crawl(world, "GET"))


@pytest.fixture(scope="module")
def changed_by_looking(world: World, opened: list[Answer]) -> set[str]:
    """The tables that differ when everything was opened."""
    return world.changed()


@pytest.fixture(scope="module")
def sent(world: World, changed_by_looking: set[str]) -> list[Answer]:
    """An empty form, sent to every address by everybody, each into the same newsroom."""
    world.restore()
    return list(crawl(world, "POST"))


def crawl(world: World, method: str) -> Iterator[Answer]:
    """Ask for every address as everybody; in Ukrainian, and by a method that it does not know, as a stranger only."""
    for rule, endpoints in rules_of(world).items():
        path, endpoint = world.path_of(rule), endpoints.get(method)
        is_plain = endpoint is not None and not rule.startswith("/<language:")
        for person in PEOPLE if is_plain else ("anonymous",):
            response = world.ask(person, method, path)
            page, headers = response.get_data(as_text=True), dict(response.headers)
            names = frozenset(ADDRESS.findall(f"{page} {headers}"))
            way_out = any(way in page for way in WAY_OUT)
            yield Answer(rule, endpoint, method, person, response.status_code, response.location or "", names, headers, way_out)
            if method == "POST" and response.status_code < 400:
                world.restore()


def expected_of(answer: Answer) -> str:
    """Return what the table says: a status, or "sign-in" for a 303 to a sign-in page."""
    if answer.endpoint is None:
        return "405"
    shut_out = gate(AUDIENCES.get(answer.endpoint, "everyone"), answer.person)
    if shut_out:
        return shut_out
    inside, *others = rows()[answer.endpoint, answer.method]
    special = {name: status for names, _, status in (other.partition("=") for other in others) for name in names.split(",")}
    return special.get(answer.person, inside)


def gate(audience: str, person: str) -> str | None:
    """Return what somebody gets whom this audience does not let in; None for whom it does."""
    is_staff = person in ROLES
    if audience == "member":
        return "sign-in" if person == "anonymous" else None
    if audience == "enrolling":
        return None if is_staff else "sign-in"
    kind, _, roles = audience.partition(":")
    if kind != "staff" or (is_staff and (roles == "any" or person in (*roles.split(","), "admin"))):
        return None
    return "sign-in" if person == "anonymous" else "403"


def rows() -> dict[tuple[str, str], list[str]]:
    """Return the table's lines by endpoint and method."""
    lines = [line.split() for line in TABLE.strip().splitlines()]
    return {(endpoint, method): statuses for endpoint, method, *statuses in lines}


def seen(answer: Answer) -> str:
    """Return what somebody got, in the table's words."""
    to_sign_in = answer.status == 303 and answer.location.split("?")[0].removeprefix("/uk") in ("/sign-in", "/staff/sign-in")
    return "sign-in" if to_sign_in else str(answer.status)


def test_every_route_stands_in_the_table_and_nothing_else(world: World) -> None:
    routes = {(endpoint, method) for endpoints in rules_of(world).values() for method, endpoint in endpoints.items()}

    assert set(rows()) == routes
    assert len(rows()) == len(TABLE.strip().splitlines())


def test_everybody_gets_what_the_table_says_when_they_look(opened: list[Answer]) -> None:
    assert [str(answer) for answer in opened if seen(answer) != expected_of(answer)] == []


def test_everybody_gets_what_the_table_says_when_they_send_an_empty_form(sent: list[Answer]) -> None:
    assert [str(answer) for answer in sent if seen(answer) != expected_of(answer)] == []


def test_nothing_fails(opened: list[Answer], sent: list[Answer]) -> None:
    assert [str(answer) for answer in (*opened, *sent) if answer.status >= 500] == []


def test_no_readers_page_names_anybody_else(opened: list[Answer], sent: list[Answer]) -> None:
    def theirs(answer: Answer) -> set[str]:
        holders = {address for path, address in TO_ITS_HOLDER.items() if answer.rule.startswith(path)}
        return {address for address in answer.addresses - PUBLIC - holders if not address.startswith(answer.person)}

    readers = [answer for answer in (*opened, *sent) if answer.person not in ROLES]

    assert {str(answer): theirs(answer) for answer in readers if theirs(answer)} == {}


def test_what_is_to_be_hidden_is_there_to_be_seen(opened: list[Answer]) -> None:
    """Else the test above would prove nothing: staff who may see them do see the others' addresses."""
    shown = {address for answer in opened if answer.person == "treasurer" for address in answer.addresses}

    assert {"somebody.else@example.org", "patron@readers.example", "reader@readers.example"} <= shown


def test_looking_changes_nothing(changed_by_looking: set[str]) -> None:
    assert changed_by_looking - WRITTEN_BY_LOOKING == set()


def test_every_answer_says_what_it_is_and_lets_no_other_site_read_it(opened: list[Answer], sent: list[Answer]) -> None:
    wrong = []
    for answer in (*opened, *sent):
        kind, headers = answer.headers.get("Content-Type", ""), answer.headers
        names_charset = "charset=utf-8" in kind or not kind.startswith(TEXTS)
        file_name = headers.get("Content-Disposition", "")
        is_ours = not file_name or re.fullmatch(r"(?:attachment|inline); filename=\"?[\w.-]+\"?", file_name)
        shared = [name for name in headers if name.startswith("Access-Control-")]
        if not (kind and names_charset and is_ours and headers.get("X-Content-Type-Options") == "nosniff") or shared:
            wrong.append(f"{answer} {kind} {file_name} {shared}")

    assert wrong == []


def test_every_private_page_has_the_way_out(opened: list[Answer]) -> None:
    private = ("member", "staff:", "enrolling")
    pages = [
        answer
        for answer in opened
        if answer.status == 200 and answer.endpoint and AUDIENCES.get(answer.endpoint, "").startswith(private)
        and answer.headers["Content-Type"].startswith("text/html")
    ]  # fmt: skip

    assert len(pages) > 100
    assert [str(answer) for answer in pages if not answer.has_way_out] == []


def test_trace_is_refused(world: World) -> None:
    assert {world.ask(person, "TRACE", "/account").status_code for person in PEOPLE} == {405}
