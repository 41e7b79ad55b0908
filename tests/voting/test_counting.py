"""Opening the box once, and making its count public."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.errors import Conflict
from membership.page_version import page_version
from membership.voting import counting, queries, services
from membership.voting.keys import RoundKeys
from membership.voting.lots import lot
from membership.voting.models import CertifiedBallot
from tests.factories.voting import cast_all, certify_vote, close_vote, count_vote, make_staff, open_vote


def test_an_unchecked_box_is_not_opened(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 2}, keys=keys, clock=clock)
    close_vote(session, round_, clock=clock)
    counter = make_staff(session, clock=clock)
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=counter, now=clock.now())

    with pytest.raises(Conflict, match="two people"):
        services.open_box(session, round_id=round_.id, actor_id=counter, now=clock.now())
    with pytest.raises(Conflict):
        queries.result_of(queries.get_round(session, round_.id))


def test_the_count_is_frozen_with_its_lots_and_an_end_of_the_embargo(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water,port": 2, "water": 1, "schools": 2}, keys=keys, clock=clock)

    counted = count_vote(session, round_, keys=keys, clock=clock)

    result = queries.result_of(counted)
    assert counted.count is not None
    assert counted.opening is not None
    assert counted.closing is not None
    assert (result.winners, result.totals) == (("water", "schools"), {"port": 2, "schools": 2, "water": 3})
    assert result.lots["port"] == lot(counted.opening.seed, counted.closing.roll_sha256, "port")
    assert counted.count.publish_at == clock.now() + timedelta(hours=24)
    assert counting.recount(session, counted) is True


def test_a_host_whose_clock_is_behind_counts_and_publishes_nothing_before_its_time(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = certify_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)
    counter, behind = make_staff(session, clock=clock), clock.now() - timedelta(minutes=3)

    services.open_box(session, round_id=round_.id, actor_id=counter, now=behind)
    services.publish(session, round_id=round_.id, actor_id=counter, now=behind)

    published = queries.get_round(session, round_.id)
    assert published.count
    assert published.publication
    assert (published.count.counted_at, published.publication.published_at) == (clock.now(), clock.now())


def test_a_box_is_opened_once(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    count_vote(session, round_, keys=keys, clock=clock)

    with pytest.raises(Conflict, match="opened already"):
        services.open_box(session, round_id=round_.id, actor_id=make_staff(session, clock=clock), now=clock.now())


def test_a_recount_notices_a_ballot_that_was_put_in_later(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 2}, keys=keys, clock=clock)
    counted = count_vote(session, round_, keys=keys, clock=clock)
    with transaction(session):
        session.execute(insert(CertifiedBallot).values(id=uuid4(), round_id=round_.id, topics="port"))

    assert counting.recount(session, counted) is False


def test_a_result_is_not_published_by_itself_before_the_embargos_end(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = count_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)
    assert round_.count is not None

    early = round_.count.publish_at - timedelta(seconds=1)
    assert services.publish_due(session, now=early) == 0
    with pytest.raises(Conflict, match="still being reviewed"):
        services.publish(session, round_id=round_.id, actor_id=None, now=early)
    assert services.publish_due(session, now=round_.count.publish_at) == 1
    assert services.publish_due(session, now=round_.count.publish_at) == 0
    assert queries.latest_published_round(session) == round_


def test_staff_publish_earlier_and_open_pages_change(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = count_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)
    before = page_version(session)
    counter = make_staff(session, clock=clock)

    services.publish(session, round_id=round_.id, actor_id=counter, now=clock.now())

    published = queries.get_round(session, round_.id)
    assert published.publication is not None
    assert (published.publication.published_by_id, page_version(session)) == (counter, before + 1)
    assert queries.round_state(published, clock.now()) == "published"


def test_a_certified_box_is_counted_by_nobody_but_open_box(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = certify_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)

    with pytest.raises(Conflict, match="no counted result"):
        services.publish(session, round_id=round_.id, actor_id=make_staff(session, clock=clock), now=clock.now())


def test_a_voided_vote_is_neither_counted_nor_published(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    uncounted = certify_vote(session, open_vote(session, keys=keys, clock=clock), keys=keys, clock=clock)
    counted = count_vote(
        session, open_vote(session, keys=keys, clock=clock, slug="april", topics=("roads", "parks")), keys=keys, clock=clock
    )
    first, second = make_staff(session, clock=clock), make_staff(session, clock=clock)
    for round_ in (uncounted, counted):
        services.void_round(session, round_id=round_.id, reason="Bought.", actor_id=first, clock=clock)
    services.confirm_voiding(session, round_id=counted.id, actor_id=second, now=clock.now())

    with pytest.raises(Conflict, match="voided"):
        services.open_box(session, round_id=uncounted.id, actor_id=first, now=clock.now())
    with pytest.raises(Conflict, match="voided"):
        services.publish(session, round_id=counted.id, actor_id=second, now=clock.now())
    assert services.publish_due(session, now=clock.now() + timedelta(days=9)) == 0
