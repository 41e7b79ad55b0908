"""The jobs carry a vote from its opening to its publication, and the commands repeat what they do."""

import shutil
from datetime import timedelta
from uuid import uuid4

from flask import Flask
from sqlalchemy import insert
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import CertifiedBallot
from tests.factories.voting import cast_all, close_vote, count_vote, make_patron, make_round, make_staff, open_vote


def run_jobs(app: Flask) -> None:
    for name in ("votes_open", "votes_close", "vote_rolls", "vote_keys", "votes_publish"):
        app.extensions["kernel"].queue.jobs[name].run()


def test_a_vote_opens_closes_and_is_published_by_itself(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    round_ = make_round(session, clock=clock)
    session.commit()

    run_jobs(app)
    assert queries.find_open_round(session, at=clock.now()) == round_
    late = make_patron(session, clock=clock)
    run_jobs(app)
    session.commit()
    assert queries.roll_of(session, round_.id) == [patron, late]

    clock.instant = round_.closes_at
    run_jobs(app)
    session.commit()
    for verb in (services.check_box, services.confirm_check):
        verb(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())
    run_jobs(app)
    assert keys.exists(round_.id) is False
    services.open_box(session, round_id=round_.id, actor_id=make_staff(session, clock=clock), now=clock.now())
    clock.instant += timedelta(hours=24)
    run_jobs(app)
    session.commit()
    assert queries.round_state(queries.get_round(session, round_.id), clock.now()) == "published"


def test_close_due_says_how_many_and_can_be_repeated(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    session.commit()
    clock.instant = round_.closes_at

    said = [app.test_cli_runner().invoke(args=["voting", "close-due"]).output for _ in range(2)]

    assert said == ["closed 1\n", "closed 0\n"]


def test_a_recount_of_what_is_not_counted_is_refused(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    close_vote(session, open_vote(session, keys=keys, clock=clock), clock=clock)
    session.commit()

    refused = app.test_cli_runner().invoke(args=["voting", "recount", "march"])
    unknown = app.test_cli_runner().invoke(args=["voting", "recount", "nowhere"])

    assert (refused.exit_code, "has not been counted" in refused.output) == (1, True)
    assert (unknown.exit_code, "no vote at this address" in unknown.output) == (1, True)


def test_a_recount_says_the_same_until_somebody_touches_a_ballot(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    cast_all(session, round_, {"water": 2}, keys=keys, clock=clock)
    count_vote(session, round_, keys=keys, clock=clock)
    session.commit()
    same = app.test_cli_runner().invoke(args=["voting", "recount", "march"])
    with transaction(session):
        session.execute(insert(CertifiedBallot).values(id=uuid4(), round_id=round_.id, topics="port"))
    other = app.test_cli_runner().invoke(args=["voting", "recount", "march"])

    assert (same.exit_code, same.output) == (0, "march: the same result\n")
    assert (other.exit_code, "another result" in other.output) == (1, True)


def test_a_key_is_given_up_by_command_and_only_one_that_is_not_there(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = close_vote(session, open_vote(session, keys=keys, clock=clock), clock=clock)
    runner = app.test_cli_runner()

    refused = runner.invoke(args=["voting", "key-lost", "march"])
    shutil.rmtree(keys.directory)
    said = runner.invoke(args=["voting", "key-lost", "march"])

    assert (refused.exit_code, "it isn't lost" in refused.output) == (1, True)
    assert (said.exit_code, "march: its key is noted as lost" in said.output, keys.exists(round_.id)) == (0, True, False)
