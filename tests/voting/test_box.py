"""Checking the box blind, by two people; certifying, shredding."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.db import transaction
from membership.errors import Conflict, Unavailable
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Payment, Subscription
from membership.voting import box, queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import (
    Ballot,
    BallotChoice,
    BoxCheck,
    CertifiedBallot,
    CertifiedReceipt,
    Participation,
    RollEntry,
    Round,
)
from membership.voting.receipts import receipt, receipt_hash, voter_tag
from membership.voting.refusals import SamePerson, StillSettling, TooSoonAlone
from membership.voting.sealed import can_read_keys
from membership.voting.shared_cards import SharedCards, shared_cards
from tests.factories.patronage import make_plan
from tests.factories.voting import (
    cast,
    cast_all,
    certify_vote,
    close_vote,
    counted_voters,
    make_member,
    make_patron,
    make_staff,
    open_vote,
    topic_ids,
)


def give_back(session: Session, member_id: int, *, clock: FixedClock) -> None:
    with transaction(session):
        session.execute(update(PaidPeriod).where(PaidPeriod.member_id == member_id).values(reversed_at=clock.now()))


def begin_first_payment(session: Session, *, clock: FixedClock) -> int:
    member_id = make_member(session, clock=clock)
    with transaction(session):
        subscription = Subscription(stripe_id=f"sub_{member_id}", member_id=member_id, status="incomplete", created_at=clock.now())
        session.add(subscription)
    return member_id


def pay_once_by_bank(session: Session, *, clock: FixedClock) -> int:
    member_id, plan = make_member(session, clock=clock), make_plan(session)
    with transaction(session):
        session.add(
            CheckoutAttempt(
                id=uuid4(), plan_id=plan.id, interval="once", amount_minor=900, currency="eur", language="en",
                browser_hash=b"b" * 32, member_id=member_id, created_at=clock.now(), completed_at=clock.now(),
            )
        )  # fmt: skip
    return member_id


def closed_box(session: Session, *, keys: RoundKeys, clock: FixedClock) -> tuple[Round, list[int]]:
    round_ = open_vote(session, keys=keys, clock=clock)
    voters = cast_all(session, round_, {"water": 2, "schools,port": 1}, keys=keys, clock=clock)
    return close_vote(session, round_, clock=clock), voters


def test_an_open_box_can_not_be_checked(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)

    with pytest.raises(Conflict, match="not waiting for a first check"):
        services.check_box(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())


def test_nobody_confirms_their_own_check(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    counter, _ = make_staff(session, clock=clock), make_staff(session, clock=clock, role="admin")
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=counter, now=clock.now())
    clock.instant += timedelta(days=2)

    with pytest.raises(SamePerson):
        services.confirm_check(session, round_id=round_.id, keys=keys, actor_id=counter, now=clock.now())
    assert (queries.count_ballots(session, round_.id), queries.certified_ballots(session, round_.id)) == (3, {})


def test_where_nobody_else_can_the_same_person_confirms_a_day_later_and_that_is_kept(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    make_staff(session, clock=clock, role="editor")
    counter = make_staff(session, clock=clock)
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=counter, now=clock.now())
    clock.instant += timedelta(hours=24, seconds=-1)

    with pytest.raises(TooSoonAlone):
        services.confirm_check(session, round_id=round_.id, keys=keys, actor_id=counter, now=clock.now())
    assert queries.count_ballots(session, round_.id) == 3
    clock.instant += timedelta(seconds=1)
    services.confirm_check(session, round_id=round_.id, keys=keys, actor_id=counter, now=clock.now())

    check = queries.get_round(session, round_.id).box_check
    assert check
    assert (check.checked_alone, check.confirmed_by_id, check.counted) == (True, counter, 3)
    [details] = session.scalars(select(AuditEntry.details).where(AuditEntry.act == "box.confirmed"))
    assert details == {"counted": 3, "alone": True}


def test_a_voided_vote_has_nothing_to_check_and_its_key_is_destroyed(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    first, second = make_staff(session, clock=clock), make_staff(session, clock=clock)
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=first, now=clock.now())
    services.void_round(session, round_id=round_.id, reason="The list was wrong", actor_id=second, clock=clock)

    with pytest.raises(Conflict, match="not waiting for a second check"):
        services.confirm_check(session, round_id=round_.id, keys=keys, actor_id=second, now=clock.now())
    with pytest.raises(Conflict, match="not waiting for a first check"):
        services.check_box(session, round_id=round_.id, keys=keys, actor_id=second, now=clock.now())
    assert [services.destroy_due_keys(session, keys=keys, clock=clock) for _ in range(2)] == [1, 0]
    voiding = queries.get_round(session, round_.id).voiding
    assert voiding
    assert (voiding.key_destroyed_at, list(keys.directory.iterdir())) == (clock.now(), [])


def test_a_ballot_whose_topics_were_all_withdrawn_is_a_ballot_all_the_same(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    voters = cast_all(session, round_, {"water": 2, "port": 1}, keys=keys, clock=clock)
    editor, [water] = make_staff(session, clock=clock, role="editor"), topic_ids(session, "water")
    services.withdraw_topic(session, round_id=round_.id, topic_id=water, reason="It is out", actor_id=editor, clock=clock)

    certified = certify_vote(session, round_, keys=keys, clock=clock)

    assert queries.turnout(session, certified, at=clock.now()) == queries.Turnout(3, 3, is_rounded=False)
    assert counted_voters(session, round_) == voters


def test_shared_cards_are_a_number_about_all_who_could_vote(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    """A card of one person, one of three of whom one has two payments, one of two of whom one can't vote, and none."""
    ids = [make_patron(session, clock=clock) for _ in range(5)]
    round_ = open_vote(session, keys=keys, clock=clock)
    stranger = make_member(session, clock=clock)
    cast(session, round_, ids[1], "water", keys=keys, clock=clock)
    paid = [
        (ids[0], "a"),
        (ids[0], "a"),
        *((one, "b") for one in ids[1:4]),
        (ids[1], "b"),
        (ids[4], "c"),
        (stranger, "c"),
        (ids[4], ""),
    ]
    with transaction(session):
        session.add_all(charge_by_card(member_id, card, number, clock) for number, (member_id, card) in enumerate(paid))

    assert shared_cards(session, round_.id) == SharedCards(cards=1, people=3)


def charge_by_card(member_id: int, card: str, number: int, clock: FixedClock) -> Payment:
    money = {"amount_minor": 500, "currency": "eur", "occurred_at": clock.now()}
    return Payment(kind="charge", source="stripe", reference=f"ch_{number}", member_id=member_id, card_fingerprint=card, **money)


def test_nothing_is_confirmed_that_nobody_checked(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)

    with pytest.raises(Conflict, match="not waiting for a second check"):
        services.confirm_check(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())


def test_a_roll_changed_after_the_close_stops_the_check(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    with transaction(session):
        session.add(RollEntry(round_id=round_.id, member_id=make_member_in(session, clock)))

    with pytest.raises(Conflict, match="fixed at the close"):
        services.check_box(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())


def make_member_in(session: Session, clock: FixedClock) -> int:
    member = Member(email="smuggled@example.org", created_at=clock.now())
    session.add(member)
    session.flush()
    return member.id


@pytest.mark.parametrize("begin", [begin_first_payment, pay_once_by_bank])
def test_the_box_waits_for_first_payments_at_most_as_long_as_was_announced(
    session: Session, clock: FixedClock, keys: RoundKeys, begin: Callable[..., int]
) -> None:
    pending = begin(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock, settling_hours=72)
    cast(session, round_, pending, "water", keys=keys, clock=clock)
    close_vote(session, round_, clock=clock)
    counter = make_staff(session, clock=clock)

    with pytest.raises(StillSettling) as refused:
        services.check_box(session, round_id=round_.id, keys=keys, actor_id=counter, now=clock.now())
    assert (refused.value.pending, refused.value.until) == (1, round_.closes_at + timedelta(hours=72))

    clock.instant = refused.value.until
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=counter, now=clock.now())
    found = box.report(session, queries.get_round(session, round_.id), keys=keys, at=clock.now())
    assert (found.ballots, found.set_aside, found.counted) == (1, {"first_payment_failed": 1}, 0)


def test_the_report_holds_numbers_and_no_topic(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, voters = closed_box(session, keys=keys, clock=clock)
    make_patron(session, clock=clock)
    give_back(session, voters[0], clock=clock)
    assert round_.closing is not None

    found = box.report(session, round_, keys=keys, at=clock.now())

    assert found == box.BoxReport(
        ballots=3,
        could_vote=3,
        set_aside={"refunded": 1},
        pending=0,
        pending_until=round_.closing.closed_at,
        roll_sha256=round_.closing.roll_sha256,
        roll_intact=True,
        key_lost=False,
        shared_cards=SharedCards(0, 0),
    )


def test_what_is_certified_is_what_was_cast_and_the_originals_are_gone(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    profile = {"water": 4, "port,schools": 3, "port": 2, "port,schools,water": 1}
    cast_all(session, round_, profile, keys=keys, clock=clock)

    certified = certify_vote(session, round_, keys=keys, clock=clock)

    found = session.scalars(select(CertifiedBallot.topics).where(CertifiedBallot.round_id == round_.id))
    assert Counter(found) == Counter(profile)
    assert session.scalar(select(func.count()).select_from(Ballot)) == 0
    assert session.scalar(select(func.count()).select_from(BallotChoice)) == 0
    assert certified.box_check is not None
    assert (certified.box_check.counted, certified.box_check.set_aside, certified.box_check.key_lost) == (10, 0, False)


def test_a_ballot_set_aside_is_deleted_never_copied_and_its_voter_is_not_counted(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, voters = closed_box(session, keys=keys, clock=clock)
    key = keys.read(round_.id)
    give_back(session, voters[2], clock=clock)

    certified = certify_vote(session, round_, keys=keys, clock=clock)

    assert queries.certified_ballots(session, round_.id) == {frozenset({"water"}): 2}
    rows = session.execute(select(Participation.member_id, Participation.counted).order_by(Participation.member_id)).all()
    assert rows == [(voters[0], True), (voters[1], True), (voters[2], False)]
    assert counted_voters(session, round_) == voters[:2]
    assert [one.counted for one in queries.participations_of(session, voters[2])] == [False]
    assert queries.receipt_hashes(session, round_.id) == sorted(receipt_hash(receipt(key, voter)) for voter in voters[:2])
    assert certified.box_check is not None
    assert certified.box_check.set_aside_reasons == {"refunded": 1}


def test_a_ballot_that_nobody_on_the_roll_sent_is_set_aside(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    ballot_id = uuid4()
    with transaction(session):
        session.execute(insert(Ballot).values(id=ballot_id, round_id=round_.id, voter_tag=voter_tag(b"another key", 1)))
        topic_id = round_.topics[0].topic_id
        session.execute(insert(BallotChoice).values(ballot_id=ballot_id, round_id=round_.id, topic_id=topic_id))
        session.execute(insert(Ballot).values(id=uuid4(), round_id=round_.id, voter_tag=bytes(32)))

    certified = certify_vote(session, round_, keys=keys, clock=clock)

    assert certified.box_check is not None
    assert (certified.box_check.counted, certified.box_check.set_aside_reasons) == (3, {"not_on_roll": 2})


def test_with_a_lost_key_every_stored_ballot_counts_and_the_check_says_so(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, voters = closed_box(session, keys=keys, clock=clock)
    give_back(session, voters[0], clock=clock)
    keys.destroy(round_.id)

    certified = certify_vote(session, round_, keys=keys, clock=clock)

    assert certified.box_check is not None
    assert (certified.box_check.key_lost, certified.box_check.counted, certified.box_check.set_aside_reasons) == (True, 3, {})
    assert (counted_voters(session, round_), queries.receipt_hashes(session, round_.id)) == ([], [])


def test_the_key_is_destroyed_by_a_repeatable_job_that_says_when(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    first, second = make_staff(session, clock=clock), make_staff(session, clock=clock)
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=first, now=clock.now())
    assert services.destroy_due_keys(session, keys=keys, clock=clock) == 0
    services.confirm_check(session, round_id=round_.id, keys=keys, actor_id=second, now=clock.now())
    assert keys.exists(round_.id) is True

    clock.instant += timedelta(minutes=1)
    assert [services.destroy_due_keys(session, keys=keys, clock=clock) for _ in range(2)] == [1, 0]

    assert keys.exists(round_.id) is False
    assert session.scalar(select(BoxCheck.key_destroyed_at)) == clock.instant


def test_a_host_without_the_folder_leaves_the_key_to_one_that_has_it(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    elsewhere = RoundKeys(keys.directory.with_name("not mounted"))
    for verb in (services.check_box, services.confirm_check):
        verb(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())

    assert services.destroy_due_keys(session, keys=elsewhere, clock=clock) == 0
    assert (keys.exists(round_.id), session.scalar(select(BoxCheck.key_destroyed_at))) == (True, None)
    assert services.destroy_due_keys(session, keys=keys, clock=clock) == 1


def test_a_key_that_went_with_its_folder_is_lost_only_when_a_person_says_so(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    counter = make_staff(session, clock=clock)
    with pytest.raises(Conflict, match="isn't lost"):
        services.give_up_key(session, round_id=round_.id, keys=keys, now=clock.now())
    shutil.rmtree(keys.directory)
    with pytest.raises(Unavailable):
        services.check_box(session, round_id=round_.id, keys=keys, actor_id=counter, now=clock.now())
    assert not can_read_keys(session, keys)

    services.give_up_key(session, round_id=round_.id, keys=keys, now=clock.now())
    assert can_read_keys(session, keys)  # nothing waits for it any more: the site is ready again
    certified = certify_vote(session, round_, keys=keys, clock=clock)

    assert certified.box_check
    assert (certified.box_check.key_lost, certified.box_check.counted) == (True, 3)
    with pytest.raises(Conflict, match="no ballots that need a key"):
        services.give_up_key(session, round_id=round_.id, keys=keys, now=clock.now())


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # the database in a file that a test can read
def test_after_the_key_is_gone_no_tag_is_left_in_the_database_file(
    session: Session, engine: Engine, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, voters = closed_box(session, keys=keys, clock=clock)
    tag = voter_tag(keys.read(round_.id), voters[0])
    path = Path(str(engine.url.database))
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(FULL)").connection.close()
    assert tag in path.read_bytes()

    certify_vote(session, round_, keys=keys, clock=clock)

    files = [found for found in path.parent.glob(path.name + "*") if tag in found.read_bytes()]
    assert files == []


def test_the_receipt_list_names_no_ballot(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    certify_vote(session, round_, keys=keys, clock=clock)

    assert set(CertifiedReceipt.__table__.columns.keys()) == {"round_id", "receipt_sha256"}
    assert set(CertifiedBallot.__table__.columns.keys()) == {"id", "round_id", "topics"}


def test_a_key_that_failed_or_came_back_between_the_two_checks_certifies_nothing(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    first, second = make_staff(session, clock=clock), make_staff(session, clock=clock)
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=first, now=clock.now())
    key_file, elsewhere = keys.directory / f"round-{round_.id}.key", keys.directory / "elsewhere"
    key_file.rename(elsewhere)

    with pytest.raises(Conflict, match="first check"):
        services.confirm_check(session, round_id=round_.id, keys=keys, actor_id=second, now=clock.now())
    assert (queries.count_ballots(session, round_.id), queries.certified_ballots(session, round_.id)) == (3, {})

    elsewhere.rename(key_file)
    services.confirm_check(session, round_id=round_.id, keys=keys, actor_id=second, now=clock.now())
    assert len(counted_voters(session, round_)) == 3


def test_a_first_check_can_be_taken_back_until_it_is_confirmed(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    first, second = make_staff(session, clock=clock), make_staff(session, clock=clock)
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=first, now=clock.now())
    keys.destroy(round_.id)

    services.take_back_check(session, round_id=round_.id, actor_id=second, now=clock.now())
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=second, now=clock.now())
    services.confirm_check(session, round_id=round_.id, keys=keys, actor_id=first, now=clock.now())

    certified = queries.get_round(session, round_.id)
    assert certified.box_check
    assert (certified.box_check.key_lost, certified.box_check.checked_by_id, certified.box_check.counted) == (True, second, 3)
    with pytest.raises(Conflict, match="not waiting for a second check"):
        services.take_back_check(session, round_id=round_.id, actor_id=first, now=clock.now())


def test_a_key_that_can_not_be_read_just_now_sets_nobody_aside_and_certifies_nothing(
    session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, _ = closed_box(session, keys=keys, clock=clock)
    keys.destroy(round_.id)
    (keys.directory / f"round-{round_.id}.key").mkdir()

    with pytest.raises(Unavailable):
        services.check_box(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())
    assert queries.get_round(session, round_.id).box_check is None
