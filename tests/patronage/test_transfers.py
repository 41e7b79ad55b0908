"""Bank transfers: booked once, by the reference of one person, and never on anybody's guess but a person's."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.audit import AuditEntry
from membership.errors import Conflict, NotFound, TooOften
from membership.outbox import OutboxItem
from membership.patronage import queries, services
from membership.patronage import transfers as reading
from membership.patronage.bank_statement import Statement, read_statement
from membership.patronage.models import BankImport, BankTransfer, PaidPeriod, Payment, TransferReference
from membership.patronage.services.transfers import CHUNK
from membership.patronage.sheets import Fault
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, make_typed_member, race
from tests.factories.patronage import make_plan
from tests.patronage.conftest import table

ARRIVED = datetime(2026, 3, 20, 12, tzinfo=NOW.tzinfo)


def statement(*lines: str) -> Statement:
    """A statement with these lines: day;amount;currency;text;payer."""
    text = "Date;Amount;Currency;Purpose;Payer\n" + "".join(f"{line}\n" for line in lines)
    return read_statement(text.encode(), currency="eur", today=NOW.date())


def imports(session: Session, *lines: str) -> tuple[int, int, int, int]:
    """Take over a statement; return how many came in, were booked, were known, had gone out."""
    made = services.import_statement(session, statement=statement(*lines), actor_id=None, now=NOW)
    return made.rows, made.matched, made.known, made.skipped


def reference_of(session: Session, member: Member | None = None, email: str = "") -> str:
    member_id = member.id if member else None
    return services.transfer_reference_for(session, member_id=member_id, email=email, language="uk", now=NOW)


def waiting(session: Session) -> list[tuple[int, str]]:
    found = [(transfer.id, transfer.text) for transfer in reading.waiting_transfers(session)]
    session.commit()
    return found


def waits(session: Session, line: str = "2026-03-20;36,00;EUR;no reference;Ann Payer") -> int:
    """Let a transfer wait for a person; return its id."""
    imports(session, line)
    return waiting(session)[-1][0]


def transfers(session: Session) -> list[tuple[object, ...]]:
    return table(session, BankTransfer, "state", "member_id", "months", "payer", "text")


def periods(session: Session) -> list[tuple[object, ...]]:
    return table(session, PaidPeriod, "member_id", "source", "starts_at", "ends_at")


# What is refused, or waits for a person


def test_a_statement_with_a_fault_is_not_taken_over_at_all(session: Session) -> None:
    make_plan(session)
    broken = replace(statement("2026-03-20;36,00;EUR;x;A"), faults=(Fault(3, "date", "x"),))

    with pytest.raises(Conflict):
        services.import_statement(session, statement=broken, actor_id=None, now=NOW)

    assert (table(session, BankImport, "id"), transfers(session)) == ([], [])


def test_without_a_plan_nothing_can_be_counted_in_months(session: Session) -> None:
    with pytest.raises(NotFound):
        imports(session, "2026-03-20;36,00;EUR;x;A")

    assert table(session, BankImport, "id") == []


def test_what_has_no_reference_waits_with_what_the_bank_wrote(session: Session) -> None:
    make_plan(session)

    assert imports(session, "2026-03-20;36,00;EUR;for you;Ann", "2026-03-20;-5,00;EUR;fee;Bank") == (1, 0, 0, 1)
    assert transfers(session) == [("waiting", None, 0, "Ann", "for you")]
    assert (table(session, Payment, "id"), periods(session), table(session, OutboxItem, "kind")) == ([], [], [])


def test_two_peoples_references_in_one_text_wait_and_make_nobody_a_member(session: Session) -> None:
    make_plan(session)
    member, stranger = reference_of(session, make_member(session)), reference_of(session, email="new@example.org")

    assert imports(session, f"2026-03-20;36,00;EUR;{member} and {stranger};Ann") == (1, 0, 0, 0)
    assert table(session, Member, "email", "typed_email") == [("reader@example.org", None)]


def test_a_transfer_in_another_currency_waits_until_somebody_says_what_it_is_worth(session: Session) -> None:
    make_plan(session)
    member, staff = make_member(session), make_staff(session, "treasurer")
    imports(session, f"2026-03-20;40,00;USD;{reference_of(session, member)};Ann")
    ((transfer_id, _),) = waiting(session)

    with pytest.raises(Conflict):
        services.match_transfer(session, transfer_id=transfer_id, member_id=member.id, actor_id=staff.id, now=NOW)
    untouched = transfers(session)
    until = services.match_transfer(
        session, transfer_id=transfer_id, member_id=member.id, worth_minor=3600, actor_id=staff.id, now=NOW
    )

    assert [row[0] for row in untouched] == ["waiting"]
    assert until == ARRIVED.replace(year=2027)
    assert table(session, Payment, "amount_minor", "currency") == [(4000, "usd")]


def test_an_amount_below_a_month_is_booked_and_makes_nobody_a_patron(session: Session) -> None:
    make_plan(session)
    member = make_member(session)

    assert imports(session, f"2026-03-20;2,99;EUR;{reference_of(session, member)};Ann") == (1, 1, 0, 0)
    assert transfers(session) == [("matched", member.id, 0, "", "")]
    assert (table(session, Payment, "amount_minor", "member_id"), periods(session)) == ([(299, member.id)], [])
    assert table(session, OutboxItem, "kind", "member_id") == [("contribution", member.id)]


@pytest.mark.parametrize("act", ["match", "move", "dismiss"])
def test_what_does_not_exist_cannot_be_decided(session: Session, act: str) -> None:
    make_plan(session)
    staff = make_staff(session, "treasurer")

    with pytest.raises(NotFound):
        if act == "dismiss":
            services.dismiss_transfer(session, transfer_id=404, note="", actor_id=staff.id, now=NOW)
        else:
            decide = services.match_transfer if act == "match" else services.move_transfer
            decide(session, transfer_id=404, member_id=staff.id, actor_id=staff.id, now=NOW)


def test_nobody_unknown_is_given_a_transfer(session: Session) -> None:
    make_plan(session)
    staff, transfer_id = make_staff(session, "treasurer"), waits(session)

    with pytest.raises(NotFound):
        services.match_transfer(session, transfer_id=transfer_id, member_id=404, actor_id=staff.id, now=NOW)

    assert [row[0] for row in transfers(session)] == ["waiting"]


def test_what_is_nobodys_yet_cannot_be_moved(session: Session) -> None:
    make_plan(session)
    staff, transfer_id = make_staff(session, "treasurer"), waits(session)

    with pytest.raises(Conflict):
        services.move_transfer(session, transfer_id=transfer_id, member_id=staff.id, actor_id=staff.id, now=NOW)


def test_of_two_who_decide_at_once_one_comes_too_late(engine: Engine, session: Session) -> None:
    make_plan(session)
    staff, transfer_id = make_staff(session, "treasurer"), waits(session)
    people = [make_member(session, f"reader{number}@example.org").id for number in range(4)]

    def decide(own: Session, member_id: int) -> str:
        try:
            services.match_transfer(own, transfer_id=transfer_id, member_id=member_id, actor_id=staff.id, now=NOW)
        except Conflict:
            return "too late"
        return "decided"

    waiting_for = iter(people)
    outcomes = race(engine, lambda own: decide(own, next(waiting_for)), racers=4)

    assert sorted(outcomes) == ["decided", "too late", "too late", "too late"]
    assert (len(table(session, Payment, "id")), len(periods(session))) == (1, 1)


def test_references_can_be_asked_for_a_few_times_a_day(session: Session) -> None:
    def ask(now: datetime) -> str:
        who = {b"browser": 2, b"network": 9}
        return services.transfer_reference_for(session, email="a@example.org", asked_by=who, language="en", now=now)

    ask(NOW)
    ask(NOW)

    with pytest.raises(TooOften):
        ask(NOW)
    assert len(table(session, TransferReference, "reference")) == 2
    assert ask(NOW + timedelta(days=1, seconds=1))


# What is booked


def test_a_reference_of_a_member_is_always_the_same(engine: Engine, session: Session) -> None:
    member = make_member(session)

    found = race(engine, lambda own: reference_of(own, member), racers=5)

    assert len(set(found)) == 1
    assert table(session, TransferReference, "reference", "member_id", "email") == [(found[0], member.id, None)]


def test_a_stranger_gets_a_new_reference_each_time_whoever_the_address_belongs_to(session: Session) -> None:
    make_member(session)

    first, second = reference_of(session, email=" Reader@Example.org"), reference_of(session, email="reader@example.org")

    assert first != second
    assert {row[1:] for row in table(session, TransferReference, "reference", "member_id", "email")} == {
        (None, "reader@example.org")
    }


def test_a_transfer_with_a_reference_pays_from_the_day_on_which_it_arrived(session: Session) -> None:
    make_plan(session)
    member = make_member(session)
    bare = reference_of(session, member).replace("-", "").lower()

    assert imports(session, f"2026-03-20;15,00;EUR;Support {bare[:5]}  {bare[5:]} thanks;Ann Payer") == (1, 1, 0, 0)
    assert periods(session) == [(member.id, "bank", ARRIVED, ARRIVED.replace(month=8))]
    assert table(session, Payment, "kind", "source", "member_id", "amount_minor", "net_minor", "currency", "occurred_at") == [
        ("manual", "bank", member.id, 1500, 1500, "eur", ARRIVED)
    ]
    assert transfers(session) == [("matched", member.id, 5, "", "")]  # who paid it is forgotten
    assert table(session, OutboxItem, "kind", "member_id") == [("contribution", member.id)]
    assert table(session, AuditEntry, "act", "details") == [("statement.imported", {"rows": 1, "matched": 1, "known": 0})]


def test_the_first_transfer_makes_a_member_of_an_address(session: Session) -> None:
    make_plan(session)
    reference = reference_of(session, email="new@example.org")

    imports(session, f"2026-03-20;15,00;EUR;{reference};Ann", f"2026-03-21;3,00;EUR;{reference};Ann")

    ((member_id, *_),) = table(session, Member, "id", "typed_email", "email", "language")
    assert table(session, Member, "typed_email", "email", "language") == [("new@example.org", None, "uk")]
    assert table(session, TransferReference, "reference", "member_id", "email") == [(reference, member_id, None)]
    assert queries.standing_of(session, member_id, at=NOW).until == ARRIVED.replace(month=9)


def test_a_reference_typed_for_a_known_address_is_that_members_though_they_have_one_of_their_own(session: Session) -> None:
    make_plan(session)
    member = make_member(session)
    own, typed = reference_of(session, member), reference_of(session, email="reader@example.org")

    assert imports(session, f"2026-03-20;3,00;EUR;{typed} {own};A", f"2026-03-20;3,00;EUR;{typed};A") == (2, 2, 0, 0)
    assert {row[0] for row in periods(session)} == {member.id}


def test_a_transfer_of_today_pays_from_now_on(session: Session) -> None:
    make_plan(session)
    member = make_member(session)
    line = f"2026-03-22;3,00;EUR;{reference_of(session, member)};Ann"
    early = NOW.replace(hour=6)

    services.import_statement(session, statement=statement(line), actor_id=None, now=early)

    assert queries.standing_of(session, member.id, at=early).may_vote


def test_of_two_transfers_the_earlier_one_begins_first_however_the_bank_sorts_them(session: Session) -> None:
    make_plan(session)
    member = make_member(session)
    reference = reference_of(session, member)

    imports(session, f"2026-03-20;3,00;EUR;{reference};A", f"2026-03-01;3,00;EUR;{reference};A")

    first = datetime(2026, 3, 1, 12, tzinfo=NOW.tzinfo)
    assert [row[2:] for row in periods(session)] == [
        (first, first.replace(month=4)),
        (first.replace(month=4), first.replace(month=5)),
    ]


def test_read_again_and_overlapping_each_transfer_is_booked_once(session: Session) -> None:
    make_plan(session)
    first, second = make_member(session), make_member(session, "second@example.org")
    a = f"2026-03-19;3,00;EUR;{reference_of(session, first)};A"
    b = f"2026-03-20;3,00;EUR;{reference_of(session, second)};B"

    outcomes = [
        imports(session, a, "2026-03-20;1,00;EUR;?;C"),
        imports(session, a, "2026-03-20;1,00;EUR;?;C"),
        imports(session, b, a),
    ]

    assert outcomes == [(2, 1, 0, 0), (2, 0, 2, 0), (2, 1, 1, 0)]
    assert (len(table(session, Payment, "id")), len(periods(session)), len(waiting(session))) == (2, 2, 1)


def test_two_equal_lines_are_two_transfers_and_no_third_when_read_again(session: Session) -> None:
    make_plan(session)
    line = f"2026-03-20;3,00;EUR;{reference_of(session, make_member(session))};A"

    assert [imports(session, line, line), imports(session, line, line), imports(session, line)] == [
        (2, 2, 0, 0),
        (2, 0, 2, 0),
        (1, 0, 1, 0),
    ]


def test_the_same_statement_uploaded_by_two_at_once_is_taken_over_once(engine: Engine, session: Session) -> None:
    make_plan(session)
    references = [reference_of(session, make_member(session, f"reader{number}@example.org")) for number in range(6)]
    lines = [f"2026-03-{10 + number};3,00;EUR;{reference};A" for number, reference in enumerate(references)]

    outcomes = race(engine, lambda own: imports(own, *lines), racers=3)

    assert (sum(matched for _, matched, _, _ in outcomes), sum(known for _, _, known, _ in outcomes)) == (6, 12)
    assert (len(table(session, Payment, "id")), len(periods(session))) == (6, 6)


def test_a_long_statement_is_taken_over_in_pieces(session: Session) -> None:
    make_plan(session)
    reference = reference_of(session, make_member(session))
    many = CHUNK + 1

    assert imports(
        session, *(f"2026-03-20;1,00;EUR;{number};A" for number in range(many)), f"2026-03-21;3,00;EUR;{reference};A"
    ) == (
        many + 1,
        1,
        0,
        0,
    )


# What a person decides


def test_a_waiting_transfer_is_given_to_somebody_and_its_payer_forgotten(session: Session) -> None:
    make_plan(session)
    member, staff, transfer_id = make_member(session), make_staff(session, "treasurer"), waits(session)

    until = services.match_transfer(session, transfer_id=transfer_id, member_id=member.id, actor_id=staff.id, now=NOW)

    assert until == ARRIVED.replace(year=2027)
    assert transfers(session) == [("matched", member.id, 12, "", "")]
    assert ("transfer.matched", staff.id, str(transfer_id), {"member_id": member.id}) in table(
        session, AuditEntry, "act", "actor_id", "subject_id", "details"
    )


def test_what_is_no_support_is_put_away_with_a_note(session: Session) -> None:
    make_plan(session)
    staff, transfer_id = make_staff(session, "treasurer"), waits(session)

    services.dismiss_transfer(session, transfer_id=transfer_id, note="rent of the hall", actor_id=staff.id, now=NOW)

    assert table(session, BankTransfer, "state", "payer", "text", "note") == [("dismissed", "", "", "rent of the hall")]
    assert (table(session, Payment, "id"), waiting(session)) == ([], [])
    with pytest.raises(Conflict):
        services.dismiss_transfer(session, transfer_id=transfer_id, note="", actor_id=staff.id, now=NOW)


def test_what_was_put_away_by_mistake_can_still_be_given_to_somebody(session: Session) -> None:
    make_plan(session)
    member, staff, transfer_id = make_member(session), make_staff(session, "treasurer"), waits(session)
    services.dismiss_transfer(session, transfer_id=transfer_id, note="", actor_id=staff.id, now=NOW)

    until = services.move_transfer(session, transfer_id=transfer_id, member_id=member.id, actor_id=staff.id, now=NOW)

    assert (until, transfers(session)) == (ARRIVED.replace(year=2027), [("matched", member.id, 12, "", "")])


def test_a_transfer_moved_takes_its_time_along_and_the_other_ones_later_time_moves_up(session: Session) -> None:
    make_plan(session)
    wrong, right, staff = make_member(session), make_typed_member(session), make_staff(session, "treasurer")
    transfer_id = waits(session)
    services.match_transfer(session, transfer_id=transfer_id, member_id=wrong.id, actor_id=staff.id, now=NOW)
    imports(session, f"2026-03-21;3,00;EUR;{reference_of(session, wrong)};Real")
    imports(session, f"2026-03-21;3,00;EUR;{reference_of(session, right)};Also")

    until = services.move_transfer(session, transfer_id=transfer_id, member_id=right.id, actor_id=staff.id, now=NOW)
    again = services.move_transfer(session, transfer_id=transfer_id, member_id=right.id, actor_id=staff.id, now=NOW)

    own = datetime(2026, 3, 21, 12, tzinfo=NOW.tzinfo)
    assert until == again == own.replace(year=2027, month=4)
    assert [row for row in periods(session) if row[0] == right.id] == [
        (right.id, "bank", own, own.replace(month=4)),
        (right.id, "bank", own.replace(month=4), until),
    ]
    # It began a year later, behind what was never theirs; now it begins now and is as long as it was.
    assert [row for row in periods(session) if row[0] == wrong.id] == [(wrong.id, "bank", NOW, NOW + timedelta(days=31))]
    assert set(table(session, Payment, "member_id", "amount_minor")) == {
        (right.id, 3600),
        (right.id, 300),
        (wrong.id, 300),
    }
    moved = [details for act, details in table(session, AuditEntry, "act", "details") if act == "transfer.moved"]
    assert moved == [{"member_id": right.id, "taken_from": wrong.id}]


def test_time_that_others_keep_books_of_does_not_move_up(session: Session) -> None:
    make_plan(session)
    wrong, right, staff = make_member(session), make_typed_member(session), make_staff(session, "treasurer")
    transfer_id = waits(session)
    end = services.match_transfer(session, transfer_id=transfer_id, member_id=wrong.id, actor_id=staff.id, now=NOW)
    assert end is not None
    by_card = PaidPeriod(member_id=wrong.id, source="once", reference="ch_1", starts_at=end, ends_at=end + timedelta(days=30))
    session.add(by_card)
    session.commit()

    services.move_transfer(session, transfer_id=transfer_id, member_id=right.id, actor_id=staff.id, now=NOW)

    assert [row for row in periods(session) if row[0] == wrong.id] == [(wrong.id, "once", end, end + timedelta(days=30))]


def test_a_receipt_goes_out_once_and_none_for_old_books(session: Session) -> None:
    make_plan(session)
    member = make_member(session)
    reference = reference_of(session, member)
    old = (NOW - timedelta(days=61)).date()

    for _ in range(2):
        imports(session, f"{old};3,00;EUR;{reference};A", f"2026-03-20;3,00;EUR;{reference};A")

    payments = list(session.scalars(select(Payment).order_by(Payment.occurred_at)))
    assert [payment.occurred_at.date() for payment in payments] == [old, date(2026, 3, 20)]
    assert table(session, OutboxItem, "key") == [(f"contribution:{payments[1].id}",)]


def test_a_reference_that_nobody_used_is_forgotten_with_its_address(session: Session) -> None:
    member = make_member(session)
    kept = reference_of(session, member)
    reference_of(session, email="new@example.org")

    early = services.forget_unused_references(session, now=NOW + timedelta(days=399))
    late = services.forget_unused_references(session, now=NOW + timedelta(days=401))

    assert (early, late, table(session, TransferReference, "reference")) == (0, 1, [(kept,)])
