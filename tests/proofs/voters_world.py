"""A vote in a town of patrons who are all signed in, and what its box holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from membership.accounts.models import LoginSession
from membership.accounts.queries import token_hash
from membership.clock import FixedClock
from membership.db import transaction
from membership.voting import queries, services
from membership.voting.models import Ballot, BallotChoice, Topic
from membership.voting.receipts import voter_tag
from tests.factories.patronage import make_plan
from tests.factories.voting import make_patrons, make_topics
from tests.proofs.voters_history import Box

SLUGS = ("water", "schools", "port", "buses", "archive")
# A vote stays open for minutes at least: ours opened long before its voters come.
OPENED_BEFORE = timedelta(minutes=10)


@dataclass(frozen=True)
class Vote:
    """An open vote and the cookie of each of its voters."""

    round_id: int
    slug: str
    closes_at: datetime
    cookies: Mapping[int, str]


def open_vote(app: Flask, *, voters: int, open_for: timedelta) -> Vote:
    """Let so many patrons sign in, and open a vote for them that closes so long from now."""
    clock = FixedClock(datetime.now(UTC) - OPENED_BEFORE)
    with app.extensions["kernel"].sessions() as session:
        make_plan(session)
        members = make_patrons(session, voters, clock=clock)
        cookies = _sign_in(app, session, members, clock.now())
        closes_at = datetime.now(UTC) + open_for
        settings = {"seats": 2, "settling_hours": 0, "opens_at": clock.now(), "closes_at": closes_at, "actor_id": None}
        topics = make_topics(session, SLUGS, clock=clock)
        round_id = services.create_round(session, name="Vote", topic_ids=topics, **settings, now=clock.now())
        services.open_round(session, round_id=round_id, keys=app.extensions["round_keys"], actor_id=None, clock=clock)
        return Vote(round_id, queries.get_round(session, round_id).slug, closes_at, cookies)


def _sign_in(app: Flask, session: Session, members: Iterable[int], now: datetime) -> dict[int, str]:
    """Write everybody's session in one commit, and return the cookie that the browser would have."""
    tokens = {member_id: f"token-of-{member_id}" for member_id in members}
    expires_at = now + timedelta(days=30)
    times = {"created_at": now, "expires_at": expires_at, "last_seen_at": now, "method": "mail"}
    rows = [{"token_hash": token_hash(token), "member_id": member_id, **times} for member_id, token in tokens.items()]
    with transaction(session):
        session.execute(insert(LoginSession), rows)
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    name = app.config["SESSION_COOKIE_NAME"]
    return {who: f"{name}={serializer.dumps({'_user_id': token, '_fresh': True})}" for who, token in tokens.items()}


def read_box(session: Session, *, round_id: int, key: bytes, members: Iterable[int]) -> Box:
    """Return what lies in the box, row by row: of each member every ballot; raises KeyError for one that is nobody's."""
    owners = {voter_tag(key, member_id): member_id for member_id in members}
    ticked = select(BallotChoice.ballot_id, Topic.slug).join(Topic, Topic.id == BallotChoice.topic_id)
    slugs: dict[object, set[str]] = {}
    for row in session.execute(ticked.where(BallotChoice.round_id == round_id)):
        slugs.setdefault(row.ballot_id, set()).add(row.slug)
    box: dict[int, list[frozenset[str]]] = {}
    for row in session.execute(select(Ballot.id, Ballot.voter_tag).where(Ballot.round_id == round_id)):
        box.setdefault(owners[row.voter_tag], []).append(frozenset(slugs.pop(row.id)))  # a ballot without ticks has no place here
    assert slugs == {}  # nor have ticks without a ballot
    session.rollback()
    return box
