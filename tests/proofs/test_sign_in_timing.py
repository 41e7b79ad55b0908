"""How long we take tells nobody whether an address is known: asking for a mail, past the hour's limit, and typing a wrong code.

Measured in one run against the whole app, addresses of all kinds in random order, so that whatever slows the machine down slows all
of them down. What two kinds differ by (A/B) is compared with what they differ by when the kinds are drawn by lot, and with what two
random halves of one kind differ by (A/A). Medians, because a busy machine makes a few requests very slow.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import combinations
from statistics import median
from time import perf_counter_ns

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from membership.accounts import services
from membership.accounts.models import Member, SignInRequest, StaffRole
from membership.clock import FixedClock
from membership.db import transaction
from tests.conftest import NOW
from tests.factories.accounts import SAME_ORIGIN, make_member

pytestmark = pytest.mark.proof

KINDS = ("known", "unknown", "staff")
POSTS = 300  # of each kind
CODES = 120
DRAWS = 1000
CLEARLY = 1.1  # times what happens by chance once in a thousand draws
LOST_IN_ANY_NETWORK = 0.02  # of what a request takes

Times = dict[str, list[float]]


@pytest.fixture
def known_browser(app: Flask, session: Session) -> FlaskClient:
    """A browser in which somebody was signed in before: its asking is not limited by its network."""
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = SAME_ORIGIN["Sec-Fetch-Site"]
    assert client.post("/sign-in", data={"email": "first@example.org"}).status_code == 303
    browser_hash = session.scalars(select(SignInRequest.browser_hash)).one()
    services.start_session(session, member_id=make_member(session).id, method="mail", browser_hash=browser_hash, now=NOW)
    return client


def make_addresses(session: Session, *, of_each: int = POSTS) -> list[tuple[str, str]]:
    """Return kinds and addresses in random order; each is asked for once, so that none meets the hour's limit unawares."""
    asked = [(kind, f"{kind}{number:03}@example.org") for kind in KINDS for number in range(of_each)]
    with transaction(session):
        members = {address: Member(email=address, created_at=NOW) for kind, address in asked if kind != "unknown"}
        session.add_all(members.values())
        session.flush()
        staff = [members[address].id for kind, address in asked if kind == "staff"]
        session.add_all(StaffRole(member_id=member_id, role="editor", granted_at=NOW) for member_id in staff)
    random.shuffle(asked)
    return asked


def measure(asked: Sequence[tuple[str, str]], post: Callable[[str], int], status: int) -> Times:
    """Return how many milliseconds each request took."""
    times: Times = {kind: [] for kind in KINDS}
    for kind, address in asked:
        began = perf_counter_ns()
        answered = post(address)
        times[kind].append((perf_counter_ns() - began) / 1e6)
        assert answered == status
    return times


def told_apart(times: Mapping[str, Sequence[float]], *, seed: int = 1) -> dict[tuple[str, str], str]:
    """Return which kinds differ clearly more than chance makes them, and by how much."""
    lots = random.Random(seed)
    within = max(_by_chance(lots, values[::2], values[1::2]) for values in map(list, times.values()))
    found = {}
    for one, other in combinations(times, 2):
        difference = abs(median(times[one]) - median(times[other]))
        usual = max(within, _by_chance(lots, times[one], times[other]), LOST_IN_ANY_NETWORK * median(times[one]))
        if difference > CLEARLY * usual:
            found[one, other] = f"{difference:.3f} ms, by chance at most {usual:.3f} ms"
    return found


def _by_chance(lots: random.Random, one: Sequence[float], other: Sequence[float]) -> float:
    """Return what medians differ by once in a thousand draws when lots decide which value belongs where."""
    pool = [*one, *other]
    differences = []
    for _ in range(DRAWS):
        lots.shuffle(pool)
        differences.append(abs(median(pool[: len(one)]) - median(pool[len(one) :])))
    return sorted(differences)[-DRAWS // 1000]


def test_asking_takes_as_long_for_everybody(session: Session, known_browser: FlaskClient) -> None:
    asked = make_addresses(session)

    times = measure(asked, lambda address: known_browser.post("/sign-in", data={"email": address}).status_code, 303)

    assert told_apart(times) == {}


def test_asking_past_the_limit_takes_as_long_for_everybody(session: Session, known_browser: FlaskClient) -> None:
    asked = make_addresses(session)
    earlier = {"language": "en", "next_path": "", "created_at": NOW, "expires_at": NOW + timedelta(minutes=10)}
    with transaction(session):
        rows = [{"email": address, "browser_hash": b"o" * 32, **earlier} for _, address in asked for _ in range(5)]
        session.execute(insert(SignInRequest), rows)

    times = measure(asked, lambda address: known_browser.post("/sign-in", data={"email": address}).status_code, 429)

    assert told_apart(times) == {}


def test_a_wrong_code_takes_as_long_for_everybody(
    app: Flask, session: Session, known_browser: FlaskClient, clock: FixedClock
) -> None:
    asked = make_addresses(session, of_each=CODES)
    queue = app.extensions["kernel"].queue
    times: Times = {kind: [] for kind in KINDS}
    for kind, address in asked:
        clock.instant += timedelta(minutes=3)  # a browser types few codes an hour
        known_browser.post("/sign-in", data={"email": address})
        queue.run("mails")
        (taken,) = measure([(kind, address)], lambda _: type_wrong_code(known_browser), 422)[kind]
        times[kind].append(taken)

    assert told_apart(times) == {}


def type_wrong_code(client: FlaskClient) -> int:
    return client.post("/sign-in/code", data={"code": "000000"}).status_code


def test_one_more_question_to_the_database_for_members_only_would_be_noticed() -> None:
    """What the comparison is worth: requests of 6 ms with a long tail, and half a millisecond more for members."""
    lots = random.Random(7)
    found = {}
    for more in (0.0, 0.05, 0.5):
        times = {kind: [5.0 + more * (kind == "known") + lots.lognormvariate(0, 0.5) for _ in range(POSTS)] for kind in KINDS}
        found[more] = list(told_apart(times))

    assert found == {0.0: [], 0.05: [], 0.5: [("known", "unknown"), ("known", "staff")]}
