"""Who has everything but the destroyed key can't tell who ticked what; what an open vote's backups still tell is measured."""

import hashlib
import hmac
import io
import random
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from flask import Flask
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.voting import services
from membership.voting.keys import RoundKeys
from membership.voting.models import Ballot, CertifiedReceipt, Opening, Round
from membership.voting.receipts import receipt_hash, voter_tag
from tests.conftest import SECRET_KEY, make_sessions
from tests.factories.accounts import SAME_ORIGIN, sign_in
from tests.factories.voting import certify_vote, make_patrons, open_vote
from tests.proofs.ballot_linking import (
    MOST_BY_CHANCE,
    Backups,
    Ticks,
    best_link,
    distinct_ballots,
    files_holding,
    files_of,
    neighbours,
    orders_of_counted_ballots,
    orders_of_sealed_ballots,
    orders_of_voters,
    write_ahead_log,
)

pytestmark = pytest.mark.proof

SLUGS = ("water", "schools", "port", "buses", "archive", "courts", "grain", "bridges")
VOTERS = 40


class QuietSite:
    """A site on which nothing happens but one voter after the other: each signs in, looks, votes, looks again."""

    def __init__(self, app: Flask, session: Session, keys: RoundKeys, clock: FixedClock, folder: Path) -> None:
        self.session, self.keys, self.clock = session, keys, clock
        members = make_patrons(session, VOTERS, clock=clock)
        self.round: Round = open_vote(session, keys=keys, clock=clock, topics=SLUGS)
        session.commit()
        self.key = keys.read(self.round.id)
        lot = random.SystemRandom()
        ballots = lot.sample(distinct_ballots(SLUGS, self.round.max_ticks), VOTERS)
        lot.shuffle(members)
        self.truth: dict[int, Ticks] = dict(zip(members, ballots, strict=True))
        self.backups = Backups(app.extensions["kernel"].engine, folder / "backups")
        for member_id, ticks in self.truth.items():
            self._visit(app, member_id, ticks)

    @property
    def tags(self) -> list[bytes]:
        """What tied the ballots to their voters."""
        return [voter_tag(self.key, member_id) for member_id in self.truth]

    def _visit(self, app: Flask, member_id: int, ticks: Ticks) -> None:
        self.clock.instant += timedelta(minutes=7)
        browser = app.test_client()
        sign_in(app, browser, member_id)
        assert browser.get(f"/votes/{self.round.slug}").status_code == 200
        sent = browser.post(f"/votes/{self.round.slug}/ballot", data={"topics": sorted(ticks)}, headers=SAME_ORIGIN)
        assert sent.status_code == 303
        assert browser.get(sent.location).status_code == 200
        self.backups.take(self.round.id)


@pytest.fixture
def site(app: Flask, session: Session, keys: RoundKeys, clock: FixedClock, tmp_path: Path) -> QuietSite:
    """A quiet site whose vote is open and in which everybody has voted."""
    return QuietSite(app, session, keys, clock, tmp_path)


def test_after_the_check_nothing_that_is_left_links_a_voter_to_a_ballot(
    stream: io.StringIO, site: QuietSite, session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys
) -> None:
    sealed = [ballot.id.bytes for ballot in session.scalars(select(Ballot))]

    certify_vote(session, site.round, keys=keys, clock=clock)
    session.commit()
    right, guess = best_link(
        site.truth, orders_of_voters(session, site.round.id), orders_of_counted_ballots(session, site.round.id)
    )

    print(f"{engine.dialect.name}: {right} of {VOTERS} voters guessed after the check (by chance 1, at most by {guess})")
    assert right <= MOST_BY_CHANCE
    assert (keys.exists(site.round.id), len(sealed)) == (False, VOTERS)
    assert files_holding(files_of(engine), [*sealed, *site.tags, *(ballot.hex().encode() for ballot in sealed)]) == {}
    structlog.get_logger().info("checked")  # a voter's visit leaves no line: this one shows that it would be in here
    assert "checked" in stream.getvalue()
    assert [secret for secret in (*SLUGS, *(tag.hex() for tag in site.tags)) if secret in stream.getvalue()] == []


def test_no_key_that_is_left_opens_anything(site: QuietSite, session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    certify_vote(session, site.round, keys=keys, clock=clock)
    session.commit()
    seed = session.scalars(select(Opening.seed)).one()
    listed = set(session.scalars(select(CertifiedReceipt.receipt_sha256)))

    left = [SECRET_KEY.encode(), seed, hashlib.sha256(seed).digest(), site.round.slug.encode(), b""]
    derived = {
        hmac.digest(key, prefix + member_id.to_bytes(8, "big"), "sha256")
        for key in left
        for prefix in (b"", b"receipt")
        for member_id in site.truth
    }

    assert derived & set(site.tags) == set()
    assert {receipt_hash(one.hex()) for one in derived} & listed == set()


def test_a_ballot_shares_its_transaction_with_nothing_that_names_anybody(site: QuietSite, session: Session) -> None:
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("only PostgreSQL shows a row's transaction")

    assert neighbours(session, site.round.id) == set()


def test_the_hourly_shuffle_leaves_no_order_in_an_open_vote(
    site: QuietSite, session: Session, engine: Engine, clock: FixedClock
) -> None:
    voters = orders_of_voters(session, site.round.id)
    before, _ = best_link(site.truth, voters, orders_of_sealed_ballots(session, site.round.id))

    services.shuffle_ballots(session, round_id=site.round.id, clock=clock)
    session.commit()
    after, guess = best_link(site.truth, voters, orders_of_sealed_ballots(session, site.round.id))

    print(f"{engine.dialect.name}: {before} of {VOTERS} voters guessed before the hourly shuffle, {after} after it ({guess})")
    if engine.dialect.name == "postgresql":  # the attack works: this is what the shuffle is for
        assert before == VOTERS
    assert after <= MOST_BY_CHANCE


def test_what_backups_taken_while_the_vote_was_open_tell_is_measured(
    site: QuietSite, session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys
) -> None:
    signed_in = {"who signed in, by time": list(session.scalars(text("SELECT member_id FROM login_session ORDER BY created_at")))}
    linked, _ = best_link(site.truth, signed_in, {"what each copy has more": site.backups.order_of_ballots()})
    certify_vote(session, site.round, keys=keys, clock=clock)
    session.commit()
    logged = files_holding(write_ahead_log(engine), site.tags)
    site.backups.forget()

    print(f"{engine.dialect.name}: with a copy taken after each ballot of a quiet site {linked} of {VOTERS} voters are linked")
    print(f"{engine.dialect.name}: tags still in the write-ahead log after the check: {sum(logged.values())} of {VOTERS}")
    assert linked == VOTERS  # the attack works: docs/operations.md tells what to do about it
    with make_sessions(engine)() as other:
        assert best_link(site.truth, signed_in, orders_of_counted_ballots(other, site.round.id))[0] <= MOST_BY_CHANCE
