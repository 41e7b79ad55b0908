"""A ballot that was acknowledged is in the box, whatever happens to the server: killed at random points of a busy minute."""

import http.client
import random
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import Engine

from membership.accounts import services as accounts
from membership.app import create_app
from membership.config import read_settings
from membership.patronage.services import contributions, plans
from membership.voting import queries, services
from membership.voting.models import Round
from membership.voting.receipts import voter_tag
from tests.conftest import make_sessions
from tests.proofs.processes import Server, dead_in_the_end
from tests.serving import free_port

pytestmark = pytest.mark.proof

VOTERS = 24
CHANGES = 12  # how often each of them sends another ballot
KILLS = 6
SLUGS = ("water", "schools", "port", "buses", "archive")


@dataclass
class Voter:
    """What one voter was told: the last acknowledged ticks, and those sent since without an answer."""

    member_id: int
    cookie: str
    acknowledged: frozenset[str] | None = None
    unknown: list[frozenset[str]] = field(default_factory=list)

    def could_be_in_the_box(self) -> list[frozenset[str] | None]:
        """Return every content of the box that agrees with what the voter was told."""
        return [self.acknowledged, *self.unknown]


def cookie_of(app: Flask, token: str) -> str:
    """Return the session cookie that flask-login would have set for this token."""
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return f"{app.config['SESSION_COOKIE_NAME']}={serializer.dumps({'_user_id': token, '_fresh': True})}"


def open_vote(app: Flask, now: datetime) -> tuple[Round, list[Voter]]:
    """Make patrons who are signed in, and a vote that is open."""
    with app.extensions["kernel"].sessions() as session:
        presets = {"month": (300, 500, 1000), "year": (3000, 5000, 9000), "once": (1000, 2000, 5000)}
        minimums = {"month": 300, "year": 3000, "once": 300}
        plans.ensure_plan(session, key="patron", name="Patron", currency="eur", minimums=minimums, presets=presets, now=now)
        voters = []
        for number in range(VOTERS):
            member_id = accounts.create_member(session, email=f"v{number}@readers.example", now=now)
            until = now + timedelta(days=30)
            seat = {"starts_at": now - timedelta(days=1), "ends_at": until, "reference": f"seat-{number}", "actor_id": None}
            contributions.grant_free_seat(session, member_id=member_id, **seat, now=now)
            voters.append(
                Voter(member_id, cookie_of(app, accounts.start_session(session, member_id=member_id, method="mail", now=now)))
            )
        topic_ids = [services.ensure_topic(session, slug=s, title=s.title(), why="", state="shortlisted", now=now) for s in SLUGS]
        times = {"opens_at": now, "closes_at": now + timedelta(hours=2)}
        round_id = services.create_round(session, name="Vote", topic_ids=topic_ids, seats=2, **times, actor_id=None, now=now)
        clock = app.extensions["kernel"].clock
        services.open_round(session, round_id=round_id, keys=app.extensions["round_keys"], actor_id=None, clock=clock)
        return queries.get_round(session, round_id), voters


def send(port: int, voter: Voter, slug: str, ticks: frozenset[str]) -> bool:
    """Send one ballot and note what the voter was told; return whether it was acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {
        "Host": f"localhost:{port}",
        "Cookie": voter.cookie,
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    try:
        connection.request("POST", f"/votes/{slug}/ballot", urlencode([("topics", tick) for tick in sorted(ticks)]), headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        voter.unknown.append(ticks)
        return False
    finally:
        connection.close()
    assert status == 303, status
    voter.acknowledged, voter.unknown = ticks, []
    return True


def vote_busily(port: int, voter: Voter, slug: str, seed: int, sent: list[int]) -> None:
    """Send one ballot after the other, each with other ticks; one that got no answer is given up for the next."""
    choice, pause, acknowledged = random.Random(seed), threading.Event(), 0
    while acknowledged < CHANGES:
        if send(port, voter, slug, frozenset(choice.sample(SLUGS, choice.randint(1, 3)))):
            acknowledged += 1
            sent.append(voter.member_id)
        else:
            pause.wait(0.05)


def test_no_acknowledged_ballot_is_lost_or_doubled_when_the_server_is_killed(engine: Engine, environ: dict[str, str]) -> None:
    port = free_port()
    environ |= {"SITE_URL": f"http://localhost:{port}", "DATABASE_URL": engine.url.render_as_string(hide_password=False)}
    settings = read_settings(environ)
    settings.round_keys_dir.mkdir(parents=True, mode=0o700)
    app = create_app(settings)
    round_, voters = open_vote(app, datetime.now(UTC))
    sent: list[int] = []
    threads = [threading.Thread(target=vote_busily, args=(port, v, round_.slug, n, sent)) for n, v in enumerate(voters)]

    server = Server(environ, port)
    with dead_in_the_end([server]):
        server.start()
        for thread in threads:
            thread.start()
        for kill in range(1, KILLS + 1):
            while len(sent) < kill * VOTERS * CHANGES // (KILLS + 1):
                threads[kill].join(0.01)
            server.kill()
            server.start()
        for thread in threads:
            thread.join()

    key = app.extensions["round_keys"].read(round_.id)
    with make_sessions(engine)() as session:
        slugs = {entry.topic_id: entry.topic.slug for entry in queries.get_round(session, round_.id).topics}
        boxed = {
            voter.member_id: frozenset(
                slugs[topic_id] for topic_id in queries.ballot_of(session, round_id=round_.id, tag=voter_tag(key, voter.member_id))
            )
            or None
            for voter in voters
        }
        wrong = [voter for voter in voters if boxed[voter.member_id] not in voter.could_be_in_the_box()]
        in_the_box = queries.count_ballots(session, round_.id)

    app.extensions["kernel"].engine.dispose()
    assert wrong == []
    assert in_the_box == sum(ticks is not None for ticks in boxed.values())
    assert any(voter.acknowledged for voter in voters)
