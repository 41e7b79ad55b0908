"""Free seats: asked for by anybody, granted once, and never out of an empty pool."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.audit import AuditEntry
from membership.db import transaction
from membership.errors import Conflict, NotFound, TooOften
from membership.outbox import Letter, OutboxItem
from membership.patronage import giving, queries, services
from membership.patronage.giving_letters import prepare_declined, prepare_granted, prepare_thanks
from membership.patronage.models import FreeSeatRequest, PaidPeriod, Payment, SeatPoolEntry
from membership.patronage.services.seats import POOL_SEATS_A_DAY, fill_pool, follow_pool_money
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, race
from tests.factories.patronage import give_seat
from tests.patronage.conftest import Till, table

DAY = timedelta(days=1)


def ask(session: Session, email: str = "new@example.org", *, at: timedelta = timedelta()) -> int:
    services.request_free_seat(session, email=email, language="uk", now=NOW + at)
    waiting = select(FreeSeatRequest.id).where(FreeSeatRequest.email == email, FreeSeatRequest.decided_at.is_(None))
    return session.scalars(waiting).one()


def decide(session: Session, request_id: int, decision: str = "granted", *, actor_id: int | None = None) -> None:
    actor = actor_id or make_staff(session, "treasurer", email=f"staff{request_id}@example.org").id
    services.decide_free_seat(session, request_id=request_id, decision=decision, actor_id=actor, now=NOW)


def fill(session: Session, months: int, reference: str = "ch_1") -> None:
    with transaction(session):
        fill_pool(session, months=months, reference=reference, now=NOW)


def money_comes_back(session: Session, reference: str = "ch_1", *, again: bool = False) -> None:
    with transaction(session):
        follow_pool_money(session, reference=reference, reversed_at=None if again else NOW)


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "@example.org", "a b@example.org", "x" * 400 + "@example.org"])
def test_what_is_no_address_is_refused(session: Session, email: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        services.request_free_seat(session, email=email, language="en", now=NOW)

    assert table(session, FreeSeatRequest, "id") == []


def test_who_asks_for_a_thousand_seats_is_stopped(session: Session) -> None:
    limits = {b"browser": 2, b"network": 2}

    def ask_from(browser: bytes, email: str) -> None:
        asked_by = {browser: 2, b"network": 2}
        services.request_free_seat(session, email=email, language="en", asked_by=asked_by, now=NOW)

    for number in range(2):
        ask_from(b"browser", f"a{number}@example.org")
    with pytest.raises(TooOften):
        ask_from(b"browser", "b@example.org")
    with pytest.raises(TooOften):
        ask_from(b"other browser", "c@example.org")

    assert len(table(session, FreeSeatRequest, "id")) == 2
    services.request_free_seat(session, email="d@example.org", language="en", asked_by=limits, now=NOW + DAY)


def test_asked_again_before_the_answer_it_is_the_same_request(session: Session) -> None:
    first = ask(session, "new@example.org")
    services.request_free_seat(session, email=" New@Example.ORG ", language="en", now=NOW + DAY)

    assert table(session, FreeSeatRequest, "id", "email", "language") == [(first, "new@example.org", "uk")]


def test_a_request_is_answered_once(session: Session) -> None:
    request_id = ask(session)
    decide(session, request_id)

    for decision in ("granted", "declined"):
        with pytest.raises(Conflict):
            decide(session, request_id, decision, actor_id=1)
    with pytest.raises(Conflict):
        decide(session, 404, actor_id=1)
    with pytest.raises(NotFound):
        decide(session, request_id, "maybe", actor_id=1)

    assert table(session, PaidPeriod, "source") == [("free_seat",)]
    assert table(session, OutboxItem, "kind") == [("free_seat_granted",)]


def test_staff_and_pool_at_once_grant_one_seat(engine: Engine, session: Session) -> None:
    request_id = ask(session)
    fill(session, 3)
    staff = make_staff(session, "treasurer")
    acts = ["pool", "staff"] * 3

    def answer(own: Session) -> None:
        if acts.pop() == "pool":
            services.draw_seats_from_pool(own, now=NOW)
        else:
            try:
                decide(own, request_id, actor_id=staff.id)
            except Conflict:
                return

    race(engine, answer, racers=6)

    assert len(table(session, PaidPeriod, "id")) == 1
    assert len(table(session, Member, "id")) == 2


def test_a_granted_seat_is_a_year_of_being_a_patron(session: Session) -> None:
    request_id = ask(session)

    decide(session, request_id)

    ((member_id, typed),) = [row for row in table(session, Member, "id", "typed_email") if row[1]]
    standing = queries.standing_of(session, member_id, at=NOW)
    assert typed == "new@example.org"
    assert (standing.may_vote, standing.until) == (True, NOW.replace(year=2027))
    assert table(session, FreeSeatRequest, "decision", "member_id") == [("granted", member_id)]
    assert ("free_seat.granted", str(request_id)) in table(session, AuditEntry, "act", "subject_id")
    assert "new@example.org" not in repr(table(session, AuditEntry, "act", "reason", "details", "subject_id"))


def test_a_seat_goes_to_who_has_the_address_and_comes_after_what_they_have(session: Session) -> None:
    member = make_member(session, "known@example.org")
    give_seat(session, member.id)  # for twenty days more
    request_id = ask(session, "known@example.org")
    (waiting,) = giving.waiting_seat_requests(session, at=NOW)

    decide(session, request_id)

    assert waiting.until == NOW + 20 * DAY
    assert queries.standing_of(session, member.id, at=NOW).until == (NOW + 20 * DAY).replace(year=2027)


def letter_of(session: Session, kind: str) -> Letter:
    prepare = {"free_seat_granted": prepare_granted, "free_seat_declined": prepare_declined, "free_seat_paid": prepare_thanks}[kind]
    (payload,) = session.scalars(select(OutboxItem.payload).where(OutboxItem.kind == kind))
    letter = prepare(session, payload, NOW)
    assert letter is not None
    return letter


def test_both_answers_are_mails_in_the_language_of_the_asker(session: Session) -> None:
    decide(session, ask(session))
    decide(session, ask(session, "other@example.org"), "declined")

    granted, declined = letter_of(session, "free_seat_granted"), letter_of(session, "free_seat_declined")

    assert (granted.to, granted.language) == ("new@example.org", "uk")
    assert granted.context == {"until": NOW.replace(year=2027), "address": "new@example.org"}
    assert (declined.to, declined.language) == ("other@example.org", "uk")
    assert len(table(session, PaidPeriod, "id")) == 1


def test_an_empty_pool_gives_nothing(session: Session) -> None:
    ask(session)
    fill(session, 2)

    assert services.draw_seats_from_pool(session, now=NOW) == 0
    assert giving.pool_months(session) == 2
    assert table(session, PaidPeriod, "id") == []


def test_the_pool_gives_three_months_to_who_waits_longest_as_long_as_it_lasts(session: Session) -> None:
    for number, name in enumerate(("c", "a", "b")):
        ask(session, f"{name}@example.org", at=timedelta(minutes=number))
    fill(session, 7)

    drawn = [services.draw_seats_from_pool(session, now=NOW), services.draw_seats_from_pool(session, now=NOW)]

    assert drawn == [2, 0]
    assert giving.pool_months(session) == 1
    assert [waiting.row.email for waiting in giving.waiting_seat_requests(session, at=NOW)] == ["b@example.org"]
    assert table(session, PaidPeriod, "source", "ends_at") == [("free_seat", NOW.replace(month=6))] * 2
    assert {by for (by,) in table(session, FreeSeatRequest, "decided_by")} == {None}


def test_a_flood_of_requests_does_not_empty_the_pool_before_anybody_has_seen_it(session: Session) -> None:
    for number in range(POOL_SEATS_A_DAY + 2):
        ask(session, f"flood{number}@example.org")
    fill(session, 300)

    drawn = [services.draw_seats_from_pool(session, now=NOW + at) for at in (timedelta(), DAY / 2, DAY)]

    assert drawn == [POOL_SEATS_A_DAY, 0, 2]


def test_many_workers_give_no_month_twice(engine: Engine, session: Session) -> None:
    for number in range(6):
        ask(session, f"reader{number}@example.org")
    fill(session, 7)

    drawn = race(engine, lambda own: services.draw_seats_from_pool(own, now=NOW), racers=5)

    assert (sum(drawn), giving.pool_months(session)) == (2, 1)


def test_money_that_goes_back_takes_what_was_not_given_yet(session: Session) -> None:
    fill(session, 14)
    ask(session)
    services.draw_seats_from_pool(session, now=NOW)

    money_comes_back(session)
    empty = giving.pool_months(session)
    fill(session, 3, "ch_2")  # the next payer pays for nothing that was given before
    refilled = giving.pool_months(session)
    money_comes_back(session)
    twice = giving.pool_months(session)
    money_comes_back(session, again=True)

    assert (empty, refilled, twice, giving.pool_months(session)) == (0, 3, 3, 14)
    assert len(table(session, PaidPeriod, "id")) == 1


def test_money_that_goes_back_before_anything_was_given_leaves_the_others(session: Session) -> None:
    fill(session, 5)
    fill(session, 4, "ch_2")

    money_comes_back(session)

    assert giving.pool_months(session) == 4


def test_paying_for_others_fills_the_pool_and_makes_no_patron(till: Till) -> None:
    session_id = till.pays("once", 9900, purpose="seats", email="giver@example.org")
    till.sync_checkout(session_id)

    ((reference,),) = till.table(Payment, "reference")
    assert till.table(SeatPoolEntry, "months", "reference") == [(33, reference)]
    assert till.table(Member, "id") == []
    letter = letter_of(till.session, "free_seat_paid")
    assert (letter.to, letter.template, letter.context["months"], letter.context["amount_minor"]) == (
        "giver@example.org",
        "free_seat_paid",
        33,
        9900,
    )


def test_a_refund_at_stripe_empties_the_pool(till: Till) -> None:
    session_id = till.pays("once", 900, purpose="seats")
    ask(till.session)
    till.stripe.control("refund", id=till.table(Payment, "reference")[0][0])

    till.sync_checkout(session_id)

    assert giving.pool_months(till.session) == 0
    assert services.draw_seats_from_pool(till.session, now=NOW) == 0


def test_addresses_of_answered_requests_are_forgotten(session: Session) -> None:
    decide(session, ask(session), "declined")
    ask(session, "waits@example.org")

    kept = services.forget_seat_requests(session, now=NOW + 90 * DAY)
    forgotten = services.forget_seat_requests(session, now=NOW + 91 * DAY)

    assert (kept, forgotten) == (0, 1)
    assert table(session, FreeSeatRequest, "email") == [("waits@example.org",)]
