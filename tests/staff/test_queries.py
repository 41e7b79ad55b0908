"""What needs a person today, drawn from rows."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from membership.credits.models import Commission
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage.bank_statement import read_statement
from membership.patronage.giving import waiting_seat_requests
from membership.patronage.models import MoneyCheckRun, PatreonImport, PatreonMember, ReconcileRun, StripeEvent
from membership.patronage.services import decide_free_seat, import_statement, request_free_seat
from membership.staff import queries
from membership.staff.queries import Desk
from membership.voting.models import BoxCheck, Count, Round, Topic, Voiding
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff
from tests.factories.credits import make_commission, make_count, make_published_vote, make_round
from tests.factories.patronage import make_plan

KYIV = ZoneInfo("Europe/Kyiv")


def test_an_empty_newsroom_needs_nobody(session: Session) -> None:
    seen = desk(session)

    assert (seen, seen.is_quiet) == (Desk(0, None, (), (), 0, 0, 0), True)


def test_what_is_in_order_needs_nobody(session: Session) -> None:
    make_published_vote(session)
    make_commission(session, "april-2026")  # promised for May
    with transaction(session):
        session.add(Topic(slug="answered", title="Answered", state="approved", created_at=NOW))
        session.add(OutboxItem(key="sent", kind="letter", payload={}, created_at=NOW, due_at=NOW, done_at=NOW))
        session.add(stripe_event("evt_new", tries=0))
        session.add(stripe_event("evt_done", tries=1, state="done"))
        opens_at = NOW + timedelta(days=1)
        session.add(
            Round(
                slug="may",
                name="May",
                seats=1,
                rule="plain",
                opens_at=opens_at,
                closes_at=opens_at + timedelta(days=7),
                created_at=NOW,
            ),
        )

    assert desk(session).is_quiet


def test_suggestions_wait_from_the_oldest_on(session: Session) -> None:
    with transaction(session):
        session.add_all(Topic(slug=f"topic-{days}", title="Topic", created_at=NOW - timedelta(days=days)) for days in (2, 9, 4))

    seen = desk(session)

    assert (seen.suggestions, seen.oldest_suggestion_at) == (3, NOW - timedelta(days=9))


@pytest.mark.parametrize(
    ("step", "ask"),
    [
        ("closed", "check"),
        ("checked", "confirm"),
        ("certified", "count"),
        ("counted", "publish"),
        ("unclosed", "overdue"),
        ("unpublished", "overdue"),
        ("voiding asked", "void"),
    ],
)
def test_a_vote_asks_for_its_next_step(session: Session, step: str, ask: str) -> None:
    round_ = make_round(session)
    take_to(session, round_, step)

    assert [(task.round.slug, task.ask) for task in desk(session).votes] == [("march-2026", ask)]


def test_a_scheduled_vote_that_did_not_open_is_overdue_and_a_draft_never_is(session: Session) -> None:
    with transaction(session):
        for slug, scheduled_at in (("scheduled", NOW - timedelta(days=2)), ("draft", None)):
            session.add(
                Round(
                    slug=slug,
                    name=slug,
                    seats=1,
                    rule="plain",
                    opens_at=NOW - timedelta(hours=1),
                    closes_at=NOW + timedelta(days=7),
                    created_at=NOW - timedelta(days=2),
                    scheduled_at=scheduled_at,
                ),
            )

    assert [(task.round.slug, task.ask) for task in desk(session).votes] == [("scheduled", "overdue")]


def test_a_voided_vote_needs_nobody(session: Session) -> None:
    round_ = make_round(session)
    with transaction(session):
        session.add(Voiding(round_id=round_.id, reason="Bought.", after_count=False, asked_at=NOW, voided_at=NOW))

    assert desk(session).is_quiet


def test_stories_are_asked_for_once_their_month_has_come(session: Session) -> None:
    for slug, due_on in (("march-2026", date(2026, 4, 1)), ("april-2026", date(2026, 3, 1)), ("may-2026", date(2026, 2, 1))):
        commission = make_commission(session, slug)
        with transaction(session):
            session.get_one(Commission, commission.id).due_on = due_on

    assert [(task.story.round.slug, task.days_late) for task in desk(session).stories] == [("may-2026", 22), ("april-2026", 0)]


def test_what_failed_is_counted(session: Session) -> None:
    with transaction(session):
        session.add(OutboxItem(key="dead", kind="letter", payload={}, created_at=NOW, due_at=NOW, dead_at=NOW))
        session.add(stripe_event("evt_1", tries=2))

    seen = desk(session)

    assert (seen.dead_letters, seen.stuck_events, seen.is_quiet) == (1, 1, False)


def test_who_asks_for_a_free_seat_waits_until_the_answer(session: Session) -> None:
    treasurer = make_staff(session, "treasurer")
    request_free_seat(session, email="reader@example.org", language="en", now=NOW)
    waiting = desk(session)
    request_id = waiting_seat_requests(session, at=NOW)[0].row.id

    decide_free_seat(session, request_id=request_id, decision="granted", actor_id=treasurer.id, now=NOW)

    assert (waiting.seat_requests, waiting.is_quiet, desk(session).is_quiet) == (1, False, True)


def test_transfers_without_reference_wait_for_somebody(session: Session) -> None:
    make_plan(session)
    raw = b"Date;Amount;Purpose\n2026-03-20;5,00;?\n2026-03-20;6,00;?\n"
    import_statement(session, statement=read_statement(raw, currency="eur", today=NOW.date()), actor_id=None, now=NOW)

    seen = desk(session)

    assert (seen.transfers, seen.is_quiet) == (2, False)


def test_an_old_list_of_patreons_is_a_task_and_a_new_one_is_not(session: Session) -> None:
    reader = make_member(session)
    for applied_at, quiet in ((NOW - timedelta(days=36), False), (NOW - timedelta(days=34), True)):
        with transaction(session):
            made = PatreonImport(uploaded_at=applied_at, applied_at=applied_at)
            session.add(made)
            session.flush()
            session.add(PatreonMember(patreon_id=str(made.id), member_id=reader.id, paid_until=NOW, last_import_id=made.id))

        seen = desk(session)

        assert (seen.patreon_overdue_since, seen.is_quiet) == (None if quiet else applied_at, quiet)


@pytest.mark.parametrize(
    ("drift", "is_applied", "findings", "differs"),
    [
        (["payment"], False, {}, True),
        (["payment"], True, {}, False),
        ([], False, {"fee_unknown": ["ch_1"]}, True),
        ([], False, {}, False),
    ],
)
def test_books_that_differ_need_somebody(
    session: Session, drift: list[str], is_applied: bool, findings: dict[str, list[str]], differs: bool
) -> None:
    with transaction(session):
        session.add(ReconcileRun(requested_at=NOW, finished_at=NOW, drift=drift, is_applied=is_applied))
        session.add(MoneyCheckRun(at=NOW, findings=findings))

    seen = desk(session)

    assert (seen.books_differ, seen.is_quiet) == (differs, not differs)


def desk(session: Session) -> Desk:
    return queries.desk(session, at=NOW, zone=KYIV)


def take_to(session: Session, round_: Round, step: str) -> None:
    """Bring a closed vote to this step, or take back what its clock did."""
    if step in ("counted", "voiding asked", "unpublished"):
        make_count(session, round_, ballots={"water": 25})
    with transaction(session):
        session.execute(update(Count).values(publish_at=NOW + timedelta(hours=0 if step == "unpublished" else 24)))
        if step == "voiding asked":
            session.add(Voiding(round_id=round_.id, reason="Bought.", after_count=True, asked_at=NOW))
        if step == "unclosed":
            session.delete(round_.closing)
        if step in ("checked", "certified"):
            confirmed = {"confirmed_at": NOW, "counted": 25, "set_aside": 0} if step == "certified" else {}
            session.add(BoxCheck(round_id=round_.id, checked_at=NOW, **confirmed))
    session.expire_all()


def stripe_event(stripe_id: str, *, tries: int, state: str = "new") -> StripeEvent:
    return StripeEvent(
        stripe_id=stripe_id,
        type="invoice.paid",
        created_at=NOW,
        received_at=NOW,
        livemode=False,
        object_type="invoice",
        object_id="in_1",
        state=state,
        tries=tries,
    )
