"""Nobody can see who is ahead before the box is opened, and the public not before the result is published.

The same newsroom is crawled twice, by everybody and at every address: once as it is, once with two topics' ballots exchanged. What
does not differ by a byte tells nothing, be it a number, an order, a state or a length.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.voting import queries, services
from membership.voting.models import BallotChoice, Round, Topic
from tests.factories import voting
from tests.web.crawl_world import PEOPLE, ROLES, World, rules_of, served

pytestmark = pytest.mark.proof

VOTE = "april"
BALLOTS = {"water": 47, "schools": 31, "port,schools": 22, "port": 3}
AHEAD, BEHIND = "water", "port"
PUBLIC = tuple(person for person in PEOPLE if person not in ROLES)
SORTED_AND_SOUGHT = (
    *(f"/topics?sort={sort}" for sort in ("newest", "support", "title", "state")),
    "/topics?q=about",
    "/topics?state=on_ballot",
    "/staff/votes?state=open",
    *(f"/staff/topics?sort={sort}" for sort in ("newest", "support", "title", "state")),
)
# What is another each time and tells nothing: challenges, tokens, the ids of forms, the numbers in the addresses of the factories.
DRAWN = re.compile(r"[\w-]{36,}|(?<=reader)\d+(?=@)")
TOLD_BY_THE_PAGE = ("Content-Length", "Set-Cookie")

Page = tuple[int, str, str]
Pages = dict[tuple[str, str], Page]


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path, _compiled_templates: FileSystemBytecodeCache
) -> Iterator[World]:
    """A newsroom with an open vote and a full box; every address with a vote in it names that vote."""
    with served(tmp_path_factory.mktemp("tallies"), _sqlite_template, _compiled_templates) as built:
        built.names = {name: value for name, value in built.names.items() if not name.endswith(" round_slug")}
        with built.app.extensions["kernel"].sessions() as session:
            round_ = queries.get_round_by_slug(session, VOTE)
            voting.cast_all(session, round_, BALLOTS, keys=built.app.extensions["round_keys"], clock=clock_of(built))
        built.keep()
        yield built


@pytest.fixture(scope="module")
def crawled(world: World) -> dict[str, tuple[Pages, Pages]]:
    """Every page at each stage of the vote, with the ballots as they are and exchanged."""
    key_file = next(world.app.extensions["round_keys"].directory.glob("*.key"))
    key = key_file.read_bytes()
    found: dict[str, list[Pages]] = {}
    for exchanged in (False, True):
        world.restore()
        key_file.write_bytes(key)
        if exchanged:
            exchange(world)
        for stage in ("open", "closed", "certified", "counted", "published"):
            advance(world, stage)
            found.setdefault(stage, []).append(pages_of(world, about=VOTE if stage == "published" else ""))
    return {stage: (first, second) for stage, (first, second) in found.items()}


def clock_of(world: World) -> FixedClock:
    clock: FixedClock = world.app.extensions["kernel"].clock
    return clock


def exchange(world: World) -> None:
    """Give each ballot of the topic that is ahead to the one that is behind, and the other way round; no other row changes."""
    with world.app.extensions["kernel"].sessions() as session:
        ahead, behind = (session.scalars(select(Topic.id).where(Topic.slug == slug)).one() for slug in (AHEAD, BEHIND))
        with transaction(session):
            alone = select(BallotChoice.ballot_id).where(BallotChoice.topic_id == behind)
            others = set(session.scalars(alone))
            first = update(BallotChoice).where(BallotChoice.topic_id == ahead).values(topic_id=behind)
            session.execute(first.execution_options(synchronize_session=False))
            second = update(BallotChoice).where(BallotChoice.ballot_id.in_(others), BallotChoice.topic_id == behind)
            session.execute(second.values(topic_id=ahead).execution_options(synchronize_session=False))


def advance(world: World, stage: str) -> None:
    """Let the vote come to this stage."""
    keys, clock = world.app.extensions["round_keys"], clock_of(world)
    acts: dict[str, Callable[[Session, Round], object]] = {
        "open": lambda _session, round_: round_,
        "closed": lambda session, round_: close_early(session, round_, clock),  # at its end everybody's session would be over
        "certified": lambda session, round_: voting.certify_closed(session, round_, keys=keys, clock=clock),
        "counted": lambda session, round_: voting.open_box(session, round_, clock=clock),
        "published": lambda session, round_: voting.publish_counted(session, round_, clock=clock),
    }
    with world.app.extensions["kernel"].sessions() as session:
        acts[stage](session, queries.get_round_by_slug(session, VOTE))
        session.commit()


def close_early(session: Session, round_: Round, clock: FixedClock) -> None:
    """Close the vote now."""
    editor = voting.make_staff(session, clock=clock, role="editor")
    services.close_round(session, round_id=round_.id, note="Everybody has voted.", actor_id=editor, clock=clock)


def pages_of(world: World, *, about: str) -> Pages:
    """Ask for every address in which these letters stand, as everybody."""
    rules = [rule for rule, endpoints in rules_of(world).items() if "GET" in endpoints]
    addresses = {world.path_of(rule) for rule in rules if not rule.startswith(("/static/", "/<language:"))}
    pages: Pages = {}
    for address in sorted(address for address in addresses | set(SORTED_AND_SOUGHT) if about in address):
        for person in PEOPLE:
            response = world.ask(person, "GET", address)
            headers = sorted((name, value) for name, value in response.headers.items() if name not in TOLD_BY_THE_PAGE)
            body = DRAWN.sub("…", f"{headers} {response.get_data(as_text=True)}")
            pages[address, person] = (response.status_code, response.location or "", body)
    return pages


def different(crawled: dict[str, tuple[Pages, Pages]], stage: str) -> list[tuple[str, str]]:
    """Return which pages, seen by whom, tell the one box from the other."""
    first, second = crawled[stage]
    assert set(first) == set(second)
    return sorted(where for where in first if first[where] != second[where])


# One test: two workers would crawl twice.
def test_no_page_tells_anybody_who_is_ahead_before_its_time(crawled: dict[str, tuple[Pages, Pages]]) -> None:
    told = {stage: different(crawled, stage) for stage in crawled}

    assert {stage: told[stage] for stage in ("open", "closed", "certified")} == {"open": [], "closed": [], "certified": []}
    # Under embargo it is on the staff's own pages of the count alone, and there it is: the attack works.
    assert {person for _, person in told["counted"]} & set(PUBLIC) == set()
    assert (f"/staff/votes/{VOTE}/count", "counter") in told["counted"]
    assert [address for address, _ in told["counted"] if not address.startswith(f"/staff/votes/{VOTE}/count")] == []
    # Published, it is for everybody.
    assert {(f"/votes/{VOTE}", person) for person in PEOPLE} <= set(told["published"])
    assert {address for address, _ in told["published"]} >= {f"/votes/{VOTE}/result.json", f"/votes/{VOTE}/result.csv"}
    # And every page was really seen.
    assert [where for pages in crawled.values() for both in pages for where, page in both.items() if page[0] >= 500] == []
    seen = {(stage, person) for stage in crawled for person in ROLES if crawled[stage][0][f"/staff/votes/{VOTE}", person][0] == 200}
    assert seen == {(stage, person) for stage in crawled for person in ROLES}
