"""Patreon beside us: looked at before anything changes, applied once, and nobody loses a vote between two lists."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, event, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.audit import AuditEntry
from membership.db import transaction
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem
from membership.patronage import patreon, queries, services
from membership.patronage.entitlement import Standing
from membership.patronage.models import PaidPeriod, PatreonImport, PatreonMember
from membership.patronage.patreon_sheet import PatreonRow, PatreonSheet
from membership.patronage.services.patreon import CHUNK
from membership.patronage.sheets import Fault
from tests.conftest import NOW
from tests.factories.accounts import make_member, make_staff, race
from tests.factories.patronage import period, store, subscription
from tests.patronage.conftest import table

DAY = timedelta(days=1)
# A list is uploaded on the third of each month; Patreon charges on the first.
APRIL, MAY = NOW + 17 * DAY, NOW + 47 * DAY


def pays(number: str = "100", until: datetime | None = APRIL, *, email: str = "") -> PatreonRow:
    return PatreonRow(number, email or f"reader{number}@example.org", until)


def upload(session: Session, *rows: PatreonRow, now: datetime = NOW) -> int:
    staff_id = session.info.setdefault("treasurer", None) or make_staff(session, "treasurer").id
    session.info["treasurer"] = staff_id
    return services.upload_patreon(session, sheet=PatreonSheet(rows, 0, ()), actor_id=staff_id, now=now)


def applied(session: Session, *rows: PatreonRow, now: datetime = NOW) -> tuple[int, int, int, int]:
    """Upload a list and apply it; return how many joined, went on, stayed as they were, left."""
    import_id = upload(session, *rows, now=now)
    made = services.apply_patreon(session, import_id=import_id, language="uk", actor_id=session.info["treasurer"], now=now)
    return made.joined, made.prolonged, made.unchanged, made.left


def periods(session: Session) -> list[tuple[object, ...]]:
    return table(session, PaidPeriod, "source", "starts_at", "ends_at")


def standing(session: Session, email: str, at: datetime = NOW) -> Standing:
    member = session.scalars(select(Member).where((Member.email == email) | (Member.typed_email == email))).one()
    return queries.standing_of(session, member.id, at=at)


def test_a_list_with_a_fault_is_not_kept(session: Session) -> None:
    staff = make_staff(session, "treasurer")

    with pytest.raises(Conflict):
        services.upload_patreon(session, sheet=PatreonSheet((), 0, (Fault(2, "id", "x"),)), actor_id=staff.id, now=NOW)

    assert table(session, PatreonImport, "id") == []


def test_a_list_that_is_not_there_or_was_put_away_is_not_applied(session: Session) -> None:
    import_id = upload(session, pays())
    staff_id = session.info["treasurer"]
    services.discard_patreon(session, import_id=import_id)
    replaced = upload(session, pays())
    upload(session, pays("101"))

    for gone in (import_id, replaced):
        with pytest.raises(Conflict):
            services.apply_patreon(session, import_id=gone, actor_id=staff_id, now=NOW)
    with pytest.raises(NotFound):
        services.apply_patreon(session, import_id=404, actor_id=staff_id, now=NOW)

    assert (table(session, PatreonMember, "patreon_id"), periods(session)) == ([], [])


def test_to_look_at_a_list_changes_nothing(session: Session) -> None:
    make_member(session, "here@example.org")
    import_id = upload(session, pays(), pays("101", email="here@example.org"))
    draft = patreon.find_draft(session)
    assert draft is not None

    seen = patreon.compare_patreon(session, patreon.drafted_rows(draft), at=NOW)

    assert (draft.id, [row.patreon_id for row in seen.joined]) == (import_id, ["100", "101"])
    assert [len(table(session, model, "member_id")) for model in (PatreonMember, PaidPeriod, OutboxItem)] == [0, 0, 0]
    assert len(table(session, Member, "id")) == 2


def test_a_list_that_nobody_applies_is_forgotten_after_a_day(session: Session) -> None:
    upload(session, pays())

    kept, forgotten = (services.forget_patreon_drafts(session, now=NOW + hours) for hours in (DAY, DAY + timedelta(seconds=1)))

    assert (kept, forgotten, patreon.find_draft(session)) == (0, 1, None)


def test_who_pays_there_is_a_patron_here_until_the_day_that_is_paid(session: Session) -> None:
    assert applied(session, pays()) == (1, 0, 0, 0)

    assert standing(session, "reader100@example.org") == Standing(True, "patron", APRIL)
    assert standing(session, "reader100@example.org", at=APRIL) == Standing(False, "ended", APRIL)
    assert ("reader100@example.org", None, "uk") in table(session, Member, "typed_email", "email", "language")
    assert table(session, PatreonMember, "patreon_id", "paid_until", "left_at") == [("100", APRIL, None)]
    assert table(session, OutboxItem, "kind", "key", "payload") == [
        ("patreon_welcome", "patreon-welcome:100", {"patreon_id": "100"})
    ]
    assert table(session, PatreonImport, "draft") == [(None,)]  # the addresses of the list
    assert ("patreon.applied", {"joined": 1, "prolonged": 0, "left": 0}) in table(session, AuditEntry, "act", "details")


def test_applied_twice_it_is_applied_once(session: Session) -> None:
    import_id = upload(session, pays())

    made = [
        services.apply_patreon(session, import_id=import_id, actor_id=session.info["treasurer"], now=NOW + minutes * DAY / 1440)
        for minutes in (0, 1)
    ]

    assert [(each.joined, each.applied_at) for each in made] == [(1, NOW), (1, NOW)]
    assert (len(periods(session)), len(table(session, OutboxItem, "id"))) == (1, 1)
    assert len([act for (act,) in table(session, AuditEntry, "act") if act == "patreon.applied"]) == 1


def test_applied_by_several_at_once_it_is_applied_once(engine: Engine, session: Session) -> None:
    import_id = upload(session, *(pays(str(number)) for number in range(100, 110)))
    staff_id = session.info["treasurer"]

    race(engine, lambda own: services.apply_patreon(own, import_id=import_id, actor_id=staff_id, now=NOW).id, racers=4)

    assert (len(periods(session)), len(table(session, OutboxItem, "id"))) == (10, 10)
    assert table(session, PatreonImport, "joined", "prolonged", "unchanged", "left") == [(10, 0, 0, 0)]


def test_a_long_list_stopped_halfway_goes_on_where_it_was(session: Session) -> None:
    import_id = upload(session, *(pays(str(1000 + number)) for number in range(CHUNK + 1)))
    staff_id = session.info["treasurer"]

    def stop(flushed: Session, _context: object) -> None:
        if any(isinstance(row, PatreonMember) and row.patreon_id == str(1000 + CHUNK) for row in flushed.new):
            raise InterruptedError

    event.listen(session, "after_flush", stop)
    with pytest.raises(InterruptedError):
        services.apply_patreon(session, import_id=import_id, actor_id=staff_id, now=NOW)
    event.remove(session, "after_flush", stop)
    halfway = len(periods(session))
    done = services.apply_patreon(session, import_id=import_id, actor_id=staff_id, now=NOW)

    assert (halfway, len(periods(session))) == (CHUNK, CHUNK + 1)
    assert (done.joined, done.unchanged) == (CHUNK + 1, 0)


def test_refreshed_each_month_nobody_loses_a_day(session: Session) -> None:
    applied(session, pays())

    assert applied(session, pays(until=MAY), now=APRIL - 6 * DAY) == (0, 1, 0, 0)
    assert applied(session, pays(until=MAY), now=APRIL - 5 * DAY) == (0, 0, 1, 0)

    assert periods(session) == [("patreon", NOW, APRIL), ("patreon", APRIL, MAY)]
    assert standing(session, "reader100@example.org", at=APRIL) == Standing(True, "patron", MAY)
    assert len(table(session, OutboxItem, "id")) == 1  # welcomed once


def test_who_left_stays_a_patron_until_the_day_that_is_paid_and_can_come_back(session: Session) -> None:
    applied(session, pays(), pays("101"))

    left = applied(session, pays("101"), now=NOW + DAY)
    after = standing(session, "reader100@example.org", at=NOW + DAY)
    back = applied(session, pays(until=MAY), pays("101"), now=APRIL + DAY)

    assert (left, after) == ((0, 0, 1, 1), Standing(True, "patron", APRIL))
    # 101 was paid until the same day in April: that is over, so they have left.
    assert back == (0, 1, 0, 1)
    assert ("patreon", APRIL + DAY, MAY) in periods(session)
    assert table(session, PatreonMember, "patreon_id", "left_at") == [("100", None), ("101", APRIL + DAY)]
    assert len(table(session, OutboxItem, "id")) == 2


def test_a_charge_under_way_neither_prolongs_nor_ends_anything(session: Session) -> None:
    applied(session, pays())

    assert applied(session, pays(until=None), pays("101", until=None), now=NOW + DAY) == (0, 0, 0, 0)
    assert table(session, PatreonMember, "patreon_id", "left_at") == [("100", None)]


def test_who_paid_until_a_day_that_is_over_does_not_join(session: Session) -> None:
    assert applied(session, pays(until=NOW)) == (0, 0, 0, 0)

    assert (table(session, PatreonMember, "patreon_id"), table(session, OutboxItem, "id")) == ([], [])


def test_who_cannot_be_written_to_joins_only_if_known_already(session: Session) -> None:
    applied(session, pays())
    nameless = PatreonRow("100", "", MAY), PatreonRow("101", "", MAY)

    seen = patreon.compare_patreon(session, nameless, at=NOW)

    assert [row.patreon_id for row in seen.unreachable] == ["101"]
    assert applied(session, *nameless) == (0, 1, 0, 0)


def test_who_pays_by_card_too_is_covered_both_ways(session: Session) -> None:
    """No time is added to either: Patreon's runs out on its own day there, and the card is charged here as before."""
    member = make_member(session, "both@example.org")
    card = period(-10, 20, member_id=member.id)
    store(session, subscription("active", member_id=member.id), card)

    assert patreon.count_patrons_otherwise(session, ["both@example.org", "new@example.org"], at=NOW) == 1
    assert applied(session, pays(email="both@example.org")) == (1, 0, 0, 0)
    assert periods(session) == [("patreon", NOW, APRIL), ("subscription", NOW - 10 * DAY, NOW + 20 * DAY)]
    assert len(table(session, Member, "id")) == 2


def test_two_numbers_with_one_address_are_one_member(session: Session) -> None:
    applied(session, pays("100", email="one@example.org"), pays("101", until=MAY, email="one@example.org"))

    assert standing(session, "one@example.org") == Standing(True, "patron", MAY)


def test_staffs_own_address_makes_no_voter_of_them(session: Session) -> None:
    applied(session, pays(email="staff@example.org"))

    assert standing(session, "staff@example.org").code == "staff"


def test_who_deleted_their_account_is_not_made_a_member_again(session: Session) -> None:
    applied(session, pays())
    with transaction(session):
        session.execute(delete(Member).where(Member.typed_email == "reader100@example.org"))

    assert applied(session, pays(until=MAY), now=NOW + DAY) == (0, 0, 1, 0)
    assert (len(table(session, Member, "id")), periods(session)) == (1, [])


def test_the_desk_is_told_when_the_last_list_is_old(session: Session) -> None:
    asked = [NOW + days * DAY for days in (35, 36, 100)]

    never = patreon.find_overdue_list(session, at=NOW)
    applied(session, pays())
    while_here = [patreon.find_overdue_list(session, at=at) for at in asked]
    long_gone = patreon.find_overdue_list(session, at=APRIL + 90 * DAY)
    applied(session, now=NOW + DAY)
    all_left = patreon.find_overdue_list(session, at=NOW + 40 * DAY)

    assert (never, while_here, long_gone, all_left) == (None, [None, NOW, NOW], None, None)
