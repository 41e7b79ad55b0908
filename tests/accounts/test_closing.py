"""An account is deleted: asked for, thought over, and then nothing of a person is left but numbers."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from membership.accounts import closures, services
from membership.accounts.models import AccountClosure, LoginSession, Member
from membership.accounts.queries import find_login_session, find_member_who_may_prove, lock_address
from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.data_classes import TABLES
from membership.data_classes.words import DELETED, EMPTIED, NUMBER
from membership.db import Base, transaction
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem
from membership.patronage.gateway import make_gateway
from membership.patronage.models import CheckoutAttempt
from membership.stripe_standin.server import StandInServer
from tests.accounts.conftest import Mail
from tests.conftest import NOW, SettingsMaker, make_sessions
from tests.factories.accounts import make_member, make_staff, make_typed_member, race, sign_in
from tests.factories.closures import Sweep, closure_of
from tests.factories.everything import Made, make_everything
from tests.factories.patronage import make_plan
from tests.factories.voting import open_vote
from tests.locking import ON_POSTGRESQL, meeting

DAY = timedelta(hours=24)
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def sweep(engine: Engine, make_settings: SettingsMaker, clock: FixedClock, tmp_path: Path) -> Any:
    """The jobs, with a Stripe that knows nobody."""
    folder = tmp_path / "stand-in"
    folder.mkdir()
    with StandInServer(folder, clock=clock.now) as stripe:
        yield Sweep(make_sessions(engine), make_gateway(make_settings(STRIPE_API_BASE=stripe.url)), clock, tmp_path / "keys")


def kept(row: Base) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}


def test_who_works_here_gives_their_roles_back_first(session: Session) -> None:
    member = make_staff(session)

    with pytest.raises(Conflict, match="You work here"):
        services.ask_closure(session, member_id=member.id, now=NOW)
    with pytest.raises(NotFound):
        services.ask_closure(session, member_id=member.id + 1, now=NOW)
    assert closures.find_closure(session, member.id) is None


def test_who_got_a_role_meanwhile_is_not_deleted(session: Session) -> None:
    member = make_member(session)
    services.ask_closure(session, member_id=member.id, now=NOW)
    services.grant_role(session, member_id=member.id, role="editor", actor_id=None, now=NOW)

    assert services.begin_due_closures(session, now=NOW + DAY) == 0


def test_once_begun_nobody_works_here_with_it(session: Session) -> None:
    member = make_member(session)
    services.ask_closure(session, member_id=member.id, now=NOW)
    services.begin_due_closures(session, now=NOW + DAY)

    with pytest.raises(Conflict, match="is being deleted"):
        services.grant_role(session, member_id=member.id, role="admin", actor_id=None, now=NOW + DAY)


def test_asked_twice_it_is_one_wish_and_one_mail(session: Session) -> None:
    member = make_member(session)
    first = services.ask_closure(session, member_id=member.id, now=NOW)
    again = services.ask_closure(session, member_id=member.id, now=NOW + timedelta(hours=5))

    assert (again.id, again.due_at) == (first.id, NOW + DAY)
    assert list(session.scalars(select(OutboxItem.kind))) == ["closure_asked"]
    assert list(session.scalars(select(AuditEntry.act))) == ["account.closure_asked"]


def test_many_who_ask_at_once_get_the_same_answer(engine: Engine, session: Session) -> None:
    member = make_member(session)

    asked = race(engine, lambda own: services.ask_closure(own, member_id=member.id, now=NOW).id, racers=5)

    assert len(set(asked)) == 1


def test_nothing_begins_before_the_day_is_over(session: Session, sweep: Sweep, clock: FixedClock) -> None:
    member = make_member(session)
    services.ask_closure(session, member_id=member.id, now=NOW)
    clock.instant = NOW + DAY - timedelta(seconds=1)
    sweep.run()

    assert closure_of(session, member.id).begun_at is None
    assert [letter.template for letter in sweep.sent] == ["closure_asked"]


def test_kept_in_the_last_second_it_stays_and_can_be_asked_for_again(session: Session, sweep: Sweep, clock: FixedClock) -> None:
    member = make_member(session)
    services.ask_closure(session, member_id=member.id, now=NOW)
    clock.instant = NOW + DAY
    services.take_back_closure(session, member_id=member.id, now=clock.now())
    services.take_back_closure(session, member_id=member.id, now=clock.now())
    sweep.run(times=3)
    session.refresh(member)

    assert (member.email, member.closed_at) == ("reader@example.org", None)
    assert services.ask_closure(session, member_id=member.id, now=clock.now()).due_at == clock.now() + DAY


def test_once_begun_it_can_be_kept_no_more(session: Session) -> None:
    member = make_member(session)
    services.ask_closure(session, member_id=member.id, now=NOW)
    services.begin_due_closures(session, now=NOW + DAY)

    with pytest.raises(Conflict, match="being deleted already"):
        services.take_back_closure(session, member_id=member.id, now=NOW + DAY)


def test_of_keeping_and_beginning_at_once_one_wins_whole(engine: Engine, session: Session) -> None:
    member = make_member(session)
    services.ask_closure(session, member_id=member.id, now=NOW)
    turns = iter(range(4))

    def either(own: Session) -> str:
        try:
            if next(turns) % 2:
                services.begin_due_closures(own, now=NOW + DAY)
            else:
                services.take_back_closure(own, member_id=member.id, now=NOW + DAY)
        except Conflict:
            return "too late"
        return "done"

    race(engine, either, racers=4)
    found = closure_of(session, member.id)

    assert (found.begun_at is None) != (found.taken_back_at is None)


@ON_POSTGRESQL
def test_while_somebody_proves_an_address_its_deletion_waits_and_holds_nothing_that_they_need(
    engine: Engine, session: Session
) -> None:
    member = make_member(session)
    services.ask_closure(session, member_id=member.id, now=NOW)
    services.begin_due_closures(session, now=NOW + DAY)
    with transaction(session):
        session.scalars(select(AccountClosure)).one().confirmed_at = NOW + DAY

    def shut(own: Session) -> int:
        return services.shut_accounts(own, now=NOW + DAY)

    with meeting(engine) as begin:
        with transaction(session):
            lock_address(session, "reader@example.org")
            shutting = begin(shut)
            session.get_one(Member, member.id, with_for_update={"nowait": True}, populate_existing=True)
            assert not shutting.done()
            member.email = "other@example.org"  # changed at that very moment: whose address that is was not locked
        assert (shutting.result(), closures.is_closed(session, member.id)) == (0, False)

    assert (shut(session), closures.is_closed(session, member.id)) == (1, True)


def test_after_it_nothing_is_left_but_what_is_declared_to_stay(session: Session, sweep: Sweep, clock: FixedClock) -> None:
    plan, round_ = make_plan(session), open_vote(session, keys=sweep.keys, clock=clock)
    other_id, others = make_everything(session, "theirs", plan_id=plan.id, round_id=round_.id)
    member_id, made = make_everything(session, "mine", plan_id=plan.id, round_id=round_.id)
    before = [[(row, kept(row)) for rows in each.values() for row in rows] for each in (made, others)]
    made["member"] = [row for row in made["member"] if inspect(row).identity == (member_id,)]
    made["account_closure"] = [services.ask_closure(session, member_id=member_id, now=NOW)]
    clock.instant += DAY

    sweep.run(times=4)
    session.expire_all()

    assert closure_of(session, member_id).done_at is not None
    assert broken_promises(session, made) == []
    assert "mine@" not in str([kept(row) for row in session.scalars(select(Member))])
    assert "mine@" not in str([kept(row) for row in session.scalars(select(OutboxItem))])
    assert [values for row, values in before[1] if kept(session.get_one(type(row), inspect(row).identity)) != values] == []
    assert closures.is_closed(session, other_id) is False


def broken_promises(session: Session, made: Made) -> list[str]:
    """Return the columns of which something else became than is declared."""
    found = []
    for table, rows in made.items():
        fates = {name: columns.at_closure for columns in TABLES[table] for name in columns.names}
        for row in rows:
            now = session.get(type(row), inspect(row).identity)
            found += [f"{table}.{name}" for name, fate in fates.items() if not is_kept(fate, name, row, now)]
    return found


def is_kept(fate: str, name: str, row: Base, now: Base | None) -> bool:
    """Return whether a promise is kept; of what goes by itself, or is about nobody, nothing is promised."""
    if fate == DELETED:
        return now is None
    if fate == EMPTIED:
        return now is not None and (getattr(now, name) in (None, "", b"", {}, "en", False) or name == "link_key")
    return fate != NUMBER or now is not None


@pytest.mark.parametrize("broken_after", [1, 2, 4, 6])
def test_every_step_may_be_done_twice_and_die_after_any(
    session: Session, sweep: Sweep, clock: FixedClock, broken_after: int
) -> None:
    member = make_member(session)
    services.ask_closure(session, member_id=member.id, now=NOW)
    clock.instant += DAY
    for _ in range(5):
        sweep.work(last=broken_after, twice=True)  # then the worker dies
        clock.instant += timedelta(minutes=1)
    sweep.run(times=4)

    found = closure_of(session, member.id)
    acts = list(session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)))

    assert (found.done_at is not None, found.last_address, found.last_address_proved) == (True, None, False)
    assert acts == ["account.closure_asked", "account.support_ended", "account.shut", "account.closed"]
    assert [letter.template for letter in sweep.sent].count("closed") == 1


def test_the_last_mail_goes_to_the_old_address_and_only_then_is_that_forgotten(
    session: Session, sweep: Sweep, clock: FixedClock
) -> None:
    member = make_member(session, "olena@example.org", language="uk")
    services.ask_closure(session, member_id=member.id, now=NOW)
    clock.instant += DAY
    for _ in range(4):  # the mail can't be sent meanwhile
        sweep.work()
        clock.instant += timedelta(minutes=1)
    waiting = closure_of(session, member.id)

    assert (session.scalar(select(Member.email)), waiting.last_address, waiting.done_at) == (None, "olena@example.org", None)
    sweep.run(times=2)
    assert [(letter.to, letter.language) for letter in sweep.sent if letter.template == "closed"] == [("olena@example.org", "uk")]
    assert closure_of(session, member.id).last_address is None


def test_a_last_mail_that_was_given_up_is_nobodys_and_nobody_can_try_it_again(
    session: Session, sweep: Sweep, clock: FixedClock
) -> None:
    member = make_member(session)
    services.ask_closure(session, member_id=member.id, now=NOW)
    clock.instant += DAY
    for _ in range(2):
        sweep.work()
        clock.instant += timedelta(minutes=1)
    last = select(OutboxItem).where(OutboxItem.kind == closures.CLOSED_MAIL).execution_options(populate_existing=True)
    with transaction(session):
        session.scalars(last).one().dead_at = clock.now()
    sweep.run(times=2)

    item = session.scalars(last).one()
    assert closure_of(session, member.id).last_address is None
    assert (item.payload, item.member_id, item.dead_at, item.done_at is not None) == ({}, None, None, True)


def test_one_that_breaks_does_not_stop_those_behind_it(session: Session) -> None:
    first, second = make_member(session), make_member(session, "second@example.org")
    for member in (first, second):
        services.ask_closure(session, member_id=member.id, now=NOW)
    with transaction(session):
        for closure in session.scalars(select(AccountClosure)):
            closure.begun_at = closure.confirmed_at = NOW

    def poison(own: Session, *_: object) -> None:
        if any(isinstance(row, Member) and row.id == first.id for row in own.dirty):
            raise ValueError("poison")

    event.listen(session, "before_flush", poison)
    assert services.shut_accounts(session, now=NOW) == 1
    event.remove(session, "before_flush", poison)

    assert [closures.is_closed(session, member.id) for member in (first, second)] == [False, True]
    assert [closure_of(session, member.id).held_up_at for member in (first, second)] == [NOW, None]
    assert closures.count_held_up(session) == 1
    assert services.shut_accounts(session, now=NOW) == 1
    assert closures.count_held_up(session) == 0


def test_its_sessions_are_dead_and_its_address_is_a_strangers(session: Session, sweep: Sweep, clock: FixedClock) -> None:
    member = make_member(session)
    token = services.start_session(session, member_id=member.id, method="mail", now=NOW)
    services.ask_closure(session, member_id=member.id, now=NOW)
    clock.instant += DAY
    assert find_login_session(session, token=token, now=clock.now()) is not None
    sweep.run(times=2)
    late = services.start_session(session, member_id=member.id, method="mail", now=clock.now())
    session.expire_all()

    assert [find_login_session(session, token=each, now=clock.now()) for each in (token, late)] == [None, None]
    assert find_member_who_may_prove(session, "reader@example.org") is None
    assert make_member(session).id != member.id


@pytest.mark.parametrize("late", [{"email": "a@example.org"}, {"typed_email": "a@example.org"}, {"display_name": "Olena"}])
def test_nothing_gives_a_deleted_account_a_name_again(session: Session, late: dict[str, str]) -> None:
    member = make_typed_member(session)
    with transaction(session):
        member.typed_email, member.closed_at = None, NOW

    with pytest.raises(IntegrityError), transaction(session):
        for name, value in late.items():
            setattr(member, name, value)


def test_what_lies_under_an_address_that_was_only_typed_stays_its_owners(session: Session, sweep: Sweep, clock: FixedClock) -> None:
    plan, round_ = make_plan(session), open_vote(session, keys=sweep.keys, clock=clock)
    make_everything(session, "owner", plan_id=plan.id, round_id=round_.id)
    stranger = make_typed_member(session, "owner@example.org")
    services.ask_closure(session, member_id=stranger.id, now=NOW)
    clock.instant += DAY
    counted = [session.query(model).count() for model in by_address()]

    sweep.run(times=4)

    assert closure_of(session, stranger.id).done_at is not None
    assert [session.query(model).count() for model in by_address()] == counted


def by_address() -> list[type[Base]]:
    wanted = ("sign_in_request", "invitation", "free_seat_request", "cancel_request")
    return [mapper.class_ for mapper in Base.registry.mappers if mapper.class_.__tablename__ in wanted]


@ON_SQLITE
def test_two_clicks_ask_for_it_and_one_keeps_it(
    app: Flask, client: FlaskClient, app_session: Session, mails: Callable[[], list[Mail]]
) -> None:
    member = make_member(app_session)
    sign_in(app, client, member.id)

    shown = client.get("/account/delete")
    asked = client.post("/account/delete")
    after, account = client.get("/account/delete"), client.get("/account")
    kept_ = client.post("/account/keep")

    assert [shown.status_code, asked.status_code, kept_.status_code] == [200, 303, 303]
    assert [text in shown.text for text in ("Delete my account", "Keep my account")] == [True, False]
    assert "At Stripe the receipts of what you paid stay" in shown.text
    assert [text in after.text for text in ("Delete my account", "Keep my account")] == [False, True]
    assert ("Keep my account" in account.text, "Keep my account" in client.get("/account").text) == (True, False)
    assert [mail.to for mail in mails()] == []  # taken back before it went out


@ON_SQLITE
def test_the_page_says_which_ballots_are_taken_back_and_which_count(
    app: Flask, client: FlaskClient, app_session: Session, clock: FixedClock
) -> None:
    keys = app.extensions["round_keys"]
    member = make_member(app_session)
    open_vote(app_session, keys=keys, clock=clock, slug="march", topics=("a", "b"), days=7)
    open_vote(app_session, keys=keys, clock=clock, slug="quick", topics=("c", "d"), days=1)
    sign_in(app, client, member.id)

    page = client.get("/account/delete").text

    assert "The March vote”, if you have sent one: it is taken back" in page
    assert "The Quick vote”, if you have sent one: that vote closes before" in page
    assert page.count("if you have sent one") == 2


@ON_SQLITE
def test_the_mail_about_it_leads_to_the_page_that_keeps_it(
    app: Flask, client: FlaskClient, app_session: Session, mails: Callable[[], list[Mail]]
) -> None:
    member = make_member(app_session)
    services.ask_closure(app_session, member_id=member.id, now=NOW)

    [mail] = mails()

    assert (mail.to, "http://localhost/account/delete" in mail.text, "23 March 2026" in mail.text) == (
        "reader@example.org",
        True,
        True,
    )


@ON_SQLITE
def test_staff_are_told_what_to_do_first(app: Flask, client: FlaskClient, app_session: Session) -> None:
    sign_in(app, client, make_staff(app_session).id)

    page, refused = client.get("/account/delete"), client.post("/account/delete")

    assert ("You work here" in page.text, "Delete my account" in page.text, refused.status_code) == (True, False, 409)


@ON_SQLITE
@pytest.mark.parametrize("held_up", [False, True])
def test_while_it_goes_on_the_page_says_so(app: Flask, client: FlaskClient, app_session: Session, held_up: bool) -> None:
    member = make_member(app_session)
    sign_in(app, client, member.id)
    services.ask_closure(app_session, member_id=member.id, now=NOW)
    services.begin_due_closures(app_session, now=NOW + DAY)
    with transaction(app_session):
        found = app_session.scalars(select(AccountClosure)).one()
        found.held_up_at = NOW if held_up else None

    page = client.get("/account/delete")

    assert ("is being deleted" in page.text, "Stripe has not confirmed" in page.text) == (True, held_up)
    assert client.post("/account/keep").status_code == 409


@ON_SQLITE
def test_the_page_says_that_a_payment_is_still_with_the_bank(app: Flask, client: FlaskClient, app_session: Session) -> None:
    member, plan = make_member(app_session), make_plan(app_session)
    about = {"purpose": "gift", "interval": "once", "amount_minor": 2000, "currency": "eur", "language": "en"}
    with transaction(app_session):
        app_session.add(
            CheckoutAttempt(
                id=uuid4(), plan_id=plan.id, browser_hash=b"b", buyer_email=member.email, created_at=NOW, completed_at=NOW, **about
            )
        )
    sign_in(app, client, member.id)
    services.ask_closure(app_session, member_id=member.id, now=NOW)
    services.begin_due_closures(app_session, now=NOW + DAY)
    with transaction(app_session):
        app_session.scalars(select(AccountClosure)).one().held_up_at = NOW

    page = client.get("/account/delete").text

    assert ("is still with your bank" in page, "Stripe has not confirmed" in page) == (True, False)


@ON_SQLITE
def test_nobody_is_signed_in_afterwards(app: Flask, client: FlaskClient, app_session: Session, clock: FixedClock) -> None:
    member = make_member(app_session)
    sign_in(app, client, member.id)
    client.post("/account/delete")
    clock.instant += DAY
    queue = app.extensions["kernel"].queue
    for _ in range(4):
        for job in ("account_closures", "closures", "closed_payers", "closed_ballots", "closed_badges", "mails"):
            queue.run(job)
        clock.instant += timedelta(minutes=1)

    assert client.get("/account").status_code == 303
    assert app_session.scalars(select(LoginSession)).all() == []


@ON_SQLITE
def test_the_desk_says_that_an_account_waits_for_stripe(app: Flask, client: FlaskClient, app_session: Session) -> None:
    services.ask_closure(app_session, member_id=make_member(app_session).id, now=NOW)
    sign_in(app, client, make_staff(app_session, "treasurer").id)
    assert "account can’t be deleted yet" not in client.get("/staff").text
    with transaction(app_session):
        app_session.scalars(select(AccountClosure)).one().held_up_at = NOW

    assert "1 account can’t be deleted yet" in client.get("/staff").text
